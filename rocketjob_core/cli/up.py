"""`rocketjob up`: MongoDB (with no URI), the web page and a worker server side by side, one Ctrl-C for all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from shlex import join
from urllib.error import URLError
from urllib.request import urlopen

import click
from honcho.manager import Manager

from rocketjob_core.clock import monotonic
from rocketjob_core.config import Settings
from rocketjob_core.errors import ConfigurationError
from rocketjob_core.mongo import embedded

DEMO = "examples.demo"
KILL_EXTRA_SECONDS = 10.0
SIGNAL_EXITS = (130, 143)
_GIVEN_UP = (70, 71, 72)  # exit codes that tell which process could not be kept running


class PatientManager(Manager):
    """honcho's manager, but with the time a worker needs to finish its jobs before anything is killed."""

    def __init__(self, grace_seconds: float) -> None:
        super().__init__()
        self._grace_seconds = grace_seconds
        self._kill_at: float | None = None

    def terminate(self) -> None:
        """Ask every process to end."""
        self._kill_at = self._kill_at or monotonic() + self._grace_seconds
        super().terminate()

    def kill(self) -> None:
        """Called again and again while processes are left; kills them when the time is over."""
        if self._kill_at is None or monotonic() >= self._kill_at:
            super().kill()


@click.command()
@click.option("--demo", is_flag=True, help="Queue the demo's jobs and know their classes.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the web page.")
@click.option("--port", type=click.IntRange(1, 65535), envvar="PORT", default=5000, show_default=True)
@click.pass_context
def up(ctx: click.Context, demo: bool, host: str, port: int) -> None:
    """Run the web page, a worker server and, with no URI, MongoDB: all supervised, one Ctrl-C."""
    settings = Settings.load()
    if demo:
        if "" not in sys.path:
            sys.path.insert(0, os.getcwd())
        if find_spec(DEMO.split(".")[0]) is None or find_spec(DEMO) is None:
            raise ConfigurationError(f"--demo: {DEMO} can't be imported; run it in a checkout of the project")
        settings = Settings.load(require=(*settings.require, DEMO))
    env = {**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1", "PYTHONPATH": _python_path()}
    has_own_mongod = not settings.mongodb_uri.get_secret_value()
    if has_own_mongod:
        embedded.start(settings.data_dir)  # held until everything else has ended, so that it stops last
    web = ["web", "--host", host, "--port", str(port)]
    for first in (["users", "ensure-admin"], [*web, "--check"]):
        _run_first([*_rocketjob(), *first], env)
    if demo:
        _run_first([sys.executable, "-m", DEMO], env)
    manager = PatientManager(settings.shutdown_seconds + KILL_EXTRA_SECONDS)
    commands = {"mongo": ["mongo"], "web": web, "worker": ["server"]}
    for (name, command), code in zip(commands.items(), _GIVEN_UP, strict=True):
        if name != "mongo" or has_own_mongod:
            kept = [sys.executable, "-m", "rocketjob_core.cli.keep_running", name, str(code), *_rocketjob(), *command]
            manager.add_process(name, join(kept), env=env)
    threading.Thread(target=_say_when_ready, args=(host, port), daemon=True).start()
    manager.loop()
    ctx.exit(_last_line(manager.returncode or 0, dict(zip(_GIVEN_UP, commands, strict=True))))


def _rocketjob() -> list[str]:
    return [sys.executable, "-m", "rocketjob_core.cli.main"]


def _python_path() -> str:
    """The current directory for child processes, where this process would look for job modules, too."""
    return os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH", "")]))


def _run_first(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(command, env=env, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)  # it has said why


def _say_when_ready(host: str, port: int) -> None:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    address = f"http://{shown}:{port}"
    while True:
        try:
            with urlopen(f"{address}/healthz", timeout=2) as answer:
                if json.load(answer).get("status") == "ok":
                    print(f"\n  Mission Control is ready: {address}\n", flush=True)
                    return
        except (URLError, OSError, ValueError):
            time.sleep(0.2)


def _last_line(code: int, names: dict[int, str]) -> int:
    if code in SIGNAL_EXITS:
        click.echo("rocketjob: stopped")
        return 0
    culprit = names.get(code, "one of the processes")
    click.echo(
        f"rocketjob: stopped everything, because {culprit} could not be kept running; its lines say why", err=True
    )
    return 1
