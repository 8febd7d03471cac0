"""Pages that refresh themselves: static/js/live.js asks for the same page again, and takes over what has changed.

A refresh that would change nothing is answered with 304 and no body. The counts come from one snapshot per process, so
that many open tabs cost MongoDB what one costs.
"""

from __future__ import annotations

import hashlib
import re

from flask import Response, request

HEADER = "X-MC-Live"

# What differs between two renderings of the same content: nonces, tokens, and the ages of things, which the browser
# computes itself from <time datetime>.
_VOLATILE = re.compile(rb'nonce="[^"]*"|name="csrf_token"[^>]*>|content="[^"]*" name="csrf|data-age>[^<]*<')


def not_modified(response: Response) -> Response:
    """Turn a live refresh into 304 where the page is still what the browser has."""
    tag = hashlib.blake2b(_VOLATILE.sub(b"", response.get_data()), digest_size=12).hexdigest()
    response.set_etag(tag, weak=True)
    if HEADER in request.headers and response.status_code == 200 and request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
    return response
