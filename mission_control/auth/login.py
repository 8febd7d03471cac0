"""Login with Flask-Security: username and password, sessions, nothing else of it; CSRF on every change."""

from __future__ import annotations

from typing import Any

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import MongoEngineUserDatastore, Security
from flask_security.forms import LoginForm
from flask_wtf import CSRFProtect
from wtforms import BooleanField, PasswordField, StringField, SubmitField

from mission_control.auth.rights import is_known
from mission_control.auth.users import Role, User
from mission_control.health import OPEN_ENDPOINTS

# Everything a visitor may reach without being known. What is not named here is closed, whoever adds it.
OPEN = OPEN_ENDPOINTS | {"static", "security.login"}


class UsernameLoginForm(LoginForm):
    """The login page's form: a username instead of Flask-Security's email address."""

    email = None
    username = StringField("Username", render_kw={"autocomplete": "username", "autocapitalize": "none"})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})
    remember = BooleanField("Keep me logged in")
    submit = SubmitField("Log in")

    def validate(self, **kwargs: Any) -> bool:
        """Look the user up by name; Flask-Security does the rest, unknown names as slowly as wrong passwords."""
        self.ifield = self.username
        self.user = User.objects(username=_text(self.username.data) or "").first()
        valid: bool = super().validate(**kwargs)
        return valid


def init_app(app: Flask) -> None:
    """Set up users, the login page, CSRF, and the gate before every other page."""
    app.config.update(
        SECURITY_PASSWORD_SALT=app.config["SECRET_KEY"],
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_PASSWORD_SINGLE_HASH=["argon2"],
        SECURITY_PASSWORD_NORMALIZE_FORM=None,
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"username": {"mapper": _text, "case_insensitive": False}}],
        SECURITY_USERNAME_ENABLE=False,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_LOGIN_USER_TEMPLATE="security/login.html",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/login",
        SECURITY_UNAUTHORIZED_VIEW=None,
        SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS=False,
        WTF_CSRF_TIME_LIMIT=None,  # a page left open over night must still be able to retry a job
    )
    CSRFProtect(app)
    Security(app, MongoEngineUserDatastore(None, User, Role), login_form=UsernameLoginForm)

    @app.before_request
    def gate() -> ResponseReturnValue | None:
        if request.endpoint in OPEN or is_known():
            return None
        if wants_json():
            return {"error": "log in first"}, 401
        return redirect(url_for("security.login", next=request.full_path.rstrip("?")))


def wants_json() -> bool:
    """Whether the client asked for JSON rather than a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 64 else None
