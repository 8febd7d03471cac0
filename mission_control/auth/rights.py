"""One table: which role may do what. Checked on the server for each page and each action."""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app, g, has_request_context, request
from flask_login import current_user

from mission_control.auth.actor import Actor

READ = frozenset({"jobs.read", "servers.read"})
STEER = frozenset({"jobs.retry", "jobs.pause", "jobs.resume", "jobs.abort", "jobs.edit", "jobs.priority"})
MANAGE = frozenset({"jobs.run_now", "jobs.fail", "audit.read"})
DESTROY = frozenset({"jobs.destroy"})

# `user` and `dirmon` may act on jobs of their own; jobs have no owner yet, so for now they read.
ROLES: dict[str, frozenset[str]] = {
    "view": READ,
    "user": READ,
    "dirmon": READ,
    "manager": READ | STEER | MANAGE,
    "operator": READ | STEER | MANAGE,
    "editor": READ | STEER | MANAGE,
    "admin": READ | STEER | MANAGE | DESTROY,
}
LOOKING = READ | {"audit.read"}
CAPABILITIES = tuple(sorted(READ | STEER | MANAGE | DESTROY))


def capabilities_of(roles: Iterable[str]) -> frozenset[str]:
    """Everything these roles may do together; a role nobody knows gives nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def current_roles() -> tuple[str, ...]:
    """Roles of whoever makes this request; none for anonymous."""
    if "roles" not in g:
        authorization = current_app.extensions["mission_control"].authorization
        if authorization is not None:
            g.roles = tuple(authorization() or ())
        elif current_user and current_user.is_authenticated:
            g.roles = (current_user.role,)
        else:
            g.roles = ()
    roles: tuple[str, ...] = g.roles
    return roles


def is_known() -> bool:
    """Whether somebody is logged in (or vouched for by the host application)."""
    return bool(current_roles())


def current_capabilities() -> frozenset[str]:
    """Everything whoever makes this request may do. READ_ONLY beats every role."""
    found = capabilities_of(current_roles())
    return found & LOOKING if current_app.extensions["mission_control"].web.read_only else found


def can(capability: str) -> bool:
    """Whether whoever makes this request may do this."""
    return capability in current_capabilities()


def current_actor() -> Actor:
    """Who makes this request, for the audit."""
    name = getattr(current_user, "username", None) if has_request_context() else None
    return Actor(name=name or "authorized by host application", roles=current_roles(), ip=request.remote_addr or "")
