"""The worker processes of a server: spawned, watched, replaced; their jobs go back the moment one dies."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bson import ObjectId

from rocketjob_core.clock import monotonic
from rocketjob_core.config import Settings
from rocketjob_core.logs import get_logger
from rocketjob_core.runtime.process import EXIT_RETIRED, ProcessSpec, main
from rocketjob_core.server.document import Server

log = get_logger(__name__)

RESTART_FIRST_SECONDS, RESTART_MAX_SECONDS = 0.1, 10.0
STABLE_SECONDS = 10.0  # a process that lived this long died of something new: restart it at once

# A fresh interpreter: no MongoDB client, lock or thread crosses over, as it would with fork.
_spawn = multiprocessing.get_context("spawn")


@dataclass
class _Slot:
    """One place of the pool; the process in it changes."""

    workers: int
    process: BaseProcess | None = None
    pipe: Connection | None = None
    process_id: str = ""
    started: float = 0.0
    status: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    restart_at: float = 0.0


class ProcessPool:
    """Keeps as many worker processes alive as the settings say.

    Args:
        put_back: called with the process_id of a process that has died, before it is replaced.
    """

    def __init__(self, settings: Settings, server: Server, put_back: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._server = server
        self._put_back = put_back
        self._next_number = 1
        count = min(settings.processes, settings.workers)
        share, rest = divmod(settings.workers, count)
        self._slots = [_Slot(workers=share + (position < rest)) for position in range(count)]
        self._stopping = False

    def start(self) -> None:
        """Start every process."""
        for slot in self._slots:
            self._spawn(slot)

    def waitables(self) -> list[Any]:
        """What to hand to multiprocessing.connection.wait: ends of processes and their reports."""
        found: list[Any] = []
        for slot in self._slots:
            if slot.process is not None:
                found.append(slot.process.sentinel)
            if slot.pipe is not None:
                found.append(slot.pipe)
        return found

    def seconds_to_restart(self) -> float | None:
        """Until the next dead process is due to be replaced; None when none is waiting for it."""
        waiting = [slot.restart_at for slot in self._slots if slot.process is None and not self._stopping]
        return max(min(waiting) - monotonic(), 0.0) if waiting else None

    def look_after(self) -> None:
        """Read reports, put back the jobs of processes that died, and start replacements that are due."""
        for slot in self._slots:
            self._read(slot)
            if slot.process is not None and not slot.process.is_alive():
                self._bury(slot)
            if slot.process is None and not self._stopping and monotonic() >= slot.restart_at:
                self._spawn(slot)

    def stop(self) -> None:
        """Ask every process for an orderly end."""
        self._stopping = True
        for slot in self._slots:
            if slot.pipe is not None:
                try:
                    slot.pipe.send("stop")
                except OSError:
                    continue  # it is dying already

    def kill(self) -> None:
        """End every process at once; their jobs go back as they are found dead."""
        self._stopping = True
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()

    def alive(self) -> bool:
        """Whether a process is left."""
        return any(slot.process is not None for slot in self._slots)

    def totals(self) -> dict[str, Any]:
        """Living threads, busy ones, and the pids."""
        living = [slot for slot in self._slots if slot.process is not None]
        return {
            "workers": sum(slot.status.get("workers", 0) for slot in living),
            "busy": sum(slot.status.get("busy", 0) for slot in living),
            "pids": [slot.process.pid for slot in living if slot.process is not None],
        }

    def _spawn(self, slot: _Slot) -> None:
        ours, theirs = _spawn.Pipe()
        slot.process_id = str(ObjectId())
        spec = ProcessSpec(
            settings=self._settings,
            server_id=self._server.id,
            server_name=self._server.name,
            number=self._next_number,
            process_id=slot.process_id,
            workers=slot.workers,
        )
        self._next_number += 1
        process = _spawn.Process(target=main, args=(spec, theirs), name=f"rocketjob-{spec.number}")
        process.start()
        theirs.close()
        slot.process, slot.pipe, slot.started, slot.status = process, ours, monotonic(), {}

    def _read(self, slot: _Slot) -> None:
        try:
            while slot.pipe is not None and slot.pipe.poll():
                slot.status = slot.pipe.recv()
        except (EOFError, OSError):
            slot.pipe = None  # the process has ended or is about to; its sentinel says so

    def _bury(self, slot: _Slot) -> None:
        process = slot.process
        assert process is not None
        process.join()
        code = process.exitcode
        if not (self._stopping and code == 0):
            log.error("a worker process ended", pid=process.pid, exit_code=code)
        # Its sentinel has fired, so it can claim or complete nothing any more: now its jobs are free. They go back
        # before the slot is emptied: if this raises, the next round tries again.
        self._put_back(slot.process_id, f"exit code {code}")
        lived = monotonic() - slot.started
        slot.failures = 0 if lived >= STABLE_SECONDS or code == EXIT_RETIRED else slot.failures + 1
        pause = RESTART_FIRST_SECONDS * 2 ** (slot.failures - 1) if slot.failures > 1 else 0.0
        slot.restart_at = monotonic() + min(pause, RESTART_MAX_SECONDS)
        if slot.pipe is not None:
            slot.pipe.close()
        slot.process, slot.pipe, slot.status = None, None, {}
