"""Running a job: its hooks around `perform`, and what is stored when it ends, whichever way it ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Self

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from rocketjob_core import hooks
from rocketjob_core.clock import utc_now
from rocketjob_core.errors import InvalidTransition, JobAborted, JobNotFound, RocketJobError
from rocketjob_core.job.claiming import Owner, claim
from rocketjob_core.job.fields import JobException
from rocketjob_core.job.mixin import JobMixin
from rocketjob_core.logs import get_logger

_RETRY_FIRST_SECONDS, _RETRY_MAX_SECONDS = 0.1, 5.0

# Not the job's failure but the process's end: the job goes back to the queue (core of the worker decides).
PROCESS_EXITS = (SystemExit, KeyboardInterrupt)


def inline_owner() -> Owner:
    """Owner of a job performed in this very thread, outside of any server."""
    process = f"inline:{socket.gethostname()}:{os.getpid()}"
    return Owner(worker_name=f"{process}:{threading.get_ident()}", process_id=f"{process}:{ObjectId()}")


class JobPerforming(JobMixin):
    """Mix-in: `perform` and the ways to run it."""

    _owner = None
    _interruptible: Callable[[], AbstractContextManager[None]] = staticmethod(nullcontext)
    _hooks: hooks.Chains

    @property
    def logger(self) -> Any:
        """Structured logger that carries the job's class and id."""
        return get_logger(self.class_name).bind(job=str(self.id))

    def perform(self) -> Any:
        """The work. Every job class defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define perform()")

    def perform_now(self) -> Any:
        """Run the job here and now; returns what `perform` returned. Throttles are not looked at.

        A stored job is claimed first (so that no worker runs it too) and left as a worker would leave it. An unsaved
        job stays unsaved.

        Raises:
            ValidationError: the job is not valid; nothing was changed.
            InvalidTransition: it is not queued (any more).
            Exception: whatever `perform` or a hook raised; the job is then failed.
        """
        self._check_valid()
        owner = inline_owner()
        if not self._stored:
            self.start(worker_name=owner.worker_name, save=False)
            return self._run(reraise=True)
        self._fire("start", {"started_at": utc_now(), "worker_name": owner.worker_name, "process_id": owner.process_id},
                   True, None)  # fmt: skip
        self._owner = owner
        try:
            return self._run(reraise=True)
        finally:
            self._owner = None

    @classmethod
    def claim_next(cls, database: Database[Any], owner: Owner, condition: dict[str, Any] | None = None) -> Self | None:
        """Claim the next job for this owner, of whatever class; see job/claiming.py."""
        stored = claim(database, owner, condition)
        if stored is None:
            return None
        job: Self = cls._from_son(stored)
        job._owner = owner
        return job

    def run_claimed(self) -> None:
        """Run a job this worker has just claimed, its start hooks first. Records a failure, never raises it.

        Raises:
            SystemExit, KeyboardInterrupt: the job asked its process to end; nothing was stored.
        """
        chains = self._hooks
        if "start" in chains:
            try:
                hooks.run_before(self, "start", chains)
                hooks.run_after(self, "start", chains)
                if self._get_changed_fields():
                    self._patiently(lambda: self.save(validate=False))
            except PROCESS_EXITS:
                raise
            except BaseException as error:
                self._record_failure(error)
                return
        self._run(reraise=False)

    def destroy_expired(self) -> None:
        """Remove a job that was claimed after its `expires_at`, if it is still this worker's."""
        hooks.run_before(self, "destroy", self._hooks)
        guard = self._owner.fence if self._owner else {"state": "queued"}
        self.collection().delete_one({"_id": self.id, **guard})
        hooks.run_after(self, "destroy", self._hooks)

    def _run(self, *, reraise: bool) -> Any:
        try:
            with self._interruptible():
                result = hooks.run_around(self, "perform", self._hooks, self._perform_if_running)
            self._finish()
            return result
        except PROCESS_EXITS as error:
            if not reraise:
                raise
            self._record_failure(error)
            raise
        except BaseException as error:
            self._record_failure(error)
            if reraise:
                raise
            return None

    def _perform_if_running(self) -> Any:
        # A before hook may have failed, aborted or completed the job: then there is nothing left to perform.
        return self.perform() if self.state == "running" else None

    def _finish(self) -> None:
        if self.state == "running":
            if not self._stored and self._owner is None:
                self.complete(save=False)
            else:
                self._patiently(self.complete)
        elif self._stored and self._get_changed_fields():
            self._patiently(lambda: self.save(validate=False))

    def _record_failure(self, error: BaseException) -> None:
        """Store the failure, whatever else goes wrong on the way."""
        stored = self._stored
        if not self.may("fail"):
            # perform ended well and an after hook raised once the job was completed: keep the reason with the job.
            self.exception = JobException.of(error, self._worker_label())
            if stored:
                with suppress(RocketJobError):
                    self._patiently(lambda: self.save(validate=False))
            self.logger.error("failed after it had ended", state=self.state, exc_info=error)
            return
        try:
            self._patiently(lambda: self.fail(error, worker_name=self._worker_label(), save=stored))
        except (InvalidTransition, JobNotFound, JobAborted) as lost:
            # An operator's abort, or another owner: what is stored stays as it is.
            self.logger.warning("ended after it no longer belonged to this worker", reason=str(lost), error=repr(error))
            return
        except BaseException as hook_error:
            # A before_fail or after_fail hook raised. The job must not stay running for that.
            self.logger.error("a fail hook raised", exc_info=hook_error)
            if self.state != "failed":
                self._fail_without_hooks(error, hook_error, stored)
                return
        self.logger.error("failed", exc_info=error)

    def _fail_without_hooks(self, error: BaseException, hook_error: BaseException, stored: bool) -> None:
        chains, self._hooks = self._hooks, {}
        try:
            if hook_error.__context__ is None:
                hook_error.__context__ = error
            with suppress(InvalidTransition, JobNotFound, JobAborted):
                self._patiently(lambda: self.fail(error, worker_name=self._worker_label(), save=stored))
        finally:
            self._hooks = chains

    def _worker_label(self) -> str | None:
        return self._owner.worker_name if self._owner else self.worker_name

    def _patiently(self, write: Any) -> None:
        """Do a write that must happen, through a failover or a lost connection.

        Gives up only with its process; the job then goes back to the queue like any other of a dead process.
        """
        pause = _RETRY_FIRST_SECONDS
        while True:
            try:
                write()
                return
            except PyMongoError as error:
                if self._owner is None or self._owner.server_id is None:
                    raise
                self.logger.warning("MongoDB is away, trying again", error=str(error), seconds=pause)
                time.sleep(pause)
                pause = min(pause * 2, _RETRY_MAX_SECONDS)
