"""Who did what to which job, when, and how it ended. Append-only; refused attempts are recorded, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId

from mission_control.auth.actor import Actor
from mission_control.format import redacted
from mission_control.queries.keyset import Order, beyond, encode
from mission_control.queries.reading import LIST_MS
from rocketjob_core import database, utc_now

AUDIT = "mission_control.audit"
ORDER = Order("_id", descending=True)


def ensure_audit_indexes() -> None:
    """By job, newest first; the whole list goes by `_id`."""
    database()[AUDIT].create_index([("job_id", 1), ("_id", -1)], name="job_1")


def record(
    actor: Actor,
    action: str,
    job_id: str,
    *,
    result: str,
    detail: str = "",
    class_name: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    via: str = "page",
) -> None:
    """Write one record.

    Args:
        result: "done", "refused" or "failed".
        before, after: the values that changed; secrets are redacted here.
    """
    entry: dict[str, Any] = {
        "at": utc_now(),
        "who": actor.name,
        "roles": list(actor.roles),
        "ip": actor.ip,
        "via": via,
        "action": action,
        "job_id": _key(job_id),
        "class_name": class_name,
        "result": result,
        "detail": detail[:500],
    }
    if before or after:
        entry["before"], entry["after"] = redacted(before or {}, class_name), redacted(after or {}, class_name)
    database()[AUDIT].insert_one(entry)


def of_job(job_id: str, size: int = 50) -> list[dict[str, Any]]:
    """Records of one job, newest first; also of a job that is gone."""
    found = database()[AUDIT].find({"job_id": _key(job_id)}, max_time_ms=LIST_MS, comment="mc:audit.job")
    return list(found.sort("_id", -1).limit(size))


def page(after: str | None, size: int = 100) -> tuple[list[dict[str, Any]], str | None]:
    """Records newest first, and the cursor of the next page."""
    query = beyond(ORDER, after) if after else {}
    found = database()[AUDIT].find(query, max_time_ms=LIST_MS, comment="mc:audit").sort(ORDER.sort()).limit(size + 1)
    rows = list(found)
    return rows[:size], encode(ORDER, rows[size - 1]) if len(rows) > size else None


def _key(job_id: str) -> Any:
    try:
        return ObjectId(job_id)
    except (InvalidId, TypeError):
        return str(job_id)[:64]
