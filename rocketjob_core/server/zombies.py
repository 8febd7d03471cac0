"""Giving the jobs of dead servers back. Every running server does this at its heartbeats; nobody has to ask for it."""

from __future__ import annotations

import re
import socket
from typing import Any

import psutil
from bson import ObjectId
from pymongo.database import Database

from rocketjob_core.job.claiming import put_back
from rocketjob_core.logs import get_logger
from rocketjob_core.mongo.indexes import JOBS, SERVERS
from rocketjob_core.server.document import zombie_condition

log = get_logger(__name__)


def clean_up(database: Database[Any], *, except_server: ObjectId | None = None) -> int:
    """Remove zombie servers and put back every running job whose owner no longer exists; returns how many jobs.

    Safe from many servers at once and killed at any line: a job is put back by an update that requires its dead
    owner, and a job left over by a killed clean-up is found by the next one as an orphan.
    """
    return _remove_zombies(database, except_server) + _put_back_orphans(database) + _put_back_dead_inline_runs(database)


def _remove_zombies(database: Database[Any], except_server: ObjectId | None) -> int:
    servers = database[SERVERS]
    moved = 0
    for zombie in list(servers.find({**zombie_condition(), "_id": {"$ne": except_server}})):
        # Guarded by the heartbeat that was seen: a server that came back to life at this moment stays.
        seen = zombie.get("heartbeat", {}).get("updated_at")
        if servers.delete_one({"_id": zombie["_id"], "heartbeat.updated_at": seen}).deleted_count:
            reason = f"server {zombie.get('name')} sent no heartbeat"
            count = put_back(database, {"server_id": zombie["_id"]}, lost=True, reason=reason)
            log.warning("removed a zombie server", name=zombie.get("name"), jobs_put_back=count)
            moved += count
    return moved


def _put_back_orphans(database: Database[Any]) -> int:
    # Read the jobs first: a server is entered before it claims, so one that is missing afterwards is gone for good.
    claimed = database[JOBS].distinct("server_id", {"state": "running", "process_id": {"$exists": True}})
    owners = [server_id for server_id in claimed if server_id is not None]
    if not owners:
        return 0
    alive = {row["_id"] for row in database[SERVERS].find({"_id": {"$in": owners}}, {"_id": 1})}
    return sum(
        put_back(database, {"server_id": server_id}, lost=True, reason="its server is gone")
        for server_id in owners
        if server_id not in alive
    )


def _put_back_dead_inline_runs(database: Database[Any]) -> int:
    """Jobs performed by `perform_now` in a process of this host that has died."""
    prefix = f"inline:{socket.gethostname()}:"
    mine = {"state": "running", "process_id": {"$regex": f"^{re.escape(prefix)}"}}
    moved = 0
    for process_id in database[JOBS].distinct("process_id", mine):
        pid = process_id.removeprefix(prefix).split(":")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            moved += put_back(database, {"process_id": process_id}, lost=True, reason="its process is gone")
    return moved
