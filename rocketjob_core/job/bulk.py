"""Creating many jobs: one bulk write per 1,000, without building a document object for each where nothing needs one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from bson import ObjectId
from mongoengine.errors import ValidationError
from pymongo.errors import BulkWriteError

from rocketjob_core import hooks
from rocketjob_core.clock import utc_now
from rocketjob_core.errors import ValidationFailed
from rocketjob_core.job.lifecycle import SINGLETON_MESSAGE
from rocketjob_core.job.validating import JobValidation, explain, unknown_fields, validators_of
from rocketjob_core.mongo.document import StoredDocument
from rocketjob_core.mongo.events import publish_wakeup

CHUNK = 1_000

_HOOKS_PER_JOB = ("save", "create", "validation")


def create_many(cls: Any, jobs: Iterable[Mapping[str, Any]]) -> int:
    """See `Job.create_many`."""
    build = _fast_builder(cls) if _is_plain(cls) else _slow_builder(cls)
    collection = cls.collection(durable=True)
    created = 0
    remaining = iter(jobs)
    while chunk := list(islice(remaining, CHUNK)):
        documents = []
        for position, values in enumerate(chunk, start=created):
            try:
                documents.append(build(values))
            except ValidationError as error:
                raise _at(position, error.errors, created) from error
        try:
            collection.insert_many(documents, ordered=True)
        except BulkWriteError as error:
            failed = error.details["writeErrors"][0]
            created += int(error.details["nInserted"])
            problem = {"state": SINGLETON_MESSAGE} if failed["code"] == 11000 else {"job": failed["errmsg"]}
            raise _at(created, problem, created) from error
        created += len(documents)
        publish_wakeup(collection.database, count=len(documents))
    return created


def _at(position: int, errors: Mapping[str, Any], created: int) -> ValidationFailed:
    return ValidationFailed(
        {name: f"{message} [item {position}; {created} jobs were created before]" for name, message in errors.items()}
    )


def _is_plain(cls: Any) -> bool:
    """Whether making a job of this class runs none of its author's code, so that no object is needed for it."""
    own_clean = cls.clean is not StoredDocument.clean
    own_validate = cls.validate is not JobValidation.validate
    return not (own_clean or own_validate or validators_of(cls) or any(cls._hooks.get(e) for e in _HOOKS_PER_JOB))


def _slow_builder(cls: Any) -> Any:
    # Hooks before the write only: no job object is kept for those after it.
    def build(values: Mapping[str, Any]) -> dict[str, Any]:
        job = cls(**values)
        job._check_valid()
        hooks.run_before(job, "save", cls._hooks)
        hooks.run_before(job, "create", cls._hooks)
        document: dict[str, Any] = job.to_mongo()
        return document

    return build


def _fast_builder(cls: Any) -> Any:
    fields = cls._fields
    made_per_job = {"id", "created_at"}
    constants: dict[str, Any] = {"_cls": cls._class_name}
    computed = []
    for name, field in fields.items():
        if name in made_per_job or name == "_cls":
            continue
        if callable(field.default):
            computed.append((field, field.default))
        elif field.default is not None:
            constants[field.db_field] = field.to_mongo(field.default)
    required = [(name, field.db_field) for name, field in fields.items() if field.required and name not in made_per_job]

    def build(values: Mapping[str, Any]) -> dict[str, Any]:
        document = {"_id": ObjectId(), "created_at": utc_now(), **constants}
        for field, default in computed:
            value = default()
            if value is not None:
                document[field.db_field] = field.to_mongo(value)
        errors = {}
        for name, given in values.items():
            field = fields.get(name)
            if field is None:
                raise unknown_fields(cls.__name__, [name], fields)
            value = None if given is None else field.to_python(given)
            if value is None:
                document.pop(field.db_field, None)
                continue
            try:
                field._validate(value)
            except ValidationError as problem:
                errors[name] = explain(field, value, problem)
                continue
            document[field.db_field] = field.to_mongo(value)
        for name, stored_as in required:
            if name not in errors and document.get(stored_as) is None:
                errors[name] = "is required"
        if errors:
            raise ValidationFailed(errors)
        return document

    return build
