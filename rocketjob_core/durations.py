"""Durations a person can read."""

from __future__ import annotations

from datetime import timedelta


def humanize_seconds(seconds: float) -> str:
    """`5.000ms`, `50.0ms`, `5.000s`, `1m 30s`, `1h 1m`, `1d 1h 1m`.

    Same shape as the original: github.com/reidmorrison/rocketjob, semantic duration of a job.
    """
    if seconds < 0:
        return "-" + humanize_seconds(-seconds)
    if seconds < 0.01:
        return f"{seconds * 1000:.3f}ms"
    if seconds < 1:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 60:
        return f"{seconds:.3f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h {minutes}m"


class Duration(timedelta):
    """A timedelta whose text reads well: `str(job.duration)` is "1m 30s"."""

    def __str__(self) -> str:
        return humanize_seconds(self.total_seconds())
