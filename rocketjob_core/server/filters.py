"""Which jobs a server takes: --include, --exclude and --where as one MongoDB condition."""

from __future__ import annotations

from typing import Any

from rocketjob_core.config import Settings


def job_condition(settings: Settings) -> dict[str, Any] | None:
    """The condition of these settings, None where every job is taken. Regexps match the class name, ignoring case."""
    parts: list[dict[str, Any]] = []
    if settings.include:
        parts.append({"_cls": {"$regex": settings.include, "$options": "i"}})
    if settings.exclude:
        parts.append({"_cls": {"$not": {"$regex": settings.exclude, "$options": "i"}}})
    if settings.where:
        parts.append(dict(settings.where))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$and": parts}
