"""What the page of one job shows, taken from its raw document, whatever that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mission_control.format import redacted, type_name
from rocketjob_core import Job, job_class, utc_now

FRAMES_SHOWN = 2_000
# Frames of these are not the job author's own.
FOREIGN = ("site-packages", "dist-packages", "/lib/python", "rocketjob_core/", "<frozen ", "<string>")

_STANDARD = frozenset(field.db_field for field in Job._fields.values()) | {"_cls"}


@dataclass(frozen=True)
class Frame:
    """One entry of a backtrace."""

    text: str
    own: bool


@dataclass(frozen=True)
class Failure:
    """One exception of a chain; `relation` says how it led to the one before."""

    class_name: str
    message: str
    frames: list[Frame]
    relation: str = ""
    left_out: int = 0

    @property
    def foreign(self) -> int:
        """How many frames are not the author's own."""
        return sum(not frame.own for frame in self.frames)


@dataclass(frozen=True)
class Step:
    """One point of the timeline, and how long the time before it took."""

    name: str
    at: datetime
    took: float
    kind: str


@dataclass(frozen=True)
class DeclaredField:
    """One field of the job's own class."""

    name: str
    type: str
    value: Any
    editable: bool
    declared: bool


def exception_of(job: Mapping[str, Any]) -> list[Failure]:
    """The exception and its causes, outermost first; empty when there is none."""
    stored = job.get("exception")
    if stored is None:
        return []
    if not isinstance(stored, Mapping):
        return [Failure("unknown", str(stored), [])]
    causes = stored.get("causes")
    chain = [stored, *(cause for cause in (causes if isinstance(causes, list) else []) if isinstance(cause, Mapping))]
    return [_failure(item) for item in chain]


def _failure(item: Mapping[str, Any]) -> Failure:
    lines = item.get("backtrace")
    lines = [str(line) for line in lines] if isinstance(lines, list) else []
    frames = [Frame(line, not any(part in line for part in FOREIGN)) for line in lines[-FRAMES_SHOWN:]]
    if frames and not any(frame.own for frame in frames):
        # Nothing of the author's own in it: hiding everything would hide the reason.
        frames = [Frame(frame.text, True) for frame in frames]
    return Failure(
        class_name=str(item.get("class_name") or "Exception"),
        message=str(item.get("message") or ""),
        frames=frames,
        relation={"cause": "caused by", "context": "while handling"}.get(str(item.get("relation")), ""),
        left_out=max(len(lines) - FRAMES_SHOWN, 0),
    )


def declared_fields(job: Mapping[str, Any]) -> list[DeclaredField]:
    """The fields of the job's own class with their types, then stored values nobody declared."""
    class_name = str(job.get("_cls"))
    cls = job_class(class_name)
    found = []
    declared: set[str] = set()
    if cls is not None:
        editable = set(cls.user_editable_fields())
        own = [field for field in cls._fields.values() if field.db_field not in _STANDARD]
        for field in sorted(own, key=lambda field: field.creation_counter):
            declared.add(field.db_field)
            value = redacted(job.get(field.db_field), class_name, field.name)
            kind = type(field).__name__.removesuffix("Field").lower()
            found.append(DeclaredField(field.name, kind, value, field.name in editable, True))
    for name in sorted(set(job) - _STANDARD - declared):
        value = redacted(job[name], class_name, name)
        found.append(DeclaredField(str(name), type_name(job[name]), value, False, False))
    return found


def timeline(job: Mapping[str, Any]) -> list[Step]:
    """Created, due, started, stopped: those that are known, with the time between them."""
    state = job.get("state")
    points = [("created", job.get("created_at"), "")]
    run_at = job.get("run_at")
    if isinstance(run_at, datetime) and run_at <= utc_now():
        points.append(("due", run_at, "held"))
    points.append(("started", job.get("started_at"), "waited"))
    points.append((state if isinstance(state, str) else "stopped", job.get("completed_at"), "ran"))
    known = [(name, at, kind) for name, at, kind in points if isinstance(at, datetime)]
    steps = []
    for position, (name, at, kind) in enumerate(known):
        took = (at - known[position - 1][1]).total_seconds() if position else 0.0
        if name == state and not isinstance(job.get("started_at"), datetime):
            kind = "waited"
        steps.append(Step(name, at, max(took, 0.0), kind if position else ""))
    if state in ("running", "queued") and steps:
        kind = "ran" if state == "running" else "waited"
        steps.append(Step("now", utc_now(), max((utc_now() - steps[-1].at).total_seconds(), 0.0), kind))
    return steps
