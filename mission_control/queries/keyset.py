"""Keyset paging: a page begins behind the last row of the one before, so that page 40,000 costs what page 1 costs.

Order is by one field, ties by `_id` in the same direction. In MongoDB null and missing sort before everything, and
range operators don't cross types: rows without a value need a branch of their own.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId, json_util
from bson.errors import BSONError, InvalidId

CURSOR_CHARACTERS_MAX = 300


class BadCursor(ValueError):
    """The cursor in the address was not made by this application, or for another order."""


@dataclass(frozen=True)
class Order:
    """Sort by `field`, then `_id`."""

    field: str
    descending: bool = False

    def sort(self, *, backwards: bool = False) -> list[tuple[str, int]]:
        """For pymongo; `backwards` reads towards the newer end."""
        direction = -1 if self.descending != backwards else 1
        return [("_id", direction)] if self.field == "_id" else [(self.field, direction), ("_id", direction)]


def encode(order: Order, row: dict[str, Any]) -> str:
    """The cursor of a row: opaque text for an address."""
    value = [order.field, row.get(order.field), row["_id"]]
    return base64.urlsafe_b64encode(json_util.dumps(value).encode()).decode().rstrip("=")


def decode(order: Order, cursor: str) -> tuple[Any, Any]:
    """(sort value, _id) of a cursor.

    Raises:
        BadCursor: it is not one, or for another order.
    """
    try:
        if len(cursor) > CURSOR_CHARACTERS_MAX:
            raise BadCursor(cursor[:20])
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        field, value, row_id = json_util.loads(text, json_util.JSONOptions(tz_aware=True))
    except (ValueError, TypeError, KeyError, BSONError, InvalidId) as error:
        raise BadCursor(cursor[:20]) from error
    plain = value is None or isinstance(value, str | int | float | bool | datetime | ObjectId)
    if field != order.field or not plain or isinstance(row_id, dict | list):
        raise BadCursor(cursor[:20])
    return value, row_id


def beyond(order: Order, cursor: str, *, backwards: bool = False) -> dict[str, Any]:
    """The condition for rows after (or, backwards, before) the cursor."""
    value, row_id = decode(order, cursor)
    compare = "$lt" if order.descending != backwards else "$gt"
    tie = {"_id": {compare: row_id}}
    if order.field == "_id":
        return tie
    same = {order.field: value}
    if compare == "$gt":
        # Behind "no value" come its ties, then everything that has one.
        further: dict[str, Any] = {order.field: {"$ne": None}} if value is None else {order.field: {"$gt": value}}
        return {"$or": [{**same, **tie}, further]}
    if value is None:
        return {**same, **tie}  # nothing sorts below "no value" but its ties
    return {"$or": [{**same, **tie}, {order.field: {"$lt": value}}, {order.field: None}]}
