"""Validation: MongoEngine's own, plus `@validates`; errors name field, value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mongoengine.base.fields import BaseField
from mongoengine.errors import ValidationError
from mongoengine.fields import BooleanField, FloatField, IntField

from rocketjob_core import hooks
from rocketjob_core.errors import ValidationFailed
from rocketjob_core.job.mixin import JobMixin

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__rocketjob_validates__"
_VALUE_SHOWN_CHARACTERS = 80


def validates(*names: str) -> Callable[[F], F]:
    """Decorator: call this method with the value of each named field whenever the job is validated.

    It returns None where the value is good, else the message ("must be between 1 and 50").
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, names)
        return function

    return mark


def validators_of(cls: type) -> tuple[tuple[str, str], ...]:
    """(field, method) pairs in the order defined, base classes and mix-ins first."""
    found: dict[tuple[str, str], None] = {}
    for owner in reversed(cls.__mro__):
        for method, value in vars(owner).items():
            for name in getattr(value, _MARK, ()):
                found[name, method] = None
    return tuple(found)


class JobValidation(JobMixin):
    """Mix-in: `validate`, and the errors it raises."""

    _fields: dict[str, BaseField]
    _hooks: hooks.Chains

    def validate(self, clean: bool = True) -> None:
        """Check every field.

        Raises:
            ValidationError: `.errors` by field; the text begins "Validation failed:" and names every field.
        """
        self._check_valid(clean=clean)

    def _check_valid(self, *, clean: bool = True) -> None:
        hooks.run_before(self, "validation", self._hooks)
        self._normalize()
        errors: dict[str, str] = {}
        try:
            super().validate(clean=clean)
        except ValidationError as error:
            for name, problem in error.errors.items():
                errors[name] = self._explain(name, problem)
        for name, method in validators_of(type(self)):
            if name not in errors:
                message = getattr(self, method)(getattr(self, name))
                if message:
                    errors[name] = str(message)
        if errors:
            raise ValidationFailed(errors)
        hooks.run_after(self, "validation", self._hooks)

    def _normalize(self) -> None:
        # "10" on an int field becomes 10, as MongoEngine does for values passed when the object is made.
        for name, field in self._fields.items():
            value = self._data.get(name)
            if isinstance(value, str) and isinstance(field, IntField | FloatField):
                converted = field.to_python(value)
                if not isinstance(converted, str):
                    setattr(self, name, converted)

    def _explain(self, name: str, problem: Any) -> str:
        field = self._fields.get(name)
        if field is None:  # clean() speaks for the whole job
            return str(problem)
        return explain(field, self._data.get(name), problem)


def explain(field: BaseField, value: Any, problem: Any) -> str:
    """One sentence: what is allowed, and what was given (hidden for a `sensitive` field)."""
    if value is None or (field.required and value in ("", [], {})):
        return "is required"
    shown = repr(value)
    if getattr(field, "sensitive", False):
        shown = "a hidden value"
    elif len(shown) > _VALUE_SHOWN_CHARACTERS:
        shown = shown[:_VALUE_SHOWN_CHARACTERS] + "..."
    return f"{_allowed(field) or _first_message(problem)} (got {shown})"


def _allowed(field: BaseField) -> str:
    if field.choices:
        values = [choice[0] if isinstance(choice, list | tuple) else choice for choice in field.choices]
        return "must be one of " + ", ".join(map(str, values))
    if isinstance(field, IntField | FloatField) and not field.validation:
        kind = "a whole number" if isinstance(field, IntField) else "a number"
        low, high = field.min_value, field.max_value
        if low is not None and high is not None:
            return f"must be {kind} between {low} and {high}"
        if low is not None:
            return f"must be {kind} of {low} or more"
        return f"must be {kind} of {high} or less" if high is not None else f"must be {kind}"
    return "must be true or false" if isinstance(field, BooleanField) else ""


def _first_message(problem: Any) -> str:
    while isinstance(problem, ValidationError) and problem.errors:
        problem = next(iter(problem.errors.values()))
    return str(getattr(problem, "message", problem)).rstrip(".") or "is invalid"


def unknown_fields(class_name: str, unknown: Iterable[str], known: Iterable[str]) -> ValidationFailed:
    """The error for names that are no fields of a class, with the likeliest field meant."""
    fields = sorted(name for name in known if not name.startswith("_"))
    errors = {}
    for name in unknown:
        close = difflib.get_close_matches(name, fields, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; fields: {', '.join(fields)}"
        errors[name] = f"is not a field of {class_name}{hint}"
    return ValidationFailed(errors)
