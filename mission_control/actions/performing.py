"""The one way to act: right, state, version, the job's own lifecycle, audit; in this order, for every action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mission_control.actions import audit
from mission_control.actions.registry import ACTIONS, Action
from mission_control.auth.actor import Actor
from mission_control.format import shown_state
from mission_control.queries.jobs import one_job
from rocketjob_core import InvalidTransition, Job, JobNotFound, StaleJob, ValidationError

BULK_MAX = 500

Result = Literal["done", "denied", "missing", "skipped", "stale", "invalid", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How one action on one job ended.

    Attributes:
        result: done; denied (no right); missing (no such job); skipped (not allowed in its state); stale (changed
            meanwhile); invalid (values not allowed, see `errors`); failed (an error in the job's own code).
        text: one sentence for the operator.
        errors: for invalid: field -> message.
    """

    result: Result
    text: str
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.result == "done"


@dataclass(frozen=True)
class BulkOutcome:
    """How an action on several jobs ended: how many were done, and why others were not."""

    done: int
    reasons: Counter[str]

    def sentence(self, action: Action) -> str:
        """For the operator."""
        text = f"{self.done} {'job' if self.done == 1 else 'jobs'} {action.done}"
        others = "; ".join(f"{count} not: {reason}" for reason, count in self.reasons.most_common(3))
        return f"{text}. {others}" if others else text


def perform_action(
    name: str,
    job_id: str,
    actor: Actor,
    capabilities: frozenset[str],
    *,
    values: Mapping[str, Any] | None = None,
    version: int | None = None,
    via: str = "page",
) -> Outcome:
    """Do one action to one job, and write one audit record, also when it was refused.

    Args:
        capabilities: what the actor may do.
        values: fields to set, for the actions that edit.
        version: the version of the job the actor saw; None: whatever is stored.
    """
    action = ACTIONS[name]
    values = dict(values or {})
    stored = one_job(job_id)
    class_name = str(stored.get("_cls")) if stored else None
    before = {key: stored.get(key) for key in ("state", *values) if stored}
    outcome = _perform(action, job_id, stored, capabilities, values, version)
    audit.record(
        actor,
        name,
        job_id,
        result={"done": "done", "failed": "failed"}.get(outcome.result, "refused"),
        detail="" if outcome.ok else outcome.text,
        class_name=class_name,
        before=before if outcome.ok else None,
        after=values if outcome.ok else None,
        via=via,
    )
    return outcome


def perform_on_many(
    name: str, job_ids: Iterable[str], actor: Actor, capabilities: frozenset[str], *, via: str = "bulk"
) -> BulkOutcome:
    """Do one action to each of these jobs; each is checked, done and recorded for itself."""
    done, reasons = 0, Counter[str]()
    for job_id in job_ids:
        outcome = perform_action(name, job_id, actor, capabilities, via=via)
        done += outcome.ok
        if not outcome.ok:
            reasons[outcome.text] += 1
    return BulkOutcome(done, reasons)


def _perform(
    action: Action,
    job_id: str,
    stored: Mapping[str, Any] | None,
    capabilities: frozenset[str],
    values: dict[str, Any],
    version: int | None,
) -> Outcome:
    if action.capability not in capabilities:
        return Outcome("denied", f"your role does not allow: {action.label.lower()}")
    if stored is None:
        return Outcome("missing", "the job is gone")
    state = shown_state(stored)
    if version is not None and stored.get("version", version) != version:
        return Outcome("stale", f"it changed since you saw it; it is {state} now")
    if not action.offered(stored):
        return Outcome("skipped", f"it is {state}")
    try:
        # Between the check above and the write the job may change: the write itself requires the version just read.
        action.handler(Job.find(job_id), values, stored.get("version"))
    except ValidationError as error:
        errors = {str(key): str(message) for key, message in (error.errors or {}).items()}
        return Outcome("invalid", str(error), errors)
    except (InvalidTransition, StaleJob):
        return Outcome("stale", "it changed at this moment; look at its present state")
    except JobNotFound:
        return Outcome("missing", "the job is gone")
    except Exception as error:  # a hook of the job's own class: the operator must see what it said
        return Outcome("failed", f"{type(error).__name__}: {error}")
    return Outcome("done", f"Job {action.done}")
