"""Finding jobs, and reading one: scopes, counts, predicates, durations, status."""

from __future__ import annotations

import time
from typing import Any, Self

from bson import ObjectId
from bson.errors import InvalidId
from mongoengine import Q
from mongoengine.queryset import QuerySet

from rocketjob_core.clock import monotonic, utc_now
from rocketjob_core.durations import Duration
from rocketjob_core.errors import JobNotFound, JobTimeout
from rocketjob_core.job.mixin import JobMixin

END_STATES = frozenset({"completed", "failed", "aborted"})
_WAIT_FIRST_SECONDS, _WAIT_MAX_SECONDS = 0.005, 0.25


class JobQuerySet(QuerySet):
    """Query set of jobs. On `Job` itself it sees every job, also of classes this process has not imported."""

    _cls_query: dict[str, Any]

    def __init__(self, document: Any, collection: Any) -> None:
        super().__init__(document, collection)
        if document._sees_every_job():
            self._cls_query = {}


class JobQueries(JobMixin):
    """Mix-in: class-level finders and instance-level readings."""

    @classmethod
    def _sees_every_job(cls) -> bool:
        return False

    @classmethod
    def where(cls, **lookups: Any) -> JobQuerySet:
        """Jobs of this class and its subclasses by MongoEngine lookups: `state="failed"`, `priority__lte=25`."""
        return cls.objects(**lookups)

    @classmethod
    def find(cls, job_id: str | ObjectId) -> Self:
        """The job with this id.

        Raises:
            JobNotFound: there is none of this class, or the id is not an id.
        """
        try:
            found = cls.where(id=ObjectId(job_id)).first()
        except (InvalidId, TypeError) as error:
            raise JobNotFound(job_id) from error
        if found is None:
            raise JobNotFound(job_id)
        return found

    @classmethod
    def first(cls) -> Self | None:
        """The oldest job of this class, None when there is none."""
        return cls.where().order_by("id").first()

    @classmethod
    def last(cls) -> Self | None:
        """The newest job of this class, None when there is none."""
        return cls.where().order_by("-id").first()

    @classmethod
    def queued(cls) -> JobQuerySet:
        """Jobs in the queue, due or scheduled."""
        return cls.where(state="queued")

    @classmethod
    def scheduled(cls) -> JobQuerySet:
        """Queued jobs whose `run_at` is still to come."""
        return cls.where(state="queued", run_at__gt=utc_now())

    @classmethod
    def queued_now(cls) -> JobQuerySet:
        """Queued jobs that may be claimed now."""
        due = Q(run_at=None) | Q(run_at__lte=utc_now())
        return cls.objects(Q(state="queued") & due)

    @classmethod
    def running(cls) -> JobQuerySet:
        """Jobs being performed."""
        return cls.where(state="running")

    @classmethod
    def completed(cls) -> JobQuerySet:
        """Jobs that completed and are kept."""
        return cls.where(state="completed")

    @classmethod
    def failed(cls) -> JobQuerySet:
        """Jobs that failed."""
        return cls.where(state="failed")

    @classmethod
    def paused(cls) -> JobQuerySet:
        """Jobs an operator holds back."""
        return cls.where(state="paused")

    @classmethod
    def aborted(cls) -> JobQuerySet:
        """Jobs stopped for good."""
        return cls.where(state="aborted")

    @classmethod
    def counts_by_state(cls) -> dict[str, int]:
        """State -> number of jobs of this class; states without jobs are absent.

        `queued` is the total; `queued_now` and `scheduled` split it, each only when above zero.
        """
        pipeline = [{"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        counts = {str(row["_id"]): int(row["count"]) for row in cls.where().aggregate(pipeline)}
        if "queued" in counts:
            scheduled = cls.scheduled().count()
            split = {"queued_now": counts["queued"] - scheduled, "scheduled": scheduled}
            counts |= {name: count for name, count in split.items() if count > 0}
        return counts

    is_queued = property(lambda self: self.state == "queued")
    is_running = property(lambda self: self.state == "running")
    is_completed = property(lambda self: self.state == "completed")
    is_failed = property(lambda self: self.state == "failed")
    is_paused = property(lambda self: self.state == "paused")
    is_aborted = property(lambda self: self.state == "aborted")

    @property
    def is_scheduled(self) -> bool:
        """Queued with a `run_at` still to come."""
        return self.state == "queued" and self.run_at is not None and self.run_at > utc_now()

    @property
    def is_expired(self) -> bool:
        """Whether `expires_at` has passed."""
        return self.expires_at is not None and self.expires_at < utc_now()

    @property
    def is_sleeping(self) -> bool:
        """Running, but no worker is at it."""
        return self.state == "running" and not self.worker_name

    @property
    def class_name(self) -> str:
        """Name of the job's class as stored."""
        return str(self._cls)

    @property
    def is_unknown_class(self) -> bool:
        """Whether the job's class is not imported in this process."""
        return False

    @property
    def scheduled_at(self) -> Any:
        """When it was meant to run: `run_at`, else `created_at`. For date arithmetic, rather than the clock."""
        return self.run_at or self.created_at

    @property
    def seconds(self) -> float:
        """Waiting time while queued, time so far while running, else the time from start until it stopped."""
        start = self.started_at or self.created_at
        return ((self.completed_at or utc_now()) - start).total_seconds()

    @property
    def duration(self) -> Duration:
        """`seconds` as a timedelta whose text reads well."""
        return Duration(seconds=self.seconds)

    def status(self) -> dict[str, Any]:
        """What the dashboard shows: every stored value by name, with the stop time named after the state."""
        values = {name: value for name, value in self._data.items() if value is not None and name != "_cls"}
        values["id"] = str(self.id)
        if values.get("exception") is not None:
            values["exception"] = values["exception"].to_mongo().to_dict()
        if not values.get("failure_count"):
            values.pop("failure_count", None)
        stopped = values.get("completed_at")
        if self.state != "completed":
            values.pop("completed_at", None)
        else:
            values.pop("percent_complete", None)
        if self.state == "queued":
            values.pop("started_at", None)
        first = {"class_name": self.class_name}
        if self.state in {"paused", "failed", "aborted"} and stopped is not None:
            first[f"{self.state}_at"] = stopped
        return first | values | {"seconds": self.seconds, "duration": str(self.duration)}

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the job has completed, failed or was aborted (or is gone, having completed); returns the job.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            JobTimeout: it had not ended by then.
            JobNotFound: a job that is kept on completion was destroyed meanwhile.
        """
        deadline = None if timeout is None else monotonic() + timeout
        pause = _WAIT_FIRST_SECONDS
        while True:
            self.reload()
            if self.state in END_STATES:
                return self
            left = pause if deadline is None else deadline - monotonic()
            if left <= 0:
                raise JobTimeout(self, timeout or 0, self.state)
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _WAIT_MAX_SECONDS)
