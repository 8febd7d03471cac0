"""Singleton: at most one instance of a job class is queued or running."""

from __future__ import annotations

from typing import Any

from mongoengine.fields import StringField

from rocketjob_core.job.lifecycle import SINGLETON_MESSAGE
from rocketjob_core.job.validating import validates


class Singleton:
    """Mix-in: a second instance of the class is refused while one is queued or running.

    The `singleton` field holds the class name, and a unique index over queued and running jobs (mongo/indexes.py)
    closes the race of concurrent creates, retries and resumes: exactly one wins. Subclasses are instances too: while
    one of a subclass is active, the parent class is refused.

    Raises (from create, save, retry and resume):
        ValidationError: on `state`.
    """

    singleton = StringField()

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        if not self._stored:  # type: ignore[attr-defined]
            self.singleton = type(self).__name__

    @validates("state")
    def _singleton_is_alone(self, state: str) -> str | None:
        # For the good message in the usual case, and for subclasses; the index decides races.
        if state not in ("queued", "running"):
            return None
        others = type(self).where(state__in=["queued", "running"], id__ne=self.id)  # type: ignore[attr-defined]
        return SINGLETON_MESSAGE if others.first() is not None else None
