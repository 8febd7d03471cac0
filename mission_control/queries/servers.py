"""Servers as they describe themselves; raw documents."""

from __future__ import annotations

from typing import Any

from mission_control.queries.reading import LIST_MS, servers
from rocketjob_core import Server

SERVERS_MAX = 500


def list_servers() -> list[dict[str, Any]]:
    """Every server by name, zombies marked by `zombie`."""
    zombies = {server.id for server in Server.zombies().only("id")}
    found = servers().find({}, max_time_ms=LIST_MS, comment="mc:servers").sort("name", 1).limit(SERVERS_MAX)
    return [{**server, "zombie": server["_id"] in zombies} for server in found]


def one_server(name: str) -> dict[str, Any] | None:
    """The server of exactly this name."""
    return next((server for server in list_servers() if server.get("name") == name), None)


def server_of(job: dict[str, Any]) -> dict[str, Any] | None:
    """The server a running job belongs to; None where that is gone or the job has none."""
    server_id = job.get("server_id")
    if server_id is None:
        return None
    found = servers().find_one({"_id": server_id}, max_time_ms=LIST_MS, comment="mc:server_of")
    if found is None:
        return None
    return {**found, "zombie": Server.zombies().filter(id=server_id).first() is not None}
