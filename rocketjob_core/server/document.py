"""The document of one running server: who it is, what it may run, and its heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from mongoengine.fields import DictField, FloatField, IntField, ListField, ObjectIdField, StringField
from mongoengine.queryset import QuerySet

from rocketjob_core.mongo.document import StoredDocument
from rocketjob_core.mongo.fields import UTCDateTimeField
from rocketjob_core.mongo.indexes import SERVERS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ZOMBIE_HEARTBEATS = 4
"""A server that missed this many of its own heartbeats is taken for dead."""


def zombie_condition() -> dict[str, Any]:
    """Query part: no sign of life for `ZOMBIE_HEARTBEATS` of the server's own interval.

    MongoDB's clock wrote the heartbeat and judges it, so the clocks of the hosts don't matter.
    """
    silence_ms = {"$subtract": ["$$NOW", {"$ifNull": ["$heartbeat.updated_at", _EPOCH]}]}
    limit_ms = {"$multiply": [{"$ifNull": ["$heartbeat_seconds", 15]}, 1000 * ZOMBIE_HEARTBEATS]}
    return {"$expr": {"$gte": [silence_ms, limit_ms]}}


class Server(StoredDocument):
    """A worker server, as it describes itself.

    Attributes:
        name: unique; "host:pid" unless named. Workers are called name:process:thread.
        state: starting, running or stopping.
        max_workers, processes: worker threads in all, and the processes they are spread over.
        heartbeat_seconds: its own interval.
        heartbeat: updated_at (MongoDB's time), workers (living threads), busy, process_pids.
        include, exclude, where: which jobs it takes, where that is limited.
    """

    meta = {"collection": SERVERS}

    id = ObjectIdField(db_field="_id", primary_key=True, default=ObjectId)
    name = StringField(required=True)
    host = StringField()
    pid = IntField()
    state = StringField(default="starting", choices=("starting", "running", "stopping"))
    started_at = UTCDateTimeField()
    max_workers = IntField()
    processes = IntField()
    heartbeat_seconds = FloatField()
    version = StringField()
    include = StringField()
    exclude = StringField()
    where = StringField()
    require = ListField(StringField())
    heartbeat = DictField()

    @classmethod
    def running(cls) -> QuerySet:
        """Servers in state running, zombies among them."""
        return cls.objects(state="running")

    @classmethod
    def zombies(cls) -> QuerySet:
        """Servers without a sign of life for four of their own heartbeats, whatever their state."""
        return cls.objects(__raw__=zombie_condition())

    @classmethod
    def counts_by_state(cls) -> dict[str, int]:
        """State -> number of servers; states without servers are absent."""
        rows = cls.objects().aggregate([{"$group": {"_id": "$state", "count": {"$sum": 1}}}])
        return {str(row["_id"]): int(row["count"]) for row in rows}

    @property
    def is_zombie(self) -> bool:
        """Whether it is a zombie at this moment; asks MongoDB, whose clock decides."""
        return type(self).objects(__raw__={"_id": self.id, **zombie_condition()}).first() is not None
