"""gunicorn's settings; used by `rocketjob web` and by the Procfile (`-c python:mission_control.gunicorn_config`)."""

from __future__ import annotations

import sys
from typing import Any

from mission_control.auth.users import ensure_user_indexes, has_users
from mission_control.config import DEFAULT_CONCURRENCY, LOOPBACK, THREADS, WebSettings, bind_address, whole_number
from rocketjob_core import ConfigurationError, RocketJobError, Settings, connect, disconnect

try:
    bind = "{}:{}".format(*bind_address())
    workers = whole_number("WEB_CONCURRENCY", DEFAULT_CONCURRENCY, 1, 256)
except ConfigurationError as error:
    print(f"rocketjob: {error}", file=sys.stderr)
    sys.exit(2)
worker_class = "gthread"
threads = THREADS
preload_app = False  # each web process connects for itself: no MongoDB client crosses a fork
accesslog = None
control_socket_disable = True  # one more door that nobody asked for
timeout = 60
graceful_timeout = 20


def refuse_open_door(host: str) -> None:
    """Nobody may reach a page that anybody could enter, or whose sessions anybody on this host could forge.

    Raises:
        ConfigurationError: the address is not loopback, and there is no user or no SECRET_KEY.
    """
    web = WebSettings.load()
    if host in LOOPBACK:
        return
    if not has_users():
        raise ConfigurationError(
            f"Refusing to bind to {host}: there are no users. Add one first: rocketjob users add NAME --role admin"
        )
    if not web.secret_key:
        raise ConfigurationError(
            f"Refusing to bind to {host}: SECRET_KEY is not set. Set it to a long random text, the same on every host"
        )


def on_starting(server: Any) -> None:
    """Checked once in the master, before any web process starts; it then lets go of its connection."""
    try:
        connect(settings=Settings.load())
        ensure_user_indexes()
        for address in server.cfg.address:
            host = address[0] if isinstance(address, tuple) else "127.0.0.1"  # a unix socket is local, too
            refuse_open_door(host)
        disconnect()
    except RocketJobError as error:
        print(f"rocketjob: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
