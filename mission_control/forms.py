"""The edit form of a job: typed inputs made of its class's `user_editable` fields, and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mongoengine.fields import BooleanField, DateTimeField, DictField, FloatField, IntField, ListField

from mission_control.format import is_hidden
from rocketjob_core import Job, job_class

UNCHANGED = object()


@dataclass
class Input:
    """One input of the form.

    Attributes:
        kind: number, decimal, switch, time, select, json or text.
        text: what the input shows: the stored value, or what was typed.
        error: why what was typed is not accepted.
        hidden: a secret: its value is not shown, and an empty input leaves it as it is.
    """

    name: str
    kind: str
    text: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    low: Any = None
    high: Any = None
    error: str = ""
    hidden: bool = False

    @property
    def label(self) -> str:
        """The name as a person reads it."""
        return self.name.replace("_", " ").capitalize()


def fields_of(class_name: str) -> dict[str, Any]:
    """The editable fields of a job class by name; of an unknown class those every job has."""
    cls = job_class(class_name) or Job
    return {name: cls._fields[name] for name in cls.user_editable_fields()}


def inputs(job: Mapping[str, Any]) -> list[Input]:
    """The form of a stored job. Values of a wrong type are shown as text, to be mended."""
    class_name = str(job.get("_cls"))
    return [_input(name, field, job.get(field.db_field), class_name) for name, field in fields_of(class_name).items()]


def read(job: Mapping[str, Any], form: Mapping[str, str]) -> tuple[dict[str, Any], list[Input]]:
    """What the form changes, and the inputs with what was typed; inputs with an `error` were not understood.

    Only editable fields are looked at, whatever was posted; a field that was not posted stays as it is.
    """
    changes: dict[str, Any] = {}
    shown = inputs(job)
    for item in shown:
        posted = form.get(item.name)
        if item.kind == "switch" and f"{item.name}__shown" in form:
            posted = "true" if posted else "false"
        if posted is None:
            continue
        try:
            value = _read(item, posted)
        except ValueError as error:
            item.text, item.error = posted, str(error)
            continue
        if value is not UNCHANGED:
            changes[item.name] = value
        item.text = posted
    return changes, shown


def _kind(field: Any) -> str:
    if field.choices:
        return "select"
    for types, kind in (
        (BooleanField, "switch"),
        (IntField, "number"),
        (FloatField, "decimal"),
        (DateTimeField, "time"),
        ((ListField, DictField), "json"),
    ):
        if isinstance(field, types):
            return kind
    return "text"


def _input(name: str, field: Any, value: Any, class_name: str) -> Input:
    kind = _kind(field)
    hidden = is_hidden(class_name, name)
    choices = tuple(str(item[0] if isinstance(item, list | tuple) else item) for item in field.choices or ())
    return Input(
        name=name,
        kind=kind,
        text="" if hidden else _text(kind, value),
        choices=choices,
        required=bool(field.required),
        low=getattr(field, "min_value", None),
        high=getattr(field, "max_value", None),
        hidden=hidden,
    )


def _text(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if kind == "time" and isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if kind == "switch":
        return "true" if value is True else ""
    return str(value)


def _read(item: Input, posted: str) -> Any:
    text = posted.replace("\r\n", "\n")
    if text == item.text:
        return UNCHANGED
    if item.kind == "switch":
        return UNCHANGED if (text == "true") == (item.text == "true") else text == "true"
    if not text.strip():
        return UNCHANGED if item.hidden or not item.text else None
    if item.kind == "number":
        return _number(text, int, "must be a whole number")
    if item.kind == "decimal":
        return _number(text, float, "must be a number")
    if item.kind == "time":
        try:
            found = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError("must be a time such as 2026-01-31T08:00:00 (UTC)") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    if item.kind == "json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"must be JSON: {error}") from None
    return text


def _number(text: str, kind: type[int] | type[float], message: str) -> Any:
    try:
        return kind(text.strip())
    except ValueError:
        raise ValueError(f"{message} (got {text.strip()[:40]!r})") from None
