"""The worker server: one supervisor process that puts the parts together and looks after them.

Start order: signals, server document, worker processes, heartbeat loop.
Stop order: document says stopping, processes finish their jobs (heartbeats go on meanwhile) or are killed after the
shutdown time, jobs of every process put back, document removed.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType

from pymongo.errors import PyMongoError

from rocketjob_core import version
from rocketjob_core.clock import monotonic
from rocketjob_core.config import Settings, load_job_modules
from rocketjob_core.errors import ConfigurationError
from rocketjob_core.job.claiming import put_back
from rocketjob_core.logs import configure_logging, get_logger
from rocketjob_core.mongo.connection import connect, database
from rocketjob_core.runtime.pool import ProcessPool
from rocketjob_core.server.document import Server
from rocketjob_core.server.heartbeat import ServerVanished, beat, enter, leave
from rocketjob_core.server.zombies import clean_up

log = get_logger(__name__)

KILL_AFTER_SECONDS = 5.0  # beyond the shutdown time, for a process that does not even put its jobs back


def run_server(settings: Settings, *, name: str | None = None, pidfile: str | None = None) -> int:
    """Run a worker server until SIGTERM or SIGINT; a second signal ends it at once. Returns the exit code.

    Args:
        name: unique among all servers; None: "host:pid".
        pidfile: file to write this process's id to; removed at the end.

    Raises:
        ConfigurationError: MongoDB can't be reached, a module is missing, the name is taken, the pidfile can't be
            written.
    """
    configure_logging(settings.log_level, settings.log_format)
    connect(settings=settings)
    load_job_modules(settings)  # here too, so that a missing module is one clear error and not one per process
    path = Path(pidfile) if pidfile else None
    if path is not None:
        try:
            path.write_text(f"{os.getpid()}\n")
        except OSError as error:
            raise ConfigurationError(f"--pidfile {pidfile}: can't be written ({error.strerror})") from error
    try:
        return Supervisor(settings, name or f"{socket.gethostname()}:{os.getpid()}").run()
    finally:
        if path is not None:
            path.unlink(missing_ok=True)


class Supervisor:
    """See the module's text."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._server = Server(
            name=name,
            host=socket.gethostname(),
            pid=os.getpid(),
            max_workers=settings.workers,
            processes=min(settings.processes, settings.workers),
            heartbeat_seconds=settings.heartbeat_seconds,
            version=version.__version__,
            include=settings.include or None,
            exclude=settings.exclude or None,
            where=str(settings.where) if settings.where else None,
            require=list(settings.require),
        )
        self._pool = ProcessPool(settings, self._server, self._put_back_process)
        self._signals = 0
        self._vanished = False
        # A signal must end the wait below at once: the handler writes to this pair.
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)

    def run(self) -> int:
        """Start, look after everything until told to stop, stop."""
        self._install_signals()
        enter(self._server)
        try:
            self._pool.start()
            self._heartbeat("running")
            log.info("server running", name=self._server.name, workers=self._settings.workers)
            self._loop()
            self._stop()
        finally:
            self._pool.kill()
            self._end()
        return 1 if self._vanished else 0

    def _install_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        with suppress(OSError):
            self._waker.send(b"!")

    def _loop(self) -> None:
        next_beat = monotonic()
        while not self._signals and not self._vanished:
            if monotonic() >= next_beat:
                # A little early, by chance, so that many servers don't look for zombies in step.
                next_beat = monotonic() + self._settings.heartbeat_seconds * random.uniform(0.8, 1.0)
                self._heartbeat()
                self._clean_up()
            self._wait(next_beat - monotonic())

    def _wait(self, seconds: float) -> None:
        """Until a process ends or reports, a restart is due, a signal comes, or the time is over."""
        restart = self._pool.seconds_to_restart()
        timeout = max(min(seconds, restart if restart is not None else seconds), 0.0)
        wait([*self._pool.waitables(), self._woken], timeout)
        with suppress(BlockingIOError):
            self._woken.recv(64)
        try:
            self._pool.look_after()
        except PyMongoError as error:
            log.warning("can't put jobs of a dead process back, MongoDB is away; trying again", error=str(error))
            threading.Event().wait(1.0)

    def _heartbeat(self, state: str | None = None) -> None:
        totals = self._pool.totals()
        try:
            beat(self._server, workers=totals["workers"], busy=totals["busy"], pids=totals["pids"], state=state)
        except ServerVanished:
            # Its jobs have been given away; going on would run them twice for longer than need be.
            if not self._vanished:
                log.error("this server's document is gone: it was taken for dead; stopping")
            self._vanished = True
        except PyMongoError as error:
            log.warning("no heartbeat, MongoDB is away", error=str(error))

    def _clean_up(self) -> None:
        try:
            clean_up(database(), except_server=self._server.id)
        except PyMongoError as error:
            log.warning("can't look for zombies, MongoDB is away", error=str(error))

    def _put_back_process(self, process_id: str, reason: str) -> None:
        lost = not self._signals
        count = put_back(database(), {"process_id": process_id}, lost=lost, reason=reason)
        if count:
            log.warning("put back the jobs of an ended process", count=count, reason=reason)

    def _stop(self) -> None:
        log.info("stopping; a second signal ends it at once", seconds=self._settings.shutdown_seconds)
        heard = self._signals
        self._heartbeat("stopping")
        self._pool.stop()
        kill_at = monotonic() + self._settings.shutdown_seconds + KILL_AFTER_SECONDS
        next_beat = monotonic() + self._settings.heartbeat_seconds
        while self._pool.alive():
            if self._signals > max(heard, 1) or monotonic() >= kill_at:
                log.warning("killing the worker processes; their jobs go back to the queue")
                self._pool.kill()
                kill_at = monotonic() + KILL_AFTER_SECONDS
                heard = self._signals
            if monotonic() >= next_beat:
                next_beat = monotonic() + self._settings.heartbeat_seconds
                self._heartbeat()
            self._wait(min(next_beat, kill_at) - monotonic())

    def _end(self) -> None:
        try:
            leave(self._server.id)
            log.info("server stopped", name=self._server.name)
        except PyMongoError as error:
            log.warning("can't remove this server's document, MongoDB is away; others will", error=str(error))
        self._woken.close()
        self._waker.close()
