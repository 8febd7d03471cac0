"""`rocketjob server`: the worker daemon."""

from __future__ import annotations

from typing import Any

import click

from rocketjob_core.config import LOG_LEVELS, Settings
from rocketjob_core.runtime.supervisor import run_server


@click.command()
@click.option("--name", help='Unique name of this server. Default: "host:pid".')
@click.option("--workers", type=click.IntRange(min=1), help="Worker threads in all. Default: 10.")
@click.option("--processes", type=click.IntRange(min=1), help="Processes they are spread over. Default: one per CPU.")
@click.option("--include", metavar="REGEXP", help="Only jobs whose class name matches, ignoring case.")
@click.option("--exclude", metavar="REGEXP", help="No jobs whose class name matches, ignoring case.")
@click.option("--where", metavar="JSON", help="Only jobs that match this MongoDB condition.")
@click.option("--require", metavar="MODULES", help="Comma separated modules that define the job classes.")
@click.option("--log-level", type=click.Choice(LOG_LEVELS), help="Default: info.")
@click.option("--pidfile", type=click.Path(), help="Write the process id here; removed at the end.")
@click.pass_context
def server(ctx: click.Context, /, name: str | None, pidfile: str | None, **options: Any) -> None:
    """Run a worker server until SIGTERM or Ctrl-C; a second one ends it at once."""
    ctx.exit(run_server(Settings.load(**options), name=name, pidfile=pidfile))
