"""One worker thread: claim, perform, again; wait when there is nothing to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from rocketjob_core.clock import monotonic
from rocketjob_core.job.claiming import Owner, put_back
from rocketjob_core.job.document import Job
from rocketjob_core.job.performing import PROCESS_EXITS
from rocketjob_core.logs import get_logger
from rocketjob_core.runtime.interrupt import Interrupt
from rocketjob_core.runtime.wakeup import Wakeup

log = get_logger(__name__)

_RETRY_FIRST_SECONDS, _RETRY_MAX_SECONDS = 0.1, 5.0


class Worker:
    """A thread that works off jobs.

    Args:
        owner: written into each job it claims.
        condition: the server's filter on jobs.
        retire: called when a job has asked the process to end (sys.exit).
    """

    def __init__(
        self,
        database: Database[Any],
        owner: Owner,
        wakeup: Wakeup,
        condition: dict[str, Any] | None,
        retire: Callable[[], None],
    ) -> None:
        self.owner = owner
        self.interrupt = Interrupt()
        self._database = database
        self._wakeup = wakeup
        self._condition = condition
        self._retire = retire
        self._stopping = threading.Event()
        self._held: tuple[ObjectId, float] | None = None
        self._thread = threading.Thread(target=self._run, name=owner.worker_name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Claim no more; the job at hand runs to its end."""
        self._stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end, at most `timeout` seconds; whether it has."""
        self._thread.join(max(timeout, 0))
        return not self._thread.is_alive()

    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    @property
    def held(self) -> tuple[ObjectId, float] | None:
        """The job at hand and since when (monotonic seconds), None when idle."""
        return self._held

    def _run(self) -> None:
        pause = _RETRY_FIRST_SECONDS
        while not self._stopping.is_set():
            try:
                job = Job.claim_next(self._database, self.owner, self._condition)
                pause = _RETRY_FIRST_SECONDS
            except PyMongoError as error:
                log.warning("can't claim, MongoDB is away", error=str(error), seconds=pause)
                self._stopping.wait(pause)
                pause = min(pause * 2, _RETRY_MAX_SECONDS)
                continue
            if job is None:
                self._wakeup.wait()
                continue
            self._wakeup.found()
            self._work(job)

    def _work(self, job: Any) -> None:
        self._held = (job.id, monotonic())
        try:
            if job.is_expired:
                log.info("destroyed an expired job", job=str(job.id), class_name=job.class_name)
                job.destroy_expired()
                return
            job._interruptible = self.interrupt.region
            job.run_claimed()
        except PROCESS_EXITS as error:
            reason = f"{type(error).__name__}({error}) in perform"
            log.error("a job asked its process to end", job=str(job.id), reason=reason)
            put_back(self._database, {"_id": job.id, **self.owner.fence}, lost=True, reason=reason)
            self._retire()
        except Exception:
            # Whatever a hook did: this thread serves the other jobs, and this job must not stay running.
            log.exception("worker error", job=str(job.id))
            put_back(self._database, {"_id": job.id, **self.owner.fence}, lost=True, reason="worker error")
        finally:
            self._held = None
