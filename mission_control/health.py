"""/healthz, for machines that watch machines: needs no login, and tells nothing but that the process lives."""

from __future__ import annotations

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

OPEN_ENDPOINTS = frozenset({"healthz"})


def init_app(app: Flask) -> None:
    """Add /healthz. It does not ask MongoDB: restarting the page would not bring a database back."""

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return jsonify(status="ok")
