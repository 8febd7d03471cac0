"""The embedded server: a real `mongod`, started once per data folder, shared by processes that come and go.

See guardian.py for who starts and stops it. This module is the user's side: hold the lock, see that there is a
guardian, wait until the server is ready, and set up its single-node replica set.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from rocketjob_core.clock import monotonic
from rocketjob_core.errors import ConfigurationError
from rocketjob_core.mongo import guardian

READY_SECONDS = 90.0
_NOT_YET_INITIALIZED = 94

_DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "libssl.so.1.1": "libssl1.1",
    "libcrypto.so.1.1": "libssl1.1",
    "liblzma.so.5": "liblzma5",
}

NONE_FOUND = (
    "No mongod found, and no ROCKETJOB_MONGODB_URI is set. Three ways to get one: "
    '(1) pip install "rocketjob[embedded]", which brings a mongod; '
    "(2) install MongoDB so that `mongod` is on the PATH; "
    "(3) set ROCKETJOB_MONGODB_URI to a MongoDB that is running."
)

_lock = threading.Lock()
_held: dict[Path, tuple[int, str]] = {}


def start(data_dir: Path) -> str:
    """Start, or join, the server of this data folder; this process is one of its users until it ends. Returns the URI.

    Raises:
        ConfigurationError: no `mongod` found, it can't start, or the folder can't be written.
    """
    data_dir = data_dir.resolve()
    with _lock:
        if data_dir not in _held:
            try:
                data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                # First become a user, then look: a guardian about to leave can't leave any more, or has not left yet
                # and this waits until it has stopped mongod.
                in_use = guardian.lock(data_dir / "in-use.lock", fcntl.LOCK_SH)
            except OSError as error:
                raise ConfigurationError(f"ROCKETJOB_DATA_DIR: {data_dir} can't be used ({error.strerror})") from None
            assert in_use is not None
            try:
                _held[data_dir] = in_use, _start_or_join(data_dir)
            except BaseException:
                os.close(in_use)
                raise
        return _held[data_dir][1]


def release(data_dir: Path) -> None:
    """Stop being a user before the process ends. The server stops when there is none left."""
    with _lock:
        held = _held.pop(data_dir.resolve(), None)
        if held is not None:
            os.close(held[0])


def find_mongod() -> str:
    """Path of the `mongod` to use: from the PATH, else from the wheel of the `embedded` extra.

    Raises:
        ConfigurationError: none found, or the one found can't start on this machine.
    """
    found = shutil.which("mongod")
    if found is None:
        # Not imported: the package around the binary is large and of no use here.
        wheels = (Path(folder) / "fiftyone" / "db" / "bin" / "mongod" for folder in sys.path if folder)
        found = next((str(path) for path in wheels if os.access(path, os.X_OK)), None)
    if found is None:
        raise ConfigurationError(NONE_FOUND)
    tried = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise ConfigurationError(_why_it_does_not_start(found, tried.stderr + tried.stdout))
    return found


def _why_it_does_not_start(path: str, output: str) -> str:
    missing = re.search(r"loading shared libraries: (\S+?):", output)
    if missing:
        package = _DEBIAN_PACKAGES.get(missing[1])
        cure = f"install the Debian package {package} (apt-get install {package})" if package else "install it"
        return f"{path} can't start: the library {missing[1]} is missing; {cure}"
    first = next((line for line in output.splitlines() if line.strip()), "no output")
    return f"{path} can't start: {first.strip()}"


def _start_or_join(data_dir: Path) -> str:
    # One process at a time starts and sets up; the others then find it done.
    starting = guardian.lock(data_dir / "start.lock", fcntl.LOCK_EX)
    assert starting is not None
    try:
        if not _guarded(data_dir):
            _launch(data_dir)
        port = _wait_for_port(data_dir)
        _set_up_replica_set(port, data_dir)
    finally:
        os.close(starting)
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


def _guarded(data_dir: Path) -> bool:
    free = guardian.lock(data_dir / "guardian.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if free is not None:
        os.close(free)
    return free is None


def _launch(data_dir: Path) -> None:
    mongod = find_mongod()
    remembered = guardian.read_state(data_dir).get("port") or _last_port(data_dir)
    port = remembered if remembered and _is_free(remembered) else _free_port()
    (data_dir / "port").write_text(str(port))
    # A state file of a mongod that is gone must not be taken for the new one's.
    state = guardian.read_state(data_dir)
    if state and not guardian.is_our_mongod(state["pid"], data_dir):
        guardian.state_file(data_dir).unlink(missing_ok=True)
    command = [sys.executable, "-I", guardian.__file__, str(data_dir), mongod, str(port)]
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        check=True,
    )


def _wait_for_port(data_dir: Path) -> int:
    deadline = monotonic() + READY_SECONDS
    while monotonic() < deadline:
        state = guardian.read_state(data_dir)
        if state and guardian.answers(state["port"]):
            return state["port"]
        if not _guarded(data_dir):
            break  # the guardian has given up
        time.sleep(0.02)
    raise ConfigurationError(f"The embedded mongod of {data_dir} did not start: {_last_words(data_dir)}")


def _last_words(data_dir: Path) -> str:
    for name in ("mongod.err", "mongod.log"):
        path = data_dir / name
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        fatal = [line for line in lines if '"s":"F"' in line or '"s":"E"' in line] or lines
        if fatal:
            return f"{fatal[-1][:500]} (see {path})"
    return "it said nothing"


def _set_up_replica_set(port: int, data_dir: Path) -> None:
    """Initiate on the first start; after a change of port give the only member its new address."""
    host = f"127.0.0.1:{port}"
    deadline = monotonic() + READY_SECONDS
    client: MongoClient[Any] = MongoClient(host, directConnection=True, serverSelectionTimeoutMS=2000)
    with client:
        while monotonic() < deadline:
            try:
                hello = client.admin.command("hello")
                if hello.get("isWritablePrimary") and hello.get("me") == host:
                    return
                _configure(client, hello, host)
            except PyMongoError:
                pass  # still starting, or electing itself
            time.sleep(0.02)
    raise ConfigurationError(f"The embedded mongod of {data_dir} did not become ready: {_last_words(data_dir)}")


def _configure(client: MongoClient[Any], hello: dict[str, Any], host: str) -> None:
    members = [{"_id": 0, "host": host}]
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": guardian.REPLICA_SET, "members": members})
        return
    if config["members"][0]["host"] != host:
        config["members"], config["version"] = members, config["version"] + 1
        client.admin.command("replSetReconfig", config, force=True)


def _last_port(data_dir: Path) -> int:
    try:
        return int((data_dir / "port").read_text())
    except (OSError, ValueError):
        return 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
