"""The application factory: settings, database, login, protection, pages; in this order."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_admin import Admin
from werkzeug.middleware.proxy_fix import ProxyFix

from mission_control import errors, format, health
from mission_control.actions.audit import ensure_audit_indexes
from mission_control.actions.registry import ACTIONS
from mission_control.admin import views
from mission_control.auth import login
from mission_control.auth.rights import can, current_roles, is_known
from mission_control.auth.users import ensure_user_indexes
from mission_control.config import WebSettings, secret_key
from mission_control.queries.counts import Snapshot
from rocketjob_core import Settings, connect, load_job_modules

PACKAGE = Path(__file__).parent
SESSION_SECONDS = 12 * 3600
FORM_BYTES_MAX = 2 * 1024 * 1024


@dataclass(frozen=True)
class Extension:
    """What the pages need of the application: `current_app.extensions["mission_control"]`."""

    settings: Settings
    web: WebSettings
    authorization: Callable[[], Iterable[str]] | None
    snapshot: Snapshot


class HttpsStaysHttps(SecureCookieSessionInterface):
    """A session begun over HTTPS is never sent without it; on loopback there is no HTTPS to insist on."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether this request came over HTTPS."""
        return request.is_secure


def create_app(settings: Settings | None = None, *, authorization: Callable[[], Iterable[str]] | None = None) -> Flask:
    """Build the WSGI application.

    Args:
        settings: of the core; None: from the environment.
        authorization: called in each request, without arguments, returns the role names of whoever makes it (none:
            nobody). For an application that has a login of its own; the login of this one is then not used.

    Raises:
        ConfigurationError: a bad setting, an unreachable MongoDB, a job module that can't be imported.
    """
    settings = settings or Settings.load()
    web = WebSettings.load()
    connect(settings=settings)
    load_job_modules(settings)
    app = Flask("mission_control", template_folder=_folder("templates"), static_folder=_folder("static"))
    app.config.update(
        SECRET_KEY=secret_key(web, settings),
        MAX_CONTENT_LENGTH=FORM_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES_MAX,
        SESSION_COOKIE_NAME="mission_control",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_SECONDS,
        TEMPLATES_AUTO_RELOAD=False,
    )
    if web.trust_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.extensions["mission_control"] = Extension(settings, web, authorization, Snapshot())
    ensure_user_indexes()
    ensure_audit_indexes()
    login.init_app(app)
    errors.init_app(app)
    health.init_app(app)
    format.init_app(app)
    _protect_answers(app)
    app.jinja_env.globals.update(can=can, roles=current_roles, is_known=is_known, actions=ACTIONS, nonce=_nonce)
    admin = Admin(app, name="Mission Control", url="/", index_view=views.home(), csp_nonce_generator=_nonce)
    for view in views.others():
        admin.add_view(view)
    return app


def _folder(name: str) -> str:
    """templates/ and static/ lie inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / name
    return str(inside if inside.is_dir() else PACKAGE.parent / name)


def _nonce() -> str:
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    nonce: str = g.nonce
    return nonce


def _protect_answers(app: Flask) -> None:
    app.session_interface = HttpsStaysHttps()

    @app.after_request
    def headers(response: Response) -> Response:
        policy = (
            f"default-src 'self'; script-src 'self' 'nonce-{_nonce()}'; img-src 'self' data:; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
