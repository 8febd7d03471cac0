"""One tree of errors, `RocketJobError` at its root. Each says what happened and carries the data."""

from __future__ import annotations

from typing import Any

from mongoengine.errors import ValidationError as ValidationError


class RocketJobError(Exception):
    """Base of every error this package raises."""


class ConfigurationError(RocketJobError):
    """A setting, class declaration or environment is wrong; the text names it, its value and what is allowed."""


class JobNotFound(RocketJobError):
    """No job with this id: it was destroyed, completed with destroy_on_complete, or never existed."""

    def __init__(self, job_id: Any) -> None:
        super().__init__(f"No job with id {job_id!s}")
        self.job_id = job_id


class InvalidTransition(RocketJobError):
    """The event is not allowed from the job's state, or another actor changed the state first. Nothing was changed."""

    def __init__(self, job: Any, event: str, state: str, detail: str = "") -> None:
        text = f"{job.class_name} {job.id}: cannot {event} a job that is {state}"
        super().__init__(f"{text} ({detail})" if detail else text)
        self.job = job
        self.event = event
        self.state = state


class StaleJob(RocketJobError):
    """The stored job is no longer at the version that was looked at. Nothing was written."""

    def __init__(self, job: Any) -> None:
        super().__init__(f"{job.class_name} {job.id}: changed by somebody else since it was read")
        self.job = job


class JobTimeout(RocketJobError):
    """`Job.wait` gave up: the job was still in `state` after `timeout` seconds."""

    def __init__(self, job: Any, timeout: float, state: str) -> None:
        super().__init__(f"{job.class_name} {job.id}: still {state} after {timeout:g} seconds")
        self.job = job
        self.timeout = timeout
        self.state = state


class JobAborted(RocketJobError):
    """Raised inside a running `perform` of a job that is no longer this worker's: aborted, failed, destroyed."""


class UnknownJobClass(RocketJobError):
    """The job's class is not imported in this process; add its module to ROCKETJOB_REQUIRE."""

    def __init__(self, class_name: str) -> None:
        super().__init__(
            f"Job class {class_name!r} is not imported in this process. Add its module to ROCKETJOB_REQUIRE."
        )
        self.class_name = class_name


class ValidationFailed(ValidationError):
    """The `ValidationError` this package raises: its text names every field. `errors`: field -> message."""

    def __init__(self, errors: dict[str, str]) -> None:
        text = "Validation failed: " + ", ".join(f"{name} {message}" for name, message in errors.items())
        super().__init__(text, errors=errors)
        self._text = text

    def __str__(self) -> str:
        return self._text
