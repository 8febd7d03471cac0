"""Jobs on MongoDB: the public names. Import from here; everything deeper may move."""

from rocketjob_core.clock import utc_now
from rocketjob_core.config import Settings, load_job_modules
from rocketjob_core.durations import humanize_seconds
from rocketjob_core.errors import (
    ConfigurationError,
    InvalidTransition,
    JobAborted,
    JobNotFound,
    JobTimeout,
    RocketJobError,
    StaleJob,
    UnknownJobClass,
    ValidationError,
)
from rocketjob_core.hooks import (
    after,
    after_abort,
    after_complete,
    after_create,
    after_destroy,
    after_fail,
    after_pause,
    after_perform,
    after_requeue,
    after_resume,
    after_retry,
    after_save,
    after_start,
    after_validation,
    around_perform,
    before,
    before_abort,
    before_complete,
    before_create,
    before_destroy,
    before_fail,
    before_pause,
    before_perform,
    before_requeue,
    before_resume,
    before_retry,
    before_save,
    before_start,
    before_validation,
)
from rocketjob_core.job.document import Job, JobException, UnknownJob
from rocketjob_core.job.registry import job_class, job_classes
from rocketjob_core.job.validating import validates
from rocketjob_core.lifecycle import Lifecycle
from rocketjob_core.logs import is_secret_name
from rocketjob_core.mongo.connection import connect, database, disconnect
from rocketjob_core.server.document import Server

__all__ = [
    # jobs
    "Job",
    "JobException",
    "Lifecycle",
    "UnknownJob",
    "job_class",
    "job_classes",
    "validates",
    # hooks
    "after",
    "after_abort",
    "after_complete",
    "after_create",
    "after_destroy",
    "after_fail",
    "after_pause",
    "after_perform",
    "after_requeue",
    "after_resume",
    "after_retry",
    "after_save",
    "after_start",
    "after_validation",
    "around_perform",
    "before",
    "before_abort",
    "before_complete",
    "before_create",
    "before_destroy",
    "before_fail",
    "before_pause",
    "before_perform",
    "before_requeue",
    "before_resume",
    "before_retry",
    "before_save",
    "before_start",
    "before_validation",
    # connecting
    "Settings",
    "connect",
    "database",
    "disconnect",
    "load_job_modules",
    # servers
    "Server",
    # errors
    "ConfigurationError",
    "InvalidTransition",
    "JobAborted",
    "JobNotFound",
    "JobTimeout",
    "RocketJobError",
    "StaleJob",
    "UnknownJobClass",
    "ValidationError",
    # small things
    "humanize_seconds",
    "is_secret_name",
    "utc_now",
]
