"""A worker process: its threads, its listener, and the small loop that looks after both.

The parent speaks to it through a pipe: "stop" asks for an orderly end, and so does the parent's death, which closes it.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

from bson import ObjectId
from pymongo.errors import PyMongoError

from rocketjob_core.clock import monotonic, utc_now
from rocketjob_core.config import Settings, load_job_modules
from rocketjob_core.errors import RocketJobError
from rocketjob_core.job.claiming import Owner, abandoned, next_due, no_longer_owned, put_back
from rocketjob_core.logs import configure_logging, get_logger
from rocketjob_core.mongo.connection import connect, database, disconnect
from rocketjob_core.runtime.wakeup import Listener, Wakeup
from rocketjob_core.runtime.worker import Worker
from rocketjob_core.server.filters import job_condition

log = get_logger(__name__)

TICK_SECONDS = 0.5
CHECK_OWNED_SECONDS = 1.0  # an abort reaches `perform` within two seconds
ABANDONED_SECONDS = 10.0  # far longer than the moment between a claim and the worker knowing of it
CLEAN_UP_SECONDS = 1.0  # for the `finally` blocks of jobs interrupted at a stop

EXIT_RETIRED = 3
EXIT_CANNOT_START = 4


@dataclass(frozen=True)
class ProcessSpec:
    """What a worker process must know; sent to it when it is spawned."""

    settings: Settings
    server_id: ObjectId
    server_name: str
    number: int
    process_id: str
    workers: int


def main(spec: ProcessSpec, pipe: Connection) -> None:
    """Entry point of the spawned process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides what follows
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    configure_logging(spec.settings.log_level, spec.settings.log_format)
    try:
        connect(settings=spec.settings)
        load_job_modules(spec.settings)
    except RocketJobError as error:
        log.error("worker process can't start", error=str(error))
        os._exit(EXIT_CANNOT_START)
    process = WorkerProcess(spec, pipe, asked)
    code = process.run()
    disconnect()
    # Threads that did not let go must not hold the process up: their jobs are back in the queue.
    os._exit(code)


class WorkerProcess:
    """The threads of one process. Start order: listener, workers. Stop order: workers, listener, put back, exit."""

    def __init__(self, spec: ProcessSpec, pipe: Connection, asked: threading.Event) -> None:
        self._spec = spec
        self._pipe = pipe
        self._asked = asked
        self._database = database()
        self._retired = False
        self._wakeup = Wakeup(spec.workers)
        self._listener = Listener(self._database, self._wake)
        self._workers: list[Worker] = []
        self._next_number = 1
        self._due: datetime | None = None

    def run(self) -> int:
        """Work until told to stop; returns the exit code."""
        self._listener.start()
        self._fill()
        settings = self._spec.settings
        next_poll = monotonic()
        next_check = next_watch = monotonic()
        while not self._told_to_stop():
            now = monotonic()
            if now >= next_poll or self._due_now():
                next_poll = now + settings.max_poll_seconds
                self._wakeup.signal(cascade=True)
                self._look_ahead()
            if now >= next_check:
                next_check = now + CHECK_OWNED_SECONDS
                self._interrupt_lost_jobs(now)
            if now >= next_watch:
                next_watch = now + settings.heartbeat_seconds
                self._put_back_abandoned()
            self._fill()
            self._report()
        self._stop()
        return EXIT_RETIRED if self._retired else 0

    def _told_to_stop(self) -> bool:
        try:
            if self._pipe.poll(self._pause()):
                self._pipe.recv()
                return True
        except (EOFError, OSError):
            return True  # the parent is gone; without it nobody sends heartbeats for these jobs
        return self._asked.is_set() or self._retired

    def _pause(self) -> float:
        if self._due is None:
            return TICK_SECONDS
        return min(TICK_SECONDS, max((self._due - utc_now()).total_seconds(), 0.0))

    def _wake(self, count: int, run_at: datetime | None) -> None:
        if run_at is not None and run_at > utc_now():
            self._due = min(self._due or run_at, run_at)
        else:
            self._wakeup.signal(count)

    def _due_now(self) -> bool:
        return self._due is not None and self._due <= utc_now()

    def _look_ahead(self) -> None:
        self._due = None
        try:
            self._due = next_due(self._database)
        except PyMongoError as error:
            log.warning("can't look for scheduled jobs, MongoDB is away", error=str(error))

    def _fill(self) -> None:
        """Start what is missing of the worker threads; numbers are never used again."""
        self._workers = [worker for worker in self._workers if worker.alive()]
        while len(self._workers) < self._spec.workers:
            name = f"{self._spec.server_name}:{self._spec.number}:{self._next_number}"
            self._next_number += 1
            owner = Owner(name, self._spec.process_id, self._spec.server_id)
            condition = job_condition(self._spec.settings)
            worker = Worker(self._database, owner, self._wakeup, condition, self._retire)
            worker.start()
            self._workers.append(worker)

    def _retire(self) -> None:
        self._retired = True

    def _held(self) -> dict[ObjectId, tuple[Worker, float]]:
        held = [(worker, worker.held) for worker in self._workers]
        return {job[0]: (worker, job[1]) for worker, job in held if job is not None}

    def _interrupt_lost_jobs(self, now: float) -> None:
        """Raise JobAborted in jobs that an operator stopped. Jobs of less than a second cost no round trip here."""
        long = {job: worker for job, (worker, since) in self._held().items() if now - since >= CHECK_OWNED_SECONDS}
        if not long:
            return
        try:
            lost = no_longer_owned(self._database, {job: worker.owner for job, worker in long.items()})
        except PyMongoError as error:
            log.warning("can't check for aborted jobs, MongoDB is away", error=str(error))
            return
        for job in lost:
            # Again at each check: a `perform` with a broad `except` may have swallowed the first one.
            held = long[job].held
            if held is not None and held[0] == job and long[job].interrupt.raise_in_perform():
                log.info("interrupted a job that was stopped", job=str(job))

    def _put_back_abandoned(self) -> None:
        """The watchdog: a job stored as running here, but in no worker's hands, would never end."""
        try:
            limit = utc_now() - timedelta(seconds=ABANDONED_SECONDS)
            # Held is read last, so that a job that ended meanwhile is no longer stored as running.
            for job in abandoned(self._database, self._spec.process_id, set(self._held()), limit):
                put_back(
                    self._database,
                    {"_id": job, "process_id": self._spec.process_id},
                    lost=True,
                    reason="its worker thread died",
                )
                log.error("put back a job that no worker had", job=str(job))
        except PyMongoError as error:
            log.warning("can't look for abandoned jobs, MongoDB is away", error=str(error))

    def _report(self) -> None:
        status = {"workers": sum(worker.alive() for worker in self._workers), "busy": len(self._held())}
        try:
            self._pipe.send(status)
        except OSError:
            return  # the parent is gone; the next poll of the pipe says so

    def _stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._wakeup.close()
        deadline = monotonic() + self._spec.settings.shutdown_seconds
        busy = [worker for worker in self._workers if not worker.join(deadline - monotonic())]
        self._listener.stop()
        self._put_back_rest()
        if busy:
            # First put back, then interrupted: what the interrupted jobs still try to store is fenced off.
            for worker in busy:
                worker.interrupt.raise_in_perform()
            deadline = monotonic() + CLEAN_UP_SECONDS
            for worker in busy:
                worker.join(deadline - monotonic())
            log.warning("jobs put back at the end of the shutdown time", count=len(busy))

    def _put_back_rest(self) -> None:
        try:
            put_back(self._database, {"process_id": self._spec.process_id}, lost=False)
        except PyMongoError as error:
            log.warning("can't put jobs back, MongoDB is away; the supervisor will", error=str(error))
