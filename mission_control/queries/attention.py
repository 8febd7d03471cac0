"""What an operator should look at first: the overview's list. Each question is bounded by an index and a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import ExecutionTimeout

from mission_control.queries.counts import Count, condition_of
from mission_control.queries.reading import COUNT_MS, jobs
from rocketjob_core import utc_now

RECENT = timedelta(hours=1)
WAITING_LONG = timedelta(minutes=10)
LOOKED_AT = 2_000


@dataclass(frozen=True)
class FailedClass:
    """Failures of one class in the last hour."""

    class_name: str
    count: int


def failed_recently() -> tuple[list[FailedClass], bool]:
    """Failures of the last hour by class, most first; whether only the newest `LOOKED_AT` were looked at."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"state": "failed", "completed_at": {"$gte": utc_now() - RECENT}}},
        {"$sort": {"state": -1, "completed_at": -1, "_id": -1}},
        {"$limit": LOOKED_AT},
        {"$group": {"_id": "$_cls", "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": 5},
    ]
    try:
        rows = list(jobs().aggregate(pipeline, maxTimeMS=COUNT_MS, comment="mc:failed_recently"))
    except ExecutionTimeout:
        return [], True
    found = [FailedClass(str(row["_id"]), int(row["count"])) for row in rows]
    return found, sum(item.count for item in found) >= LOOKED_AT


def next_waiting_long() -> dict[str, Any] | None:
    """The job next in line, if even that has been waiting for long: then nothing moves."""
    query = condition_of("queued")
    try:
        rows = jobs().find(query, {"_cls": 1, "created_at": 1, "run_at": 1}, comment="mc:next", max_time_ms=COUNT_MS)
        first = next(iter(rows.sort([("priority", 1), ("_id", 1)]).limit(1)), None)
    except ExecutionTimeout:
        return None
    since = first and (first.get("run_at") or first.get("created_at"))
    return first if isinstance(since, datetime) and since < utc_now() - WAITING_LONG else None


def waits_without_server(counts: dict[str, Count], servers: int) -> bool:
    """Whether work is due and nobody is there to do it."""
    return bool(counts["queued"]) and servers == 0
