"""Lists of jobs in their natural order, and one job: raw documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from pymongo.errors import ExecutionTimeout

from mission_control.queries.counts import condition_of
from mission_control.queries.grammar import Filter
from mission_control.queries.keyset import Order, beyond, encode
from mission_control.queries.reading import LIST_MS, jobs

PAGE_SIZES = (25, 50, 100, 200)
PAGE_SIZE = 50

# Every order is the tail of an index that begins with `state` (or is `_id` itself): no list is sorted in memory.
ORDERS: dict[str, Order] = {
    "queued": Order("priority"),
    "scheduled": Order("run_at"),
    "running": Order("priority"),
    "paused": Order("completed_at", descending=True),
    "failed": Order("completed_at", descending=True),
    "aborted": Order("completed_at", descending=True),
    "completed": Order("completed_at", descending=True),
    "all": Order("_id", descending=True),
}

# A list must not carry the megabytes a job may hold.
SHOWN = (
    *("_cls", "state", "description", "priority", "run_at", "created_at", "started_at", "completed_at"),
    *("failure_count", "lost_count", "worker_name", "percent_complete", "version", "throttle_group"),
    *("destroy_on_complete", "expires_at"),
)
_TEXT_CHARACTERS = 300


@dataclass(frozen=True)
class Page:
    """Some rows of a list, and how to go on."""

    rows: list[dict[str, Any]]
    newer: str | None = None
    older: str | None = None
    stopped: bool = False  # the search took too long; nothing is known about what is missing


def _projection() -> dict[str, Any]:
    fields: dict[str, Any] = dict.fromkeys(SHOWN, 1)
    for part in ("class_name", "message"):
        # Cut on the server, and only where it is a text: any type may be stored there.
        path = f"$exception.{part}"
        fields[f"error_{part}"] = {
            "$cond": [{"$eq": [{"$type": path}, "string"]}, {"$substrCP": [path, 0, _TEXT_CHARACTERS]}, None]
        }
    fields["description"] = {
        "$cond": [
            {"$eq": [{"$type": "$description"}, "string"]},
            {"$substrCP": ["$description", 0, _TEXT_CHARACTERS]},
            None,
        ]
    }
    return fields


def list_jobs(
    state: str, found: Filter, *, after: str | None = None, before: str | None = None, size: int = PAGE_SIZE
) -> Page:
    """One page of jobs of a state ("all" for any), in that list's order.

    Args:
        after: cursor of the row this page follows.
        before: cursor of the row this page precedes.
        size: rows at most.

    Raises:
        BadCursor: a cursor is not one of this list.
    """
    order = ORDERS.get(state, ORDERS["all"])
    parts = [] if state == "all" else [condition_of(state)]
    backwards = before is not None
    cursor = before or after
    if cursor:
        parts.append(beyond(order, cursor, backwards=backwards))
    query = found.condition(*parts)
    try:
        rows = list(
            jobs()
            .find(query, _projection(), max_time_ms=LIST_MS, comment=f"mc:jobs.{state}")
            .sort(order.sort(backwards=backwards))
            .limit(size + 1)
        )
    except ExecutionTimeout:
        return Page([], stopped=True)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_newer = more if backwards else bool(after)
    has_older = bool(before) if backwards else more
    return Page(
        rows,
        newer=encode(order, rows[0]) if rows and has_newer else None,
        older=encode(order, rows[-1]) if rows and has_older else None,
    )


def one_job(job_id: str) -> dict[str, Any] | None:
    """The whole stored document, None when there is none or the id is not an id."""
    try:
        key = ObjectId(job_id)
    except (InvalidId, TypeError):
        return None
    return jobs().find_one({"_id": key}, max_time_ms=LIST_MS, comment="mc:job")


def newest(state: str, size: int) -> list[dict[str, Any]]:
    """The first rows of a list, for the overview."""
    return list_jobs(state, Filter(), size=size).rows


def running_on(server_id: Any, size: int = 200) -> list[dict[str, Any]]:
    """What a server performs now."""
    query = {"state": "running", "server_id": server_id}
    return list(jobs().find(query, _projection(), max_time_ms=LIST_MS, comment="mc:server").limit(size))
