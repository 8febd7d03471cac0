"""One connection to MongoDB per process, under mongoengine's alias `rocketjob`."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Any

import mongoengine
from mongoengine.connection import get_connection
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConfigurationError as DriverConfigurationError
from pymongo.errors import InvalidURI, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from rocketjob_core.config import Settings
from rocketjob_core.errors import ConfigurationError
from rocketjob_core.logs import without_credentials
from rocketjob_core.mongo import embedded
from rocketjob_core.mongo.document import ALIAS
from rocketjob_core.mongo.indexes import ensure_indexes

DATABASE = "rocketjob"
SERVER_SELECTION_MS = 5_000
CONNECT_MS = 5_000

_lock = threading.RLock()
_uri: str | None = None
_database: Database[Any] | None = None


def connect(uri: str | None = None, *, settings: Settings | None = None) -> None:
    """Connect this process and see to the indexes. Again with the same target it does nothing; with another it moves.

    Args:
        uri: MongoDB URI; its path names the database, default `rocketjob`. None: from the settings; where these name
            none either, the embedded server is started, or joined where another process has started it.
        settings: None: from the environment.

    Raises:
        ConfigurationError: a bad setting or URI, no MongoDB reachable, or no `mongod` to be found.
    """
    settings = settings or Settings.load()
    wanted = uri or settings.mongodb_uri.get_secret_value() or None
    global _uri, _database
    with _lock:
        target = wanted or embedded.start(settings.data_dir)
        if target == _uri and _database is not None:
            return
        disconnect()
        _database = _open(target)
        _uri = target


def disconnect() -> None:
    """Close the connection, if there is one. The embedded server stops when its last user has gone."""
    global _uri, _database
    with _lock:
        mongoengine.disconnect(ALIAS)
        _uri, _database = None, None


def database() -> Database[Any]:
    """The connected database.

    Raises:
        ConfigurationError: `connect()` was not called (in this process: a connection does not cross a fork).
    """
    if _database is None:
        raise ConfigurationError("Not connected to MongoDB: call rocketjob_core.connect() first")
    return _database


def _open(uri: str) -> Database[Any]:
    try:
        name = parse_uri(uri, validate=True)["database"] or DATABASE
    except (InvalidURI, DriverConfigurationError, ValueError) as error:
        raise ConfigurationError(f"MONGODB_URI: is not a MongoDB URI ({without_credentials(str(error))})") from None
    try:
        mongoengine.connect(
            name,
            host=uri,
            alias=ALIAS,
            tz_aware=True,
            uuidRepresentation="standard",
            appname="rocketjob",
            serverSelectionTimeoutMS=SERVER_SELECTION_MS,
            connectTimeoutMS=CONNECT_MS,
            # Worker threads of one process share the client; a claim must never wait for a free socket.
            maxPoolSize=200,
        )
        client: MongoClient[Any] = get_connection(ALIAS)
        client.admin.command("ping")
        found = client[name]
        ensure_indexes(found)
        return found
    except (PyMongoError, mongoengine.connection.ConnectionFailure) as error:
        with suppress(Exception):
            mongoengine.disconnect(ALIAS)
        refused = isinstance(error, OperationFailure)
        what = "refused the connection" if refused else "can't be reached"
        reason = without_credentials(str(error)).split(", Timeout:")[0].split(", full error:")[0]
        raise ConfigurationError(f"MongoDB at {without_credentials(uri)} {what}: {reason}") from None


def _forget_after_fork() -> None:
    # Sockets belong to the parent: the child has to connect for itself. (pymongo resets its own state at a fork.)
    global _uri, _database, _lock
    _lock = threading.RLock()
    _uri, _database = None, None


os.register_at_fork(after_in_child=_forget_after_fork)
