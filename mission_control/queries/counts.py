"""Counts that cost the same at any size: exact up to a limit, "10,000+" beyond, and honest when they took too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pymongo.errors import ExecutionTimeout, WTimeoutError

from mission_control.queries.reading import COUNT_MS, jobs, servers
from rocketjob_core import Server, utc_now

LIMIT = 10_000
SNAPSHOT_SECONDS = 1.0
STATES = ("queued", "scheduled", "running", "paused", "failed", "aborted", "completed")

T = TypeVar("T")


@dataclass(frozen=True)
class Count:
    """A number that says how far it can be trusted."""

    value: int | None
    capped: bool = False

    def __str__(self) -> str:
        if self.value is None:
            return "?"
        return f"{self.value:,}+" if self.capped else f"{self.value:,}"

    def __bool__(self) -> bool:
        return self.value is None or self.value > 0

    @property
    def words(self) -> str:
        """For a title: what the number means."""
        if self.value is None:
            return "not counted, it took too long"
        return f"more than {self.value:,}" if self.capped else f"exactly {self.value:,}"


def condition_of(state: str) -> dict[str, Any]:
    """What a list of this name holds; "scheduled" and "queued" (due now) share a stored state."""
    now = utc_now()
    if state == "scheduled":
        return {"state": "queued", "run_at": {"$gt": now}}
    if state == "queued":
        return {"state": "queued", "$or": [{"run_at": None}, {"run_at": {"$lte": now}}]}
    return {"state": state}


def count(condition: dict[str, Any], comment: str = "mc:count") -> Count:
    """How many jobs match, at most `LIMIT` of them looked at."""
    try:
        found = jobs().count_documents(condition, limit=LIMIT + 1, maxTimeMS=COUNT_MS, comment=comment)
    except (ExecutionTimeout, WTimeoutError):
        return Count(None)
    return Count(min(found, LIMIT), capped=found > LIMIT)


def job_counts() -> dict[str, Count]:
    """One count per state, "scheduled" split from "queued"."""
    return {state: count(condition_of(state), f"mc:count.{state}") for state in STATES}


def zombie_servers() -> list[dict[str, Any]]:
    """Names of servers that have stopped sending heartbeats."""
    return [{"name": server.name} for server in Server.zombies()]


class Snapshot:
    """What every page shows in its frame, asked for at most once a second per process, however many tabs there are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def jobs(self) -> dict[str, Count]:
        """Counts per state."""
        return self._get("jobs", job_counts)

    def zombies(self) -> list[dict[str, Any]]:
        """Zombie servers."""
        return self._get("zombies", zombie_servers)

    def servers(self) -> int:
        """Number of server documents; the collection is small."""
        return self._get("servers", lambda: servers().count_documents({}, maxTimeMS=COUNT_MS))

    def forget(self) -> None:
        """Ask anew at the next page: whoever just acted wants to see what they did."""
        with self._lock:
            self._kept.clear()

    def _get(self, name: str, ask: Callable[[], T]) -> T:
        # Held while asking: of fifty requests at once one asks, the others wait for its answer.
        with self._lock:
            asked_at, value = self._kept.get(name, (float("-inf"), None))
            if time.monotonic() - asked_at > SNAPSHOT_SECONDS:
                value = ask()
                self._kept[name] = time.monotonic(), value
            return value
