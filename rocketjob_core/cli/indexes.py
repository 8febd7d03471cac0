"""`rocketjob indexes`: for the release step of a deployment."""

from __future__ import annotations

import click

from rocketjob_core.config import Settings
from rocketjob_core.mongo.connection import connect, database


@click.command()
def indexes() -> None:
    """Create the indexes that are missing. Safe to repeat, and from many hosts at once."""
    connect(settings=Settings.load())
    click.echo(f"Indexes are in place in {database().name}")
