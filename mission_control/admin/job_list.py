"""Reading the address of a job list: filter, page size, cursor; bad input becomes a message beside the old rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from mission_control.queries.counts import Count, condition_of, count
from mission_control.queries.grammar import Filter, QueryError, parse
from mission_control.queries.jobs import PAGE_SIZE, PAGE_SIZES, Page, list_jobs
from mission_control.queries.keyset import BadCursor


@dataclass(frozen=True)
class ListRequest:
    """What was asked for, and what was found.

    Attributes:
        text: the filter as typed.
        error: why it was not understood; the rows are then those without it.
        total: how many match; None where nobody asked for a filter (the badge says it).
    """

    text: str
    size: int
    page: Page
    error: QueryError | None
    total: Count | None

    def link(self, **changes: Any) -> str:
        """The query part of an address: this list with another cursor or size."""
        kept: dict[str, Any] = {"q": self.text} if self.text else {}
        if self.size != PAGE_SIZE:
            kept["n"] = self.size
        return "?" + urlencode({key: value for key, value in {**kept, **changes}.items() if value})


def parse_list_request(state: str) -> ListRequest:
    """Read the request and the rows."""
    text = request.args.get("q", "").strip()
    size = request.args.get("n", "")
    wanted = int(size) if size.isascii() and size.isdigit() and int(size) in PAGE_SIZES else PAGE_SIZE
    error: QueryError | None = None
    found = Filter()
    try:
        found = parse(text)
    except QueryError as problem:
        error = problem
    after, before = request.args.get("after"), request.args.get("before")
    try:
        page = list_jobs(state, found, after=after, before=before, size=wanted)
    except BadCursor:
        error = error or QueryError("This address leads to a page that does not exist; here is the first")
        page = list_jobs(state, found, size=wanted)
    total = None
    if found.conditions:
        total = count(found.condition({} if state == "all" else condition_of(state)), "mc:count.filter")
    return ListRequest(text, wanted, page, error, total)
