"""The filter language of the box over the list: `class:Import* state:failed priority:<30 created:>-2h "disk full"`.

AND between terms, a comma inside one means OR, a minus in front means not, `*` only at the end. Values never reach a
query as operators: each is parsed to a number, time, id or escaped text first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from mission_control.queries.counts import condition_of
from rocketjob_core import utc_now

CHARACTERS_MAX, TERMS_MAX, TEXT_CHARACTERS_MIN = 400, 20, 3

HELP = (
    ("class:ImportJob", "jobs of this class; class:Import* by how the name begins; class:A,B either"),
    ("state:failed,aborted", "jobs in one of these states; scheduled and queued are told apart"),
    ("priority:<30", "also >, <=, >=, a single number, or a range: priority:10..20"),
    ("attempts:>3", "failed that often or more; the same comparisons"),
    ("created:>-2h", "later than two hours ago; also started: stopped: run_at: with s, m, h, d or an ISO time"),
    ("error:TimeoutError", "class of the exception; error:Time* by how it begins"),
    ("worker:host1", "run by workers whose name begins so"),
    ("id:55aeaf03a26ec0c1bd00008d", "one job; an id alone does the same"),
    ('"disk full"', "text of at least three characters in the description or the error message"),
    ("-class:Noisy", "a minus in front: not"),
)

_TOKEN = re.compile(r'(?P<minus>-?)(?:(?P<key>[a-z_]+):)?(?P<value>"[^"]*"|[^\s"]+)')
_COMPARE = re.compile(r"(<=|>=|<|>)?(.+)")
_RELATIVE = re.compile(r"([+-])(\d{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OPERATORS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", None: "$eq"}
_ID = re.compile(r"[0-9a-fA-F]{24}")


class QueryError(ValueError):
    """The filter can't be understood; `position` is where the word in question begins."""

    def __init__(self, message: str, position: int = 0, word: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.word = word


@dataclass(frozen=True)
class Filter:
    """A parsed filter."""

    conditions: tuple[dict[str, Any], ...] = ()
    has_text: bool = False
    only_id: ObjectId | None = None

    def condition(self, *others: dict[str, Any]) -> dict[str, Any]:
        """One MongoDB condition of all terms and `others`."""
        parts = [part for part in (*others, *self.conditions) if part]
        return {} if not parts else parts[0] if len(parts) == 1 else {"$and": parts}


def parse(text: str) -> Filter:
    """Understand a filter.

    Raises:
        QueryError: says which word can't be understood, and what would be.
    """
    if len(text) > CHARACTERS_MAX:
        raise QueryError(f"The filter is longer than {CHARACTERS_MAX} characters")
    if text.count('"') % 2:
        raise QueryError("A quotation mark is missing its partner", text.rfind('"'), '"')
    conditions: list[dict[str, Any]] = []
    has_text = False
    matches = list(_TOKEN.finditer(text))
    if len(matches) > TERMS_MAX:
        raise QueryError(f"The filter has more than {TERMS_MAX} terms", matches[TERMS_MAX].start())
    for match in matches:
        word, key, value = match[0], match["key"], match["value"].strip('"')
        try:
            condition = _term(key, value)
        except ValueError as error:
            raise QueryError(str(error), match.start(), word) from None
        has_text = has_text or (key is None and not _ID.fullmatch(value))
        conditions.append({"$nor": [condition]} if match["minus"] else condition)
    alone = matches[0]["value"] if len(matches) == 1 and not matches[0]["minus"] else ""
    single = matches and matches[0]["key"] in (None, "id") and _ID.fullmatch(alone)
    return Filter(tuple(conditions), has_text, ObjectId(alone) if single else None)


def _term(key: str | None, value: str) -> dict[str, Any]:
    if key is None:
        return {"_id": ObjectId(value)} if _ID.fullmatch(value) else _text(value)
    make = _KEYS.get(key)
    if make is None:
        raise ValueError(f"There is no filter {key!r}; there are: {', '.join(_KEYS)}")
    if not value:
        raise ValueError(f"{key}: needs a value")
    alternatives = [make(part) for part in value.split(",") if part]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}


def _text(value: str) -> dict[str, Any]:
    if len(value) < TEXT_CHARACTERS_MIN:
        raise ValueError(f"Text to search for needs at least {TEXT_CHARACTERS_MIN} characters")
    pattern = {"$regex": re.escape(value), "$options": "i"}
    return {"$or": [{"description": pattern}, {"exception.message": pattern}]}


def _name(field: str) -> Callable[[str], dict[str, Any]]:
    def make(value: str) -> dict[str, Any]:
        if "*" in value[:-1]:
            raise ValueError("* can stand at the end only")
        if value.endswith("*"):
            # Anchored, so that an index on the field serves it.
            return {field: {"$regex": "^" + re.escape(value[:-1])}}
        return {field: value}

    return make


def _beginning(field: str) -> Callable[[str], dict[str, Any]]:
    return lambda value: {field: {"$regex": "^" + re.escape(value.rstrip("*"))}}


def _range(field: str, read: Callable[[str], Any]) -> Callable[[str], dict[str, Any]]:
    def make(value: str) -> dict[str, Any]:
        if ".." in value:
            low, high = value.split("..", 1)
            bounds = {"$gte": read(low)} if low else {}
            bounds |= {"$lte": read(high)} if high else {}
            if not bounds:
                raise ValueError(f"{value}: a range needs a beginning or an end")
            return {field: bounds}
        match = _COMPARE.fullmatch(value)
        if match is None:
            raise ValueError(f"{value}: is not a number or time to compare with")
        return {field: {_OPERATORS[match[1]]: read(match[2])}}

    return make


def _number(value: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _time(value: str) -> datetime:
    relative = _RELATIVE.fullmatch(value)
    if relative:
        seconds = int(relative[2]) * _UNITS[relative[3]]
        return utc_now() + timedelta(seconds=seconds if relative[1] == "+" else -seconds)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a time: use -2h, -30m, +1d, or 2026-01-31T08:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _state(value: str) -> dict[str, Any]:
    if not re.fullmatch(r"[a-z_]{1,40}", value):
        raise ValueError(f"{value!r} is not a state")
    return condition_of(value)


def _one_id(value: str) -> dict[str, Any]:
    if not _ID.fullmatch(value):
        raise ValueError(f"{value!r} is not an id: 24 hexadecimal digits")
    return {"_id": ObjectId(value)}


_KEYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "class": _name("_cls"),
    "state": _state,
    "priority": _range("priority", _number),
    "attempts": _range("failure_count", _number),
    "created": _range("created_at", _time),
    "started": _range("started_at", _time),
    "stopped": _range("completed_at", _time),
    "run_at": _range("run_at", _time),
    "error": _name("exception.class_name"),
    "worker": _beginning("worker_name"),
    "group": _name("throttle_group"),
    "id": _one_id,
}
