"""How every read is bounded and named."""

from __future__ import annotations

from typing import Any

from pymongo.collection import Collection

from rocketjob_core import database

JOBS, SERVERS = "rocket_job.jobs", "rocket_job.servers"
LIST_MS, COUNT_MS = 2_000, 1_000


def jobs() -> Collection[Any]:
    """The raw job documents."""
    return database()[JOBS]


def servers() -> Collection[Any]:
    """The raw server documents."""
    return database()[SERVERS]
