"""What each event does to a job, and the one guarded write that makes it true.

    queued --start--> running --complete--> completed
      |                 |  \\--requeue--> queued
      |                 |--pause--> paused --resume--> queued
      |--pause--> paused
    queued, running, paused --fail--> failed --retry--> queued
    queued, running, paused, failed --abort--> aborted

No other file assigns `state`, except the claim, which is `start` in one round trip (job/claiming.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo.errors import DuplicateKeyError

from rocketjob_core import hooks
from rocketjob_core.clock import utc_now
from rocketjob_core.errors import ConfigurationError, InvalidTransition, JobNotFound, ValidationFailed
from rocketjob_core.job.fields import JobException
from rocketjob_core.job.mixin import JobMixin
from rocketjob_core.lifecycle import Lifecycle
from rocketjob_core.mongo.events import publish_wakeup

JOB_LIFECYCLE = Lifecycle(
    states=("queued", "running", "paused", "failed", "aborted", "completed"),
    initial="queued",
    events={
        "start": {"queued": "running"},
        "complete": {"running": "completed"},
        "fail": {"queued": "failed", "running": "failed", "paused": "failed"},
        "retry": {"failed": "queued"},
        "pause": {"queued": "paused", "running": ("paused", "_pausable_while_running")},
        # Always back to the queue: a running job that nobody works on would never end.
        "resume": {"paused": "queued"},
        "abort": {"queued": "aborted", "running": "aborted", "paused": "aborted", "failed": "aborted"},
        "requeue": {"running": "queued"},
    },
)

SINGLETON_MESSAGE = "Another instance of this job is already queued or running"

NOBODY: dict[str, Any] = {"worker_name": None, "server_id": None, "process_id": None}

# An operator must be able to stop a job, and a worker to record a failure, even when the job's own data is invalid.
_UNVALIDATED = frozenset({"start", "fail", "pause", "abort", "requeue"})


class JobTransitions(JobMixin):
    """Mix-in: the events of a job. Each checks the guard, runs the before hooks, writes once, runs the after hooks.

    The write requires the state the event left (and, from the worker that performs the job, that it still owns it),
    so of two actors exactly one wins. `save=False` changes the object alone. With `version=` the stored job must
    still be at that version.

    All raise:
        InvalidTransition: not allowed from this state, or another actor was first; nothing was changed.
        JobNotFound: the stored job is gone.
        ValidationError: retry, resume and complete validate the job; or another singleton instance is active.
    """

    lifecycle = JOB_LIFECYCLE
    pausable = False
    """Whether operators may pause this class of job while it runs; its `perform` must then look at its state."""

    _hooks: hooks.Chains

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "lifecycle" in vars(cls):
            _install(cls, cls.lifecycle)

    def start(self, *, worker_name: str | None = None, save: bool = True, version: int | None = None) -> None:
        """Queued to running. Workers claim instead; this is for running a job by hand."""
        self._fire("start", {"started_at": utc_now(), **NOBODY, "worker_name": worker_name}, save, version)

    def complete(self, *, save: bool = True, version: int | None = None) -> None:
        """Running to completed; a stored job with destroy_on_complete is then removed, in the same write."""
        self._fire("complete", {"completed_at": utc_now(), "percent_complete": 100, **NOBODY}, save, version)

    def fail(
        self,
        reason: BaseException | str | None = None,
        *,
        worker_name: str | None = None,
        save: bool = True,
        version: int | None = None,
    ) -> None:
        """Queued, running or paused to failed, with an exception or a text as the reason."""
        effects = {
            "completed_at": utc_now(),
            "failure_count": (self.failure_count or 0) + 1,
            "exception": JobException.of(reason, worker_name or self.worker_name),
            **NOBODY,
        }
        self._fire("fail", effects, save, version)

    def retry(self, *, save: bool = True, version: int | None = None) -> None:
        """Failed back to queued, as if new; only the count of failures is kept."""
        effects = {"completed_at": None, "started_at": None, "exception": None, "lost_count": 0, **NOBODY}
        self._fire("retry", effects, save, version)

    def pause(self, *, save: bool = True, version: int | None = None) -> None:
        """Queued, or running where the class is `pausable`, to paused."""
        self._fire("pause", {"completed_at": utc_now(), **NOBODY}, save, version)

    def resume(self, *, save: bool = True, version: int | None = None) -> None:
        """Paused back to queued; it starts from the beginning."""
        self._fire("resume", {"completed_at": None, "started_at": None, **NOBODY}, save, version)

    def abort(self, *, save: bool = True, version: int | None = None) -> None:
        """Stop the job for good. Its worker notices within two seconds and raises JobAborted in `perform`."""
        self._fire("abort", {"completed_at": utc_now(), **NOBODY}, save, version)

    def requeue(self, server_name: str | None = None, *, save: bool = True, version: int | None = None) -> None:
        """Running back to queued; with a server name only if it runs on exactly that server."""
        if server_name is not None and not self.worker_on_server(server_name):
            raise InvalidTransition(self, "requeue", self.state)
        self._fire("requeue", {"started_at": None, **NOBODY}, save, version)

    def may(self, event: str) -> bool:
        """Whether the event is allowed from the state this object has now."""
        return type(self).lifecycle.find(event, self.state, self) is not None

    def worker_on_server(self, server_name: str) -> bool:
        """Whether it runs on exactly this server ("host:1" is not "host:12")."""
        if not server_name or not self.worker_name:
            return False
        # A worker is named server:process:thread.
        return bool(self.worker_name.rsplit(":", 2)[0] == server_name)

    def _pausable_while_running(self) -> bool:
        return self.pausable

    def _fence(self) -> dict[str, str]:
        """For the performing worker's object: what its writes require, so that the job is still its own."""
        return self._owner.fence if self._owner is not None and self._stored_state == "running" else {}

    def _fire(self, event: str, effects: dict[str, Any], save: bool, version: int | None) -> None:
        source = self.state
        transition = type(self).lifecycle.find(event, source, self)
        if transition is None:
            raise InvalidTransition(self, event, source)
        before = {name: getattr(self, name) for name in ("state", *effects)}
        changed = list(self._get_changed_fields()) if self._stored else []
        try:
            for name, value in effects.items():
                setattr(self, name, value)
            hooks.run_before(self, event, self._hooks)
            if self.state != source:
                raise InvalidTransition(self, event, self.state)
            self.state = transition.target
            if save:
                touched = set(self._get_changed_fields()) - {"state", *effects} if self._stored else set()
                self._write_transition(event, source, version, touched)
        except BaseException:
            for name, value in before.items():
                setattr(self, name, value)
            if self._stored:
                self._changed_fields = changed
            raise
        hooks.run_after(self, event, self._hooks)

    def _write_transition(self, event: str, source: str, version: int | None, touched: set[str]) -> None:
        if not self._stored:
            self.save()
            return
        # A run that changed no field of its own can't have made the job invalid: the fast path of `complete`.
        if event not in _UNVALIDATED and (event != "complete" or touched):
            self._check_valid()
        guard: dict[str, Any] = {"_id": self.id, "state": source}
        if version is not None:
            guard["version"] = version
        if fence := self._fence():
            # Closes the race of a worker against an operator's abort, and against the worker that got the job after
            # this one was taken for dead: only the present owner ends a run.
            guard.update(fence)
        if event == "complete" and self.destroy_on_complete:
            self._destroy_completed(guard, event)
            return
        to_set, to_unset = self._changes()
        to_set["state"] = self.state
        to_set.pop("version", None)
        update = {"$set": to_set, "$inc": {"version": 1}} | ({"$unset": to_unset} if to_unset else {})
        try:
            result = self.collection().update_one(guard, update)
        except DuplicateKeyError as error:
            raise ValidationFailed({"state": SINGLETON_MESSAGE}) from error
        if not result.matched_count:
            self._lost_race(event)
        self.version = (self.version or 0) + 1
        self._mark_stored()
        if self.state == "queued":
            publish_wakeup(self.collection().database, self.run_at)

    def _destroy_completed(self, guard: dict[str, Any], event: str) -> None:
        # Completing and removing are one write: a kill in between can't leave a completed job that should be gone.
        hooks.run_before(self, "destroy", self._hooks)
        if not self.collection().delete_one(guard).deleted_count:
            self._lost_race(event)
        self._stored = False
        hooks.run_after(self, "destroy", self._hooks)

    def _lost_race(self, event: str) -> None:
        stored = self.collection().find_one({"_id": self.id}, {"state": 1})
        if stored is None:
            raise JobNotFound(self.id)
        raise InvalidTransition(self, event, str(stored.get("state")), "another actor changed it meanwhile")


def _install(cls: Any, lifecycle: Lifecycle) -> None:
    """Give a class the methods of its lifecycle: event(), is_state, and the class-level scope state()."""
    for event in lifecycle.events:
        if event not in JOB_LIFECYCLE.events:
            _check_free(cls, event, lifecycle, "event")
            setattr(cls, event, _event_method(event))
    for state in lifecycle.states:
        if not hasattr(cls, f"is_{state}"):
            setattr(cls, f"is_{state}", property(_is_in(state)))
        if state not in JOB_LIFECYCLE.states:
            _check_free(cls, state, lifecycle, "state")
            setattr(cls, state, classmethod(_in_state(state)))


def _is_in(state: str) -> Callable[[Any], bool]:
    return lambda self: bool(self.state == state)


def _in_state(state: str) -> Callable[[Any], Any]:
    return lambda cls: cls.where(state=state)


def _check_free(cls: Any, name: str, lifecycle: Lifecycle, what: str) -> None:
    taken = getattr(cls, name, None)
    if taken is not None and not getattr(taken, "_of_lifecycle", False) and name in dir(cls.__mro__[1]):
        inherited = getattr(cls.__mro__[1], "lifecycle", None)
        if inherited is None or name not in (*inherited.events, *inherited.states):
            raise ConfigurationError(f"{cls.__name__}: the {what} {name!r} would replace the attribute of that name")


def _event_method(event: str) -> Any:
    def fire(self: Any, *, save: bool = True, version: int | None = None) -> None:
        self._fire(event, {}, save, version)

    fire.__name__ = fire.__qualname__ = event
    fire.__doc__ = f"Fire the event {event!r} of this class's own lifecycle."
    return fire
