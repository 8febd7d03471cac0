"""Error pages: what happened, and what to do. As JSON for those who asked for it."""

from __future__ import annotations

from flask import Flask, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from mission_control.auth.login import wants_json

WHAT_TO_DO = {
    400: "The page sent something this application can't read. Go back, reload the page and try again.",
    403: "Your role does not allow this. Ask somebody who manages users for another role.",
    404: "There is nothing at this address. It may have been destroyed, or the link is mistyped.",
    405: "This address can't be opened like a page. Use the button that leads to it.",
    409: "It changed since you opened the page. Look at its present state, then decide again.",
    413: "That is more than this application takes in one form.",
    500: "Something broke here, and nothing was half done. The log of the web process has the details.",
    503: "MongoDB does not answer. Jobs are safe; reload the page in a moment.",
}


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(PyMongoError, database_error)


def http_error(error: HTTPException) -> ResponseReturnValue:
    """Any error with a status code."""
    code = error.code or 500
    return answer(code, error.name, WHAT_TO_DO.get(code, error.description or ""))


def forged(error: CSRFError) -> ResponseReturnValue:
    """A change without the token of its page: forged, or the session has ended."""
    why = "This change did not come from a page of your present session. Reload the page and do it again."
    return answer(400, "Not accepted", why)


def database_error(error: PyMongoError) -> ResponseReturnValue:
    """MongoDB is away, or a read took longer than it may."""
    current_app.logger.error("MongoDB: %s", str(error)[:500])
    return answer(503, "Database not available", WHAT_TO_DO[503])


def answer(code: int, title: str, text: str) -> ResponseReturnValue:
    """A page, or JSON, that says so."""
    if wants_json():
        return {"error": title, "detail": text}, code
    return render_template("errors/error.html", code=code, title=title, text=text), code
