"""Taking the next job off the queue: one atomic round trip; and giving jobs back when their worker is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.database import Database

from rocketjob_core.clock import utc_now
from rocketjob_core.mongo.document import FAST
from rocketjob_core.mongo.events import publish_wakeup
from rocketjob_core.mongo.indexes import JOBS

MAX_LOST = 3
"""A job whose worker died this often while running it is failed: it is likely what kills them."""

_NOBODY_UNSET = {"worker_name": "", "server_id": "", "process_id": ""}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who performs a job. `process_id` is unique for the life of a worker process and never used again."""

    worker_name: str
    process_id: str
    server_id: ObjectId | None = None

    @property
    def fence(self) -> dict[str, str]:
        """Query part that matches a job only while this owner has it."""
        return {"process_id": self.process_id, "worker_name": self.worker_name}


def due(now: Any) -> dict[str, Any]:
    """Query part: `run_at` is absent or has come."""
    return {"$or": [{"run_at": None}, {"run_at": {"$lte": now}}]}


def claim(database: Database[Any], owner: Owner, condition: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Claim the queued job that is due with the lowest priority number, then the oldest; its document, else None.

    One round trip, on the index (state, priority, _id). It closes the race of many workers for one job: MongoDB lets
    one update see it queued. Killed right after it, the job is running with a dead owner and is put back by
    `put_back`. It is written with w=1: a claim lost with a failing primary means that the job is claimed again.

    Args:
        owner: written into the job; all later writes of this run require it.
        condition: the server's filter on jobs, besides state and time.
    """
    now = utc_now()
    query = {"state": "queued", **due(now)}
    if condition:
        query = {"$and": [query, condition]}
    update = {
        "$set": {
            "state": "running",
            "started_at": now,
            "worker_name": owner.worker_name,
            "process_id": owner.process_id,
            **({"server_id": owner.server_id} if owner.server_id else {}),
        },
        "$inc": {"version": 1},
    }
    found: dict[str, Any] | None = database.get_collection(JOBS, write_concern=FAST).find_one_and_update(
        query, update, sort=[("priority", 1), ("_id", 1)], return_document=ReturnDocument.AFTER
    )
    return found


def put_back(database: Database[Any], owned_by: dict[str, Any], *, lost: bool, reason: str = "") -> int:
    """Return running jobs to the queue; those lost too often become failed. Returns how many left `running`.

    Each job changes by one update that requires it to be running under the same owner, so a job that ended meanwhile,
    or has been claimed by somebody else, is left alone; doing it twice does no harm. Job hooks don't run here: the
    class may not be known to this process.

    Args:
        owned_by: exact owner, such as {"process_id": ...} or {"server_id": ...}.
        lost: whether the worker died (counts against the job) or handed it back in good order.
        reason: why, for the message of a job that is failed.
    """
    jobs = database.get_collection(JOBS, write_concern=FAST)
    mine = {"state": "running", **owned_by}
    moved = 0
    if lost:
        exception = {
            "class_name": "WorkerLost",
            "message": f"The worker process died {MAX_LOST} times while running this job. Last: {reason or 'unknown'}",
            "backtrace": [],
            "causes": [],
        }
        moved += jobs.update_many(
            {**mine, "lost_count": {"$gte": MAX_LOST - 1}},
            {
                "$set": {"state": "failed", "completed_at": utc_now(), "exception": exception},
                "$unset": _NOBODY_UNSET,
                "$inc": {"failure_count": 1, "lost_count": 1, "version": 1},
            },
        ).modified_count
    queued = jobs.update_many(
        mine,
        {
            "$set": {"state": "queued"},
            "$unset": {**_NOBODY_UNSET, "started_at": ""},
            "$inc": {"version": 1, **({"lost_count": 1} if lost else {})},
        },
    ).modified_count
    if queued:
        publish_wakeup(database, count=queued)
    return moved + queued


def next_due(database: Database[Any]) -> Any:
    """When the next scheduled job comes due, None when none is scheduled; one indexed read."""
    found = database[JOBS].find_one(
        {"state": "queued", "run_at": {"$gt": utc_now()}}, {"_id": 0, "run_at": 1}, sort=[("run_at", 1)]
    )
    return found["run_at"] if found else None


def abandoned(database: Database[Any], process_id: str, held: set[ObjectId], older_than: Any) -> list[ObjectId]:
    """Jobs stored as run by this process since before `older_than`, though none of its workers has them."""
    mine = database[JOBS].find({"process_id": process_id, "state": "running"}, {"started_at": 1})
    return [row["_id"] for row in mine if row["_id"] not in held and row.get("started_at", older_than) < older_than]


def no_longer_owned(database: Database[Any], held: dict[ObjectId, Owner]) -> set[ObjectId]:
    """Which of these jobs do not belong to their owner any more: aborted, failed, destroyed or given away."""
    found = database[JOBS].find({"_id": {"$in": list(held)}, "state": "running"}, {"process_id": 1, "worker_name": 1})
    mine = {
        row["_id"]
        for row in found
        if {name: row.get(name) for name in ("process_id", "worker_name")} == held[row["_id"]].fence
    }
    return set(held) - mine
