"""Structured logs on stderr: one line per event, with the job's context, never with a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50}
_SECRET_NAME = re.compile(r"passw|secret|token|api_?key|encryption_keys|authorization|cookie", re.IGNORECASE)
_URI_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")

HIDDEN = "[hidden]"


def is_secret_name(name: str) -> bool:
    """Whether a key of this name is likely to hold a secret: password, token, secret, api key, cookie..."""
    return bool(_SECRET_NAME.search(name))


def without_credentials(text: str) -> str:
    """A text whose URIs no longer carry a user name and password."""
    return _URI_CREDENTIALS.sub(HIDDEN + "@", text)


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """structlog processor: hide values of secret names, and credentials inside URIs."""
    for name, value in event.items():
        if is_secret_name(name):
            event[name] = HIDDEN
        elif isinstance(value, str) and "://" in value:
            event[name] = without_credentials(value)
    return event


def configure_logging(level: str = "info", style: str = "text") -> None:
    """Set up logging of this process.

    Args:
        level: trace, debug, info, warn, error or fatal.
        style: "text" for people, "json" for collectors: one object per line.
    """
    renderer: Any = structlog.processors.JSONRenderer()
    if style == "text":
        plain = structlog.dev.plain_traceback  # no local variables: they may hold secrets
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if style == "json" else []),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=max(_LEVELS[level], logging.WARNING), format="%(message)s")


def get_logger(name: str) -> Any:
    """A structured logger. Bind context with `.bind(key=value)`, log with `.info("event", key=value)`."""
    return structlog.get_logger(name).bind(logger=name)
