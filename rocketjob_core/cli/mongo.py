"""`rocketjob mongo`: hold the embedded server in the foreground, as one of the processes of `rocketjob up`."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import click

from rocketjob_core.config import Settings
from rocketjob_core.mongo import embedded

_SHOWN = {"E": "error", "F": "fatal"}
_LOOK_SECONDS = 0.5


@click.command(hidden=True)
def mongo() -> None:
    """Keep the embedded MongoDB running, and show the errors of its log."""
    settings = Settings.load()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    uri = embedded.start(settings.data_dir)
    log = settings.data_dir / "mongod.log"
    position = log.stat().st_size if log.exists() else 0
    click.echo(f"MongoDB is ready: {uri}")
    while not stopping.wait(_LOOK_SECONDS):
        position = _show_new_lines(log, position)


def _show_new_lines(log: Path, position: int) -> int:
    if not log.exists() or log.stat().st_size < position:
        return 0
    with log.open("rb") as stream:
        stream.seek(position)
        while line := stream.readline():
            if not line.endswith(b"\n"):
                break  # half a line: the rest comes with the next look
            position = stream.tell()
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("s") in _SHOWN:
                click.echo(f"{_SHOWN[entry['s']]}: {entry.get('msg')} {json.dumps(entry.get('attr', {}))[:300]}")
    return position
