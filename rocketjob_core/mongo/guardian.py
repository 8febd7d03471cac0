"""Keeps the embedded mongod alive while anybody uses it, and stops it after the last. Run as a file; stdlib only.

usage: python guardian.py DATA_DIR MONGOD PORT

Everything here rests on locks of the kernel (flock), which end with their process however it ends:

* a user of the server holds `in-use.lock` shared for its life;
* this guardian holds `guardian.lock`, so there is one at a time;
* it tries to take `in-use.lock` exclusively. When it gets it nobody uses the server any more, and nobody can start to
  until mongod has stopped: a newcomer waits for its shared lock.

Killed itself, it leaves mongod running; the next user starts a guardian that adopts it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.25
STOP_SECONDS = 30.0
START_SECONDS = 60.0
CRASHES_MAX = 5
CACHE_GB = 0.5
OPLOG_MB = 256
LOG_BYTES_MAX = 10 * 1024 * 1024
REPLICA_SET = "rocketjob"


def state_file(data_dir: Path) -> Path:
    """Where the pid and port of the running mongod are kept."""
    return data_dir / "mongod.json"


def read_state(data_dir: Path) -> dict[str, int]:
    """The pid and port last written; empty when there are none."""
    try:
        state = json.loads(state_file(data_dir).read_text())
        return {"pid": int(state["pid"]), "port": int(state["port"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_state(data_dir: Path, pid: int, port: int) -> None:
    """Replace the state file in one step: a reader never sees half of it."""
    temporary = state_file(data_dir).with_suffix(".new")
    temporary.write_text(json.dumps({"pid": pid, "port": port}))
    temporary.replace(state_file(data_dir))


def is_our_mongod(pid: int, data_dir: Path) -> bool:
    """Whether this pid is a living mongod of this data folder, and not a stranger with a reused pid."""
    shown = subprocess.run(["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    text = shown.stdout.strip()
    return bool(text) and not text.startswith("Z") and "mongod" in text and str(data_dir / "db") in text


def answers(port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def lock(path: Path, how: int) -> int | None:
    """Take a flock; the file descriptor, or None when it is held by others and LOCK_NB was asked for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class Guardian:
    """One mongod and the care for it."""

    def __init__(self, data_dir: Path, mongod: str, port: int) -> None:
        self._data_dir = data_dir
        self._mongod = mongod
        self._port = port
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Until nobody uses the server."""
        state = read_state(self._data_dir)
        if state and is_our_mongod(state["pid"], self._data_dir):
            self._pid, self._port = state["pid"], state["port"]
        elif not self._start():
            return 1
        crashes = 0
        while True:
            unused = lock(self._data_dir / "in-use.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if unused is not None:
                self._stop()  # with the lock held: a newcomer waits until mongod has gone, then starts its own
                return 0
            if not self._alive():
                crashes += 1
                if crashes > CRASHES_MAX or not self._start():
                    return 1
            time.sleep(LOOK_SECONDS)

    def _start(self) -> bool:
        log = self._data_dir / "mongod.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        (self._data_dir / "db").mkdir(parents=True, exist_ok=True)
        command = [
            self._mongod,
            *("--dbpath", str(self._data_dir / "db"), "--logpath", str(log), "--logappend"),
            *("--bind_ip", "127.0.0.1", "--port", str(self._port), "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--oplogSize", str(OPLOG_MB)),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        errors = (self._data_dir / "mongod.err").open("wb")
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        errors.close()
        self._pid = self._child.pid
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                return False
            if answers(self._port):
                write_state(self._data_dir, self._pid, self._port)
                return True
            time.sleep(0.05)
        return False

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return is_our_mongod(self._pid, self._data_dir)

    def _stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self._alive():
                break
            os.kill(self._pid, number)
            deadline = time.monotonic() + STOP_SECONDS
            while self._alive() and time.monotonic() < deadline:
                time.sleep(0.05)
        state_file(self._data_dir).unlink(missing_ok=True)


def main() -> int:
    """Guard, unless another guardian does already."""
    data_dir, mongod, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal's Ctrl-C is for the users; this one outlives them
    if lock(data_dir / "guardian.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) is None:
        return 0
    # The user waits for this process: it ends as soon as the lock is taken, and its child, which has inherited the
    # lock, belongs to nobody. So users have no child to look after.
    if os.fork():
        os._exit(0)
    return Guardian(data_dir, mongod, port).run()


if __name__ == "__main__":
    sys.exit(main())
