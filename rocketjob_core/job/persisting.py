"""Storing jobs: create, save, update, reload, destroy, delete. Every write touches only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from pymongo.errors import DuplicateKeyError

from rocketjob_core import hooks
from rocketjob_core.clock import utc_now
from rocketjob_core.errors import InvalidTransition, JobAborted, JobNotFound, StaleJob, ValidationFailed
from rocketjob_core.job.bulk import create_many
from rocketjob_core.job.fields import LIFECYCLE_FIELDS
from rocketjob_core.job.lifecycle import SINGLETON_MESSAGE
from rocketjob_core.job.mixin import JobMixin
from rocketjob_core.job.validating import unknown_fields
from rocketjob_core.mongo.events import publish_wakeup


class JobPersistence(JobMixin):
    """Mix-in: what brings a job into MongoDB, keeps it up to date there and removes it."""

    def __init__(self, *args: Any, **values: Any) -> None:
        if values.get("_created", True):
            known = self._fields
            unknown = [name for name in values if name not in known and name not in {"pk", "_cls"} and name[:2] != "__"]
            if unknown:
                raise unknown_fields(type(self).__name__, unknown, known)
        super().__init__(*args, **values)

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Build, validate and store a job; acknowledged by the majority's journals.

        Raises:
            ValidationError: a value is not allowed, or not the name of a field. Nothing was stored.
        """
        return cls(**values).save()

    @classmethod
    def create_many(cls, jobs: Iterable[Mapping[str, Any]]) -> int:
        """Store one job per mapping of values, one bulk write per 1,000; returns how many.

        Raises:
            ValidationError: names the item and the field, and says how many jobs had been stored before. The 1,000
                that contain the bad item are not stored.
        """
        return create_many(cls, jobs)

    def save(self, *, validate: bool = True, **_: Any) -> Self:
        """Validate and store: a new job as a whole, a stored one by the fields that changed.

        Raises:
            ValidationError: a value is not allowed.
            JobNotFound: the stored job is gone; it is not brought back.
            JobAborted: called inside `perform` of a job that no longer belongs to this worker.
        """
        if validate:
            self._check_valid()
        new = not self._stored
        chains = self._hooks
        hooks.run_before(self, "save", chains)
        if new:
            hooks.run_before(self, "create", chains)
            self._insert()
            hooks.run_after(self, "create", chains)
        else:
            self._update(None)
        hooks.run_after(self, "save", chains)
        return self

    def update_attributes(self, *, version: int | None = None, **values: Any) -> Self:
        """Set these fields, validate, and write just them.

        Args:
            version: the version the caller looked at; None: whatever is stored.

        Raises:
            ValidationError: a value is not allowed; the object keeps its old values.
            StaleJob: the stored job has another version.
            JobNotFound: the stored job is gone.
        """
        known = self._fields
        if unknown := [name for name in values if name not in known]:
            raise unknown_fields(type(self).__name__, unknown, known)
        if managed := sorted(LIFECYCLE_FIELDS & set(values)):
            raise ValidationFailed(dict.fromkeys(managed, "is changed by the job's lifecycle only"))
        before = {name: getattr(self, name) for name in values}
        try:
            for name, value in values.items():
                setattr(self, name, value)
            self._check_valid()
            if self._stored:
                hooks.run_before(self, "save", self._hooks)
                self._update(version, only=set(values))
                hooks.run_after(self, "save", self._hooks)
                return self
        except BaseException:
            for name, value in before.items():
                setattr(self, name, value)
            raise
        return self.save(validate=False)

    def run_now(self, *, version: int | None = None) -> Self:
        """Clear `run_at`, so that the job is due at once. Does nothing where it is not set."""
        if self.run_at is not None:
            self.update_attributes(run_at=None, version=version)
        return self

    def reload(self, *_: Any, **__: Any) -> Self:
        """Read the job again. One that is gone and had destroy_on_complete is taken to have completed.

        Raises:
            JobNotFound: it is gone, though it should have been kept.
        """
        stored = self.collection().find_one({"_id": self.id})
        if stored is not None:
            self._adopt(stored)
            return self
        if not self.destroy_on_complete:
            raise JobNotFound(self.id)
        if self.state != "completed":
            self.state = "completed"
            self.completed_at = utc_now()
            self.percent_complete = 100
            self.worker_name = None
        self._stored = False
        return self

    def destroy(self, *, version: int | None = None) -> None:
        """Remove the job, with its destroy hooks. A worker performing it notices and stops.

        Args:
            version: the version the caller looked at; None: whatever is stored.

        Raises:
            StaleJob: the stored job has another version; it was not removed.
        """
        hooks.run_before(self, "destroy", self._hooks)
        guard = {"_id": self.id} if version is None else {"_id": self.id, "version": version}
        removed = self.collection().delete_one(guard).deleted_count
        if not removed and self.collection().find_one({"_id": self.id}, {"_id": 1}) is not None:
            raise StaleJob(self)
        self._stored = False
        hooks.run_after(self, "destroy", self._hooks)

    def delete(self, *_: Any, **__: Any) -> None:
        """Remove the job without hooks. No error when it is gone already."""
        self.collection().delete_one({"_id": self.id})
        self._stored = False

    @classmethod
    def destroy_all(cls) -> int:
        """Destroy every job of this class (on `Job`: every job), with hooks; returns how many."""
        count = 0
        for job in cls.where():
            job.destroy()
            count += 1
        return count

    @classmethod
    def delete_all(cls) -> int:
        """Delete every job of this class (on `Job`: every job) without hooks; returns how many."""
        return int(cls.where().delete())

    def _insert(self) -> None:
        document = self.to_mongo()
        try:
            self.collection(durable=True).insert_one(document)
        except DuplicateKeyError as error:
            field = "state" if "singleton" in (error.details or {}).get("keyPattern", {}) else "id"
            message = SINGLETON_MESSAGE if field == "state" else f"is taken by a stored job (got {self.id})"
            raise ValidationFailed({field: message}) from error
        self._mark_stored()
        if self.state == "queued":
            publish_wakeup(self.collection().database, self.run_at)

    def _update(self, version: int | None, only: set[str] | None = None) -> None:
        to_set, to_unset = self._changes()
        left = []
        if only is not None:
            wanted = {self._db_field_map[name] for name in only}
            left = [path for path in self._get_changed_fields() if path.split(".")[0] not in wanted]
            to_set, to_unset = (
                {path: value for path, value in part.items() if path.split(".")[0] in wanted}
                for part in (to_set, to_unset)
            )
        if not to_set and not to_unset:
            return
        guard: dict[str, Any] = {"_id": self.id}
        update: dict[str, Any] = {}
        if version is not None:
            guard["version"] = version
        if fence := self._fence():
            # Closes the race of a worker saving progress of a job that was aborted or given to another worker.
            guard.update(fence)
        else:
            update["$inc"] = {"version": 1}
        state = to_set.get("state")
        if state is not None:
            # A transition made with save=False: it still requires the state that was last stored.
            guard["state"] = self._stored_state
        to_set.pop("version", None)
        update |= {"$set": to_set} if to_set else {}
        update |= {"$unset": to_unset} if to_unset else {}
        try:
            result = self.collection().update_one(guard, update)
        except DuplicateKeyError as error:
            raise ValidationFailed({"state": SINGLETON_MESSAGE}) from error
        if not result.matched_count:
            self._refuse(version, state)
        if "$inc" in update:
            self.version = (self.version or 0) + 1
        self._mark_stored()
        self._changed_fields = left
        if self.state == "queued" and ("run_at" in to_set or "run_at" in to_unset or state):
            publish_wakeup(self.collection().database, self.run_at)

    def _refuse(self, version: int | None, state: str | None) -> None:
        stored = self.collection().find_one({"_id": self.id}, {"state": 1, "version": 1})
        if self._fence():
            now = stored["state"] if stored else "destroyed"
            raise JobAborted(f"This job no longer belongs to this worker: it is {now}")
        if stored is None:
            raise JobNotFound(self.id)
        if version is not None and stored.get("version") != version:
            raise StaleJob(self)
        raise InvalidTransition(self, f"become {state}", str(stored["state"]), "another actor changed it meanwhile")
