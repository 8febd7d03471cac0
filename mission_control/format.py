"""Times, durations and stored values as a person reads them; of any type, for documents may hold anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import Binary, ObjectId, json_util
from flask import Flask
from markupsafe import Markup

from rocketjob_core import humanize_seconds, is_secret_name, job_class, utc_now

HIDDEN = "••••••"
TEXT_SHOWN_CHARACTERS = 20_000
ITEMS_SHOWN = 200

STATE_ICONS = {
    "queued": "inbox",
    "scheduled": "clock",
    "running": "play",
    "sleeping": "hourglass",
    "paused": "pause",
    "failed": "triangle",
    "aborted": "ban",
    "completed": "check",
    "starting": "clock",
    "stopping": "pause",
    "zombie": "ghost",
}


def shown_state(job: Mapping[str, Any]) -> str:
    """The state an operator thinks in: scheduled and sleeping are told apart from queued and running."""
    state = job.get("state")
    if not isinstance(state, str):
        return "unknown"
    run_at = job.get("run_at")
    if state == "queued" and isinstance(run_at, datetime) and run_at > utc_now():
        return "scheduled"
    if state == "running" and not job.get("worker_name"):
        return "sleeping"
    return state


def state_icon(state: str) -> str:
    """Name of the icon of a state; a state of somebody's own lifecycle has the one for unknown."""
    return STATE_ICONS.get(state, "question")


def ago(value: Any) -> str:
    """`5m 2s ago`, `in 3h 1m`, or the value itself where it is no time."""
    if not isinstance(value, datetime):
        return "" if value is None else str(value)
    seconds = (utc_now() - value).total_seconds()
    text = brief(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def brief(seconds: float) -> str:
    """A duration in whole seconds or more: for ages, where milliseconds only flicker."""
    if seconds < 60:
        return f"{int(seconds)}s"
    return humanize_seconds(seconds)


def absolute(value: Any) -> str:
    """`2026-01-31 08:00:00.123 UTC`."""
    if not isinstance(value, datetime):
        return "" if value is None else str(value)
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d} UTC"


def time_tag(value: Any) -> Markup:
    """A <time> with the age as text and the full time as title; the browser keeps the age up to date."""
    if not isinstance(value, datetime):
        return Markup("<span class='muted'>{}</span>").format("—" if value is None else str(value)[:40])
    iso = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" title="{}" data-age>{}</time>').format(iso, absolute(value), ago(value))


def between(start: Any, end: Any) -> str:
    """Duration from one time to another (None: now); empty where one of them is no time."""
    end = utc_now() if end is None else end
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return ""
    return humanize_seconds(max((end - start).total_seconds(), 0.0))


def is_hidden(class_name: Any, field: str) -> bool:
    """Whether the value of this field is for nobody's eyes: declared `sensitive`, or named like a secret."""
    cls = job_class(class_name) if isinstance(class_name, str) else None
    declared = cls._fields.get(field) if cls is not None else None
    return is_secret_name(field) or bool(getattr(declared, "sensitive", False))


def redacted(value: Any, class_name: Any = None, field: str = "") -> Any:
    """A copy of a stored value in which secrets are dots, at any depth."""
    if field and is_hidden(class_name, field) and value is not None:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): redacted(item, class_name, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, class_name) for item in value]
    return value


def plain(value: Any) -> str:
    """Any stored scalar as text, cut where nobody could read on."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return absolute(value)
    if isinstance(value, Binary | bytes):
        return f"{len(value):,} bytes: {bytes(value[:64]).hex(' ')}{' …' if len(value) > 64 else ''}"
    text = str(value)
    if len(text) > TEXT_SHOWN_CHARACTERS:
        return f"{text[:TEXT_SHOWN_CHARACTERS]} … ({len(text):,} characters in all)"
    return text


def type_name(value: Any) -> str:
    """The type as a job author calls it."""
    names = {str: "text", bool: "bool", int: "int", float: "float", datetime: "time", ObjectId: "id", bytes: "binary"}
    return names.get(type(value), type(value).__name__.lower())


def raw_json(document: Mapping[str, Any]) -> str:
    """The stored document as extended JSON, redacted, long texts cut."""
    short = _shortened(redacted(document, document.get("_cls")))
    return json.dumps(json.loads(json_util.dumps(short)), indent=2, ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        rest = [f"… {len(value) - ITEMS_SHOWN:,} more"] if len(value) > ITEMS_SHOWN else []
        return [_shortened(item) for item in value[:ITEMS_SHOWN]] + rest
    return plain(value) if isinstance(value, str | bytes) else value


def init_app(app: Flask) -> None:
    """Register the template filters."""
    app.jinja_env.filters.update(
        absolute=absolute,
        ago=ago,
        between=between,
        icon_of=state_icon,
        plain=plain,
        time=time_tag,
        type_name=type_name,
    )
    app.jinja_env.tests.update(
        mapping=lambda value: isinstance(value, Mapping), listing=lambda value: isinstance(value, list)
    )
    app.jinja_env.globals.update(ITEMS_SHOWN=ITEMS_SHOWN, shown_state=shown_state, brief=brief)
