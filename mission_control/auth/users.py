"""Users as documents, and what the command line does with them."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any

from argon2 import PasswordHasher
from flask_security import RoleMixin, UserMixin
from mongoengine import Document
from mongoengine.errors import NotUniqueError
from mongoengine.fields import BooleanField, DateTimeField, StringField

from mission_control.auth.rights import ROLES
from rocketjob_core import ConfigurationError, database, utc_now

USERS = "mission_control.users"
PASSWORD_MIN_CHARACTERS = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

FIRST_ADMIN = "admin"


class Role(RoleMixin):
    """A role as Flask-Security wants to see it; roles are a table in the code, not documents."""

    permissions = None

    def __init__(self, name: str) -> None:
        self.name = name


class User(Document, UserMixin):
    """One login. The password is an argon2 hash."""

    meta = {"collection": USERS, "db_alias": "rocketjob", "strict": False, "auto_create_index": False}

    username = StringField(required=True)
    password = StringField(required=True)
    role = StringField(required=True, choices=tuple(ROLES))
    active = BooleanField(default=True)
    fs_uniquifier = StringField(required=True)
    created_at = DateTimeField()

    @property
    def roles(self) -> list[RoleMixin]:  # type: ignore[override]
        """Its one role, as a list."""
        return [Role(self.role)]

    def __repr__(self) -> str:
        return f"<User {self.username} {self.role}>"


def ensure_user_indexes() -> None:
    """One user per name, whoever adds them at the same time."""
    database()[USERS].create_index("username", unique=True, name="username_1")
    database()[USERS].create_index("fs_uniquifier", unique=True, name="fs_uniquifier_1")


def add_user(name: str, role: str, password: str) -> User:
    """Make a user.

    Raises:
        ConfigurationError: bad name, role or password, or the name is taken; nothing was stored.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"User name {name!r}: must be 1 to 64 letters, digits or . _ @ -, starting with a letter or digit"
        )
    _check_role(role)
    if len(password) < PASSWORD_MIN_CHARACTERS:
        raise ConfigurationError(f"Password: must have at least {PASSWORD_MIN_CHARACTERS} characters")
    user = User(
        username=name,
        role=role,
        password=PasswordHasher().hash(password),
        fs_uniquifier=uuid.uuid4().hex,
        created_at=utc_now(),
    )
    try:
        user.save(force_insert=True)
    except NotUniqueError:
        raise ConfigurationError(f"User {name!r} exists already") from None
    return user


def set_role(name: str, role: str) -> None:
    """Change a user's role; it counts from their next request.

    Raises:
        ConfigurationError: no such user, or no such role.
    """
    _check_role(role)
    if not User.objects(username=name).update_one(set__role=role, full_result=True).matched_count:
        raise ConfigurationError(f"There is no user {name!r}")


def remove_user(name: str) -> None:
    """Remove a user; their sessions end with their next request.

    Raises:
        ConfigurationError: no such user.
    """
    if not User.objects(username=name).delete():
        raise ConfigurationError(f"There is no user {name!r}")


def list_users() -> list[dict[str, Any]]:
    """Name, role and age of each user, by name."""
    return [
        {"username": user.username, "role": user.role, "active": user.active, "created_at": user.created_at}
        for user in User.objects().order_by("username")
    ]


def has_users() -> bool:
    """Whether anybody can log in."""
    return User.objects().first() is not None


def ensure_admin() -> str | None:
    """On an empty user list make `admin` with a random password and return that; else None.

    Of processes doing this at once one wins, by the unique name; the others find that there are users.
    """
    if has_users():
        return None
    password = secrets.token_urlsafe(12)
    try:
        add_user(FIRST_ADMIN, "admin", password)
    except ConfigurationError:
        return None
    return password


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise ConfigurationError(f"Role {role!r}: must be one of {', '.join(ROLES)}")
