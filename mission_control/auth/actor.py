"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """The person behind a request: name, roles and address, as the audit keeps them."""

    name: str
    roles: tuple[str, ...]
    ip: str = ""
