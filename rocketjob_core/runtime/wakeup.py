"""Waking idle workers: one listener per process on the events collection, and the place where idle workers wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from rocketjob_core.logs import get_logger
from rocketjob_core.mongo.events import ensure_events, tail

log = get_logger(__name__)

_RETRY_SECONDS = 1.0


class Wakeup:
    """Where the idle worker threads of one process wait. One job wakes one of them, so they don't stampede.

    A token says "there may be a job for one worker". Tokens given while everybody is busy are kept, up to one per
    worker: a worker that found the queue empty just before the token came then looks once more. With `cascade` a
    worker that finds a job wakes the next, for when the number of jobs is not known.
    """

    def __init__(self, workers: int) -> None:
        self._condition = threading.Condition()
        self._limit = workers
        self._tokens = 0
        self._cascade = False
        self._closed = False

    def signal(self, count: int = 1, *, cascade: bool = False) -> None:
        """Let up to `count` waiting workers look for a job."""
        with self._condition:
            self._tokens = min(self._tokens + count, self._limit)
            self._cascade = self._cascade or cascade
            self._condition.notify(count)

    def found(self) -> None:
        """A worker has claimed a job: in a cascade there may be one for the next."""
        if self._cascade:
            self.signal()

    def wait(self) -> None:
        """Called by a worker that found no job; returns when there may be one, or when closed."""
        with self._condition:
            self._cascade = False
            while not self._tokens and not self._closed:
                self._condition.wait()
            if self._tokens:
                self._tokens -= 1

    def close(self) -> None:
        """Let everybody go, for good."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class Listener:
    """Daemon thread that tails the events and passes wake-ups on. It survives a MongoDB that goes away."""

    def __init__(self, database: Database[Any], wake: Callable[[int, datetime | None], None]) -> None:
        self._database = database
        self._wake = wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rocketjob-listener", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End at the next event or time-out; as a daemon it never holds the process up."""
        self._stopping.set()

    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                for event in tail(self._database):
                    if self._stopping.is_set():
                        return
                    if event is not None and event.get("name") == "queue":
                        self._wake(int(event.get("count", 1)), event.get("run_at"))
                self._stopping.wait(0.01)  # an emptied collection ends the cursor at once: don't spin
            except PyMongoError as error:
                log.warning("can't listen for new jobs; polling goes on", error=str(error))
                self._stopping.wait(_RETRY_SECONDS)
                self._recreate()

    def _recreate(self) -> None:
        try:
            ensure_events(self._database)
        except PyMongoError:
            return  # still away; the next round says so
