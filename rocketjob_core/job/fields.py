"""The fields every job has, and what may be said of a field: user_editable, copy_on_restart, sensitive."""

from __future__ import annotations

import traceback
from typing import Any, Self

from bson import ObjectId
from mongoengine import EmbeddedDocument
from mongoengine.base.fields import BaseField
from mongoengine.fields import (
    BooleanField,
    DictField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from rocketjob_core.clock import utc_now
from rocketjob_core.mongo.fields import TolerantEmbeddedField, UTCDateTimeField

LOG_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
PRIORITY_FIRST, PRIORITY_LAST, PRIORITY_DEFAULT = 1, 100, 50

# An error must never push a job over MongoDB's 16 MiB, nor a page over what a person can read.
MESSAGE_MAX_CHARACTERS = 64 * 1024
BACKTRACE_MAX_LINES = 1_000
CAUSES_MAX = 20

# Written by transitions and claims alone: `save` and `update_attributes` refuse to touch them on a stored job.
LIFECYCLE_FIELDS = frozenset(
    {"state", "started_at", "completed_at", "failure_count", "lost_count", "worker_name", "server_id", "process_id"}
    | {"exception", "version"}
)


def _text(value: Any) -> str:
    # Lone surrogates (undecodable bytes) can't be stored as BSON strings.
    try:
        text = str(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose text can't be made: {type(error).__name__}>"
    return text[:MESSAGE_MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")


def _frames(error: BaseException) -> list[str]:
    lines = [_text(line.rstrip("\n")) for line in traceback.format_tb(error.__traceback__)]
    if len(lines) > BACKTRACE_MAX_LINES:
        # Deep recursion: both ends tell the story, the middle repeats itself.
        half = BACKTRACE_MAX_LINES // 2
        lines = [*lines[:half], f"  ... {len(lines) - 2 * half} frames left out ...", *lines[-half:]]
    return lines


class JobException(EmbeddedDocument):
    """Why a job failed.

    Attributes:
        class_name: the exception's class; "JobException" when the job was failed with a text.
        message: its text, at most 64 Ki characters.
        backtrace: one entry per frame, outermost first, as Python prints them.
        worker_name: who was performing.
        causes: the chain behind it, nearest first: dicts with class_name, message, backtrace and relation
            ("cause" for `raise ... from`, "context" for an error while handling another).
    """

    meta = {"strict": False}

    class_name = StringField()
    message = StringField()
    backtrace = ListField(StringField())
    worker_name = StringField()
    causes = ListField(DictField())

    @classmethod
    def of(cls, reason: BaseException | str | None, worker_name: str | None = None) -> Self:
        """Build it from an exception, a text, or nothing."""
        if not isinstance(reason, BaseException):
            return cls(class_name="JobException", message=_text(reason or ""), worker_name=worker_name)
        causes: list[dict[str, Any]] = []
        seen = {id(reason)}
        error: BaseException | None = reason
        while error is not None and len(causes) < CAUSES_MAX:
            relation = "cause" if error.__cause__ is not None else "context"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if error is None or id(error) in seen:
                break
            seen.add(id(error))
            causes.append(
                {
                    "class_name": type(error).__name__,
                    "message": _text(error),
                    "backtrace": _frames(error),
                    "relation": relation,
                }
            )
        return cls(
            class_name=type(reason).__name__,
            message=_text(reason),
            backtrace=_frames(reason),
            worker_name=worker_name,
            causes=causes,
        )


class JobFields:
    """The standard fields. A subclass sets its own default by plain assignment: `priority = 70`.

    Attributes:
        description: what a person reads in lists.
        priority: 1 (first) to 100 (last), default 50. Strict: lower numbers always go first, then older jobs.
        destroy_on_complete: remove the job once it completed; default True. Failed and aborted jobs are kept.
        run_at: not before this time (UTC); None: as soon as possible.
        expires_at: a job not started by then is destroyed instead of run.
        log_level: threshold of this job's own log lines while it performs; None: the server's.
        throttle_group: jobs that share one limit of running jobs.
        state, created_at, started_at, failure_count, percent_complete: read-only for callers.
        completed_at: when it completed; for failed, aborted and paused jobs, when it stopped.
        lost_count: how often a worker died while running it, since it was created or last retried.
        worker_name: who runs it now.
        exception: why it failed last.
        version: grows with every transition and every operator's save; says whether a page is stale.
    """

    id = ObjectIdField(db_field="_id", primary_key=True, default=ObjectId)
    description = StringField(user_editable=True, copy_on_restart=True)
    priority = IntField(
        min_value=PRIORITY_FIRST,
        max_value=PRIORITY_LAST,
        default=PRIORITY_DEFAULT,
        required=True,
        user_editable=True,
        copy_on_restart=True,
    )
    destroy_on_complete = BooleanField(default=True, copy_on_restart=True)
    run_at = UTCDateTimeField(user_editable=True)
    expires_at = UTCDateTimeField(copy_on_restart=True)
    log_level = StringField(choices=LOG_LEVELS, user_editable=True, copy_on_restart=True)
    throttle_group = StringField(user_editable=True, copy_on_restart=True)

    state = StringField(default="queued", required=True)
    created_at = UTCDateTimeField(default=utc_now, required=True)
    started_at = UTCDateTimeField()
    completed_at = UTCDateTimeField()
    failure_count = IntField(default=0, required=True)
    lost_count = IntField(default=0)
    worker_name = StringField()
    server_id = ObjectIdField()
    process_id = StringField()
    percent_complete = IntField(default=0, min_value=0, max_value=100)
    exception = TolerantEmbeddedField(JobException)
    singleton = StringField()
    version = IntField(default=1)

    _fields: dict[str, BaseField]

    @classmethod
    def user_editable_fields(cls) -> tuple[str, ...]:
        """Names of the fields an operator may edit, in the order declared."""
        return cls._flagged("user_editable")

    @classmethod
    def restart_fields(cls) -> tuple[str, ...]:
        """Names of the fields a restarted copy takes over."""
        return cls._flagged("copy_on_restart")

    @classmethod
    def _flagged(cls, flag: str) -> tuple[str, ...]:
        named = [(field.creation_counter, name) for name, field in cls._fields.items() if getattr(field, flag, False)]
        return tuple(name for _, name in sorted(named))
