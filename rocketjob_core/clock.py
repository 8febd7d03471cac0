"""The only reader of time, so that tests can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, timezone-aware UTC, cut to the millisecond MongoDB can store."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def monotonic() -> float:
    """Seconds on a clock that never goes back: for deadlines and intervals, not for storing."""
    return time.monotonic()
