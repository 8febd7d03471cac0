"""Which job classes this process knows, by the plain name stored in `_cls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rocketjob_core import hooks
from rocketjob_core.errors import ConfigurationError

if TYPE_CHECKING:
    from rocketjob_core.job.document import Job

_classes: dict[str, Any] = {}


def register(cls: Any) -> None:
    """Remember a job class by name.

    Raises:
        ConfigurationError: another module, or another place in this one, already has a job class of this name.
            Defining the very same class again, as a reloaded module does, replaces it.
    """
    known = _classes.get(cls.__name__)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ConfigurationError(
            f"Two job classes are named {cls.__name__!r}: {known.__module__}.{known.__qualname__} and "
            f"{cls.__module__}.{cls.__qualname__}. Stored jobs are found by this name; rename one of them."
        )
    _classes[cls.__name__] = cls


def job_class(name: str) -> type[Job] | None:
    """The job class of this name, or None when its module is not imported here."""
    return _classes.get(name)


def job_classes() -> dict[str, type[Job]]:
    """All job classes of this process that can be stored, by name."""
    return dict(_classes)


class Registered:
    """Mix-in: enters each job class in the registry and builds its hook chains once, when it is made."""

    _hooks: hooks.Chains = {}
    lifecycle: Any

    @classmethod
    def _class_made(cls) -> None:
        cls._hooks = hooks.collect(cls, (*cls.lifecycle.events, "perform", *hooks.PERSISTENCE_EVENTS))
        if not cls._meta.get("abstract"):  # type: ignore[attr-defined]
            register(cls)
