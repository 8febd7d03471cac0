"""Field types of stored documents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from mongoengine.fields import DateTimeField, EmbeddedDocumentField


def as_utc(value: datetime) -> datetime:
    """The same instant in UTC, cut to MongoDB's millisecond; a naive value is taken to be UTC already."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


class UTCDateTimeField(DateTimeField):
    """A time, always timezone-aware UTC with millisecond precision. Naive values and ISO texts are read as UTC."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return as_utc(value)
        parsed = self.to_mongo(value) if isinstance(value, str | date) else value
        return as_utc(parsed) if isinstance(parsed, datetime) else value

    def to_mongo(self, value: Any) -> Any:
        if isinstance(value, str):
            try:
                return as_utc(datetime.fromisoformat(value))
            except ValueError:
                return None
        parsed = super().to_mongo(value)
        return as_utc(parsed) if isinstance(parsed, datetime) else parsed

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, as_utc(value) if isinstance(value, datetime) else value)


class TolerantEmbeddedField(EmbeddedDocumentField):
    """An embedded document that a foreign value of another type can't make unreadable: such a value reads as None."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, dict | self.document_type):
            return None
        return super().to_python(value)
