"""Wake-ups over a capped collection: a new job tells idle workers on every host, with one unacknowledged write.

A lost wake-up delays a job until the next poll (ROCKETJOB_MAX_POLL_SECONDS); it never loses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pymongo import CursorType, WriteConcern
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure, PyMongoError

from rocketjob_core.clock import utc_now

EVENTS = "rocket_job.events"
EVENTS_BYTES = 4 * 1024 * 1024  # some 40,000 wake-ups
AWAIT_SECONDS = 5.0
CLOCK_TOLERANCE_SECONDS = 60  # hosts whose clocks differ by more fall back to polling

_NAMESPACE_EXISTS = 48
_UNACKNOWLEDGED = WriteConcern(w=0)


def ensure_events(database: Database[Any]) -> None:
    """Make the capped collection; safe from many processes at once."""
    try:
        database.create_collection(EVENTS, capped=True, size=EVENTS_BYTES)
    except CollectionInvalid:
        return  # it exists
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:  # another process made it at this moment
            raise


def publish_wakeup(database: Database[Any], run_at: datetime | None = None, count: int = 1) -> None:
    """Tell idle workers that `count` jobs can be claimed, now or at `run_at`. Never raises: only a hint."""
    event: dict[str, Any] = {"name": "queue", "action": "wake", "count": count, "created_at": utc_now()}
    if run_at is not None:
        event["run_at"] = run_at
    with suppress(PyMongoError):  # the job itself is stored; the next poll finds it
        database.get_collection(EVENTS, write_concern=_UNACKNOWLEDGED).insert_one(event)


def tail(database: Database[Any]) -> Iterator[dict[str, Any] | None]:
    """Yield events from now on as they are published, None whenever `AWAIT_SECONDS` passed without one.

    Ends when the cursor dies, as it does on an empty or overrun capped collection: call it again then.

    Raises:
        PyMongoError: the collection is not capped, or MongoDB is away.
    """
    events = database[EVENTS]
    # By time with a tolerance, not by id: ids of many hosts are not ascending. Replayed wake-ups do no harm.
    since = utc_now() - timedelta(seconds=CLOCK_TOLERANCE_SECONDS)
    if events.find_one({"created_at": {"$gte": since}}, {"_id": 1}) is None:
        publish_wakeup(database)  # a tailable cursor that matches nothing yet is dead at once
    cursor = events.find({"created_at": {"$gte": since}}, cursor_type=CursorType.TAILABLE_AWAIT)
    cursor.max_await_time_ms(int(AWAIT_SECONDS * 1000))
    with cursor:
        while cursor.alive:
            yield next(cursor, None)
