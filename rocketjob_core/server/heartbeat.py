"""Entering a server, its heartbeat, and leaving."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import psutil
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from rocketjob_core.clock import utc_now
from rocketjob_core.errors import ConfigurationError
from rocketjob_core.job.claiming import put_back
from rocketjob_core.logs import get_logger
from rocketjob_core.server.document import Server, zombie_condition

log = get_logger(__name__)

_ENTER_TRIES = 5


class ServerVanished(Exception):
    """The server's document is gone: somebody took this server for dead and gave its jobs away."""


def enter(server: Server) -> None:
    """Store the document of a starting server, in the place of a dead server of the same name.

    Raises:
        ConfigurationError: a server of this name is alive.
    """
    for _ in range(_ENTER_TRIES):
        document = server.to_mongo()
        document["heartbeat"] = {"updated_at": utc_now(), "workers": 0, "busy": 0, "process_pids": []}
        try:
            _servers().insert_one(document)
        except DuplicateKeyError:
            _take_over(server)
            continue
        server._mark_stored()
        # MongoDB's clock from the first moment, so that a host with a wrong clock is not a zombie at birth.
        beat(server, workers=0, busy=0, pids=[])
        return
    raise ConfigurationError(f"The server name {server.name!r} is contested by another starting server")


def _take_over(server: Server) -> None:
    stale = _servers().find_one({"name": server.name})
    if stale is None:
        return  # it left just now
    dead_zombie = _servers().find_one({"_id": stale["_id"], **zombie_condition()}, {"_id": 1}) is not None
    if not (dead_zombie or _dead_on_this_host(stale, server)):
        raise ConfigurationError(
            f"A server named {server.name!r} is already running (host {stale.get('host')}, pid {stale.get('pid')}). "
            "Give this one another --name."
        )
    # Guarded by its last heartbeat: of two servers taking over at once, or if it is alive after all, one deletes.
    gone = _servers().delete_one(
        {"_id": stale["_id"], "heartbeat.updated_at": stale.get("heartbeat", {}).get("updated_at")}
    )
    if gone.deleted_count:
        jobs = put_back(Server.collection().database, {"server_id": stale["_id"]}, lost=True, reason="server restarted")
        log.warning("took over the name of a dead server", name=server.name, jobs_put_back=jobs)


def _dead_on_this_host(stale: dict[str, Any], server: Server) -> bool:
    """Same host, and its pid is either ours (a restarted container) or nobody's."""
    if stale.get("host") != server.host:
        return False
    pid = stale.get("pid")
    return pid == os.getpid() or not isinstance(pid, int) or not psutil.pid_exists(pid)


def beat(server: Server, *, workers: int, busy: int, pids: list[int], state: str | None = None) -> None:
    """One heartbeat, one round trip.

    Raises:
        ServerVanished: the document is gone.
    """
    values: dict[str, Any] = {
        "heartbeat.workers": workers,
        "heartbeat.busy": busy,
        "heartbeat.process_pids": pids,
    }
    if state is not None:
        values["state"] = state
        if state == "running":
            values["started_at"] = utc_now()
    updated = _servers().update_one(
        {"_id": server.id}, {"$set": values, "$currentDate": {"heartbeat.updated_at": True}}
    )
    if not updated.matched_count:
        raise ServerVanished
    if state is not None:
        server.state = state


def leave(server_id: ObjectId) -> None:
    """Put back what is still marked as running here, then remove the document.

    In this order a kill in between leaves a document without heartbeat, which any other server cleans up.
    """
    put_back(Server.collection().database, {"server_id": server_id}, lost=False)
    _servers().delete_one({"_id": server_id})


def heartbeat_age(server: Server) -> timedelta | None:
    """Time since the last heartbeat by this process's clock; for showing, not for deciding."""
    updated = (server.heartbeat or {}).get("updated_at")
    return utc_now() - updated if updated else None


def _servers() -> Collection[Any]:
    return Server.collection()
