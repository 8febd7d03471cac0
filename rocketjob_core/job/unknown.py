"""A job whose class this process has not imported: shown in full, open to every operator's action but `perform`."""

from __future__ import annotations

from typing import Any

from rocketjob_core.errors import UnknownJobClass
from rocketjob_core.job.mixin import JobMixin


class UnknownClass(JobMixin):
    """Mix-in of UnknownJob. Fields of the real class read as attributes, as they are stored."""

    @property
    def is_unknown_class(self) -> bool:
        """True."""
        return True

    @property
    def attributes(self) -> dict[str, Any]:
        """Stored values that are no standard fields."""
        return {name: value for name, value in self._data.items() if name not in self._fields}

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._data:
            return self._data[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def perform(self) -> Any:
        """Raises UnknownJobClass."""
        raise UnknownJobClass(self.class_name)

    def perform_now(self) -> Any:
        """Raises UnknownJobClass; the stored job is not touched."""
        raise UnknownJobClass(self.class_name)
