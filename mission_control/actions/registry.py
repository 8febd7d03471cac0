"""Every action on a job, once: buttons, menus, bulk bar, audit and the tests of rights are made from this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mission_control.format import shown_state
from rocketjob_core import Job, job_class

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Action:
    """One thing an operator can do to a job.

    Attributes:
        name: in addresses, forms and the audit.
        label: on the button.
        done: how it reads afterwards: "3 jobs retried".
        icon: name of the icon.
        capability: the right it needs.
        states: states (as shown) it is offered in.
        handler: does it, through the job's own lifecycle: (job, values, version seen or None).
        confirm: the question asked before; empty: none needed, it can be undone.
        bulk: whether it is offered for checked rows.
        danger: whether its button warns.
        button: whether it has a button of its own; the others belong to a form.
    """

    name: str
    label: str
    done: str
    icon: str
    capability: str
    states: frozenset[str]
    handler: Callable[[Job, Values, int | None], None]
    confirm: str = ""
    bulk: bool = True
    danger: bool = False
    button: bool = True

    def offered(self, job: Mapping[str, Any]) -> bool:
        """Whether the stored job is in a state this action is for."""
        state = shown_state(job)
        # A state of the class's own lifecycle is nobody's here but the one action that is always possible.
        if state not in _KNOWN:
            return self.name == "destroy"
        if self.name == "pause" and state in ("running", "sleeping"):
            cls = job_class(str(job.get("_cls")))
            return bool(cls and cls.pausable)
        return state in self.states


def _states(*names: str) -> frozenset[str]:
    return frozenset(names)


def _set(job: Job, values: Values, version: int | None) -> None:
    job.update_attributes(version=version, **values)


def _run_now(job: Job, values: Values, version: int | None) -> None:
    job.run_now(version=version)


def _edit_and_retry(job: Job, values: Values, version: int | None) -> None:
    # Two guarded writes. Killed between them the job is failed with the corrected fields: it only needs the retry.
    job.update_attributes(version=version, **values)
    job.retry(version=job.version)


_WAITING = _states("queued", "scheduled")
_ACTIVE = _states("running", "sleeping")
_ANY = _WAITING | _ACTIVE | _states("paused", "failed", "aborted", "completed", "unknown")
_KNOWN = _ANY - {"unknown"}

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "retry",
            "Retry",
            "retried",
            "retry",
            "jobs.retry",
            _states("failed"),
            lambda job, values, version: job.retry(version=version),
        ),
        Action(
            "run_now",
            "Run now",
            "made due now",
            "play",
            "jobs.run_now",
            _states("scheduled"),
            _run_now,
        ),
        Action(
            "pause",
            "Pause",
            "paused",
            "pause",
            "jobs.pause",
            _WAITING | _ACTIVE,
            lambda job, values, version: job.pause(version=version),
        ),
        Action(
            "resume",
            "Resume",
            "resumed",
            "play",
            "jobs.resume",
            _states("paused"),
            lambda job, values, version: job.resume(version=version),
        ),
        Action(
            "fail",
            "Fail",
            "failed by hand",
            "triangle",
            "jobs.fail",
            _WAITING | _ACTIVE | _states("paused"),
            lambda job, values, version: job.fail(str(values.get("reason") or "Failed by hand"), version=version),
            confirm="It stops, counts as failed, and can be retried.",
            bulk=False,
            danger=True,
        ),
        Action(
            "abort",
            "Abort",
            "aborted",
            "ban",
            "jobs.abort",
            _WAITING | _ACTIVE | _states("paused", "failed"),
            lambda job, values, version: job.abort(version=version),
            confirm="It stops for good; an aborted job can't be retried.",
            danger=True,
        ),
        Action(
            "destroy",
            "Destroy",
            "destroyed",
            "trash",
            "jobs.destroy",
            _ANY,
            lambda job, values, version: job.destroy(version=version),
            confirm="It is removed from the database with everything it holds. This can't be undone.",
            danger=True,
        ),
        Action(
            "set_priority",
            "Change priority",
            "given another priority",
            "sort",
            "jobs.priority",
            _WAITING | _ACTIVE | _states("paused", "failed"),
            _set,
            bulk=False,
            button=False,
        ),
        Action(
            "edit",
            "Edit",
            "edited",
            "pen",
            "jobs.edit",
            _WAITING | _ACTIVE | _states("paused", "failed"),
            _set,
            bulk=False,
            button=False,
        ),
        Action(
            "edit_and_retry",
            "Save and retry",
            "edited and retried",
            "retry",
            "jobs.edit",
            _states("failed"),
            _edit_and_retry,
            bulk=False,
            button=False,
        ),
    )
}
