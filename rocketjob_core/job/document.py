"""class Job: a list of bases plus meta; each base is one concern in a file of its own."""

from __future__ import annotations

from typing import Any

from rocketjob_core.job.fields import JobException, JobFields
from rocketjob_core.job.lifecycle import JobTransitions
from rocketjob_core.job.performing import JobPerforming
from rocketjob_core.job.persisting import JobPersistence
from rocketjob_core.job.querying import JobQueries, JobQuerySet
from rocketjob_core.job.registry import Registered, job_class
from rocketjob_core.job.unknown import UnknownClass
from rocketjob_core.job.validating import JobValidation
from rocketjob_core.mongo.document import StoredDocument
from rocketjob_core.mongo.indexes import JOBS


class Job(
    Registered,
    JobPersistence,
    JobPerforming,
    JobTransitions,
    JobValidation,
    JobQueries,
    JobFields,
    StoredDocument,
):
    """Base of all jobs. A subclass declares fields and defines `perform`; an abstract one is shared by others.

    On `Job` itself the finders see every job, also those whose class is not imported here: they load as UnknownJob.
    """

    meta = {
        "collection": JOBS,
        "allow_inheritance": True,
        "queryset_class": JobQuerySet,
        "index_cls": False,
    }

    @classmethod
    def _sees_every_job(cls) -> bool:
        return cls is Job

    @classmethod
    def _from_son(cls, son: dict[str, Any], _auto_dereference: bool = True, created: bool = False) -> Any:
        name = son.get("_cls") or cls._class_name
        known = cls if name == cls._class_name else job_class(name)
        if known is not None:
            return super(Job, known)._from_son(son, _auto_dereference=_auto_dereference, created=created)
        job = super(Job, UnknownJob)._from_son({**son, "_cls": UnknownJob._class_name}, _auto_dereference, created)
        job._data["_cls"] = name
        return job


class UnknownJob(UnknownClass, Job):
    """A stored job whose class is not imported in this process."""


__all__ = ["Job", "JobException", "UnknownJob"]
