"""Every index of the jobs database, in one place. Named, and without a `_cls` prefix."""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from rocketjob_core.mongo.events import ensure_events

JOBS = "rocket_job.jobs"
SERVERS = "rocket_job.servers"

SINGLETON_INDEX = "singleton_1"


def _index(name: str, *keys: str, **options: Any) -> IndexModel:
    return IndexModel([(key, ASCENDING) for key in keys], name=name, **options)


JOB_INDEXES = (
    _index("claim_1", "state", "priority", "_id"),
    _index("finished_1", "state", "completed_at", "_id"),
    _index("started_1", "state", "started_at", "_id"),
    _index("scheduled_1", "state", "run_at", "_id"),
    _index("class_1", "_cls", "state", "_id"),
    # Only running jobs have an owner, so this index stays as small as the number of workers.
    _index("owner_1", "process_id", partialFilterExpression={"process_id": {"$exists": True}}),
    # Closes the race of Singleton: of any number of writers that bring a job of one class into these states (create,
    # retry, resume), MongoDB lets exactly one through. $in in a partial filter needs MongoDB 6.0.
    _index(
        SINGLETON_INDEX,
        "singleton",
        unique=True,
        partialFilterExpression={"singleton": {"$exists": True}, "state": {"$in": ["queued", "running"]}},
    ),
)
SERVER_INDEXES = (_index("name_1", "name", unique=True),)


def ensure_indexes(database: Database[Any]) -> None:
    """Create what is missing; costs one round trip per collection when nothing is. Safe from many processes at once."""
    database[JOBS].create_indexes(list(JOB_INDEXES))
    database[SERVERS].create_indexes(list(SERVER_INDEXES))
    ensure_events(database)
