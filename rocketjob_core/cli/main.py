"""The `rocketjob` command: finds the command groups, and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any

import click

from rocketjob_core.cli.indexes import indexes
from rocketjob_core.cli.mongo import mongo
from rocketjob_core.cli.server import server
from rocketjob_core.cli.up import up
from rocketjob_core.errors import ConfigurationError, RocketJobError
from rocketjob_core.version import __version__

EXIT_FAILED, EXIT_BAD_USAGE = 1, 2
PLUGIN_GROUP = "rocketjob.commands"


class Commands(click.Group):
    """The built-in commands, plus those that other installed packages offer: imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *(entry.name for entry in entry_points(group=PLUGIN_GROUP))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            for entry in entry_points(group=PLUGIN_GROUP, name=cmd_name):
                loaded: Any = entry.load()
                return loaded if isinstance(loaded, click.Command) else None
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-v", prog_name="rocketjob")
def cli() -> None:
    """Background jobs on MongoDB.

    Settings come from ROCKETJOB_* environment variables; see docs/configuration.md.
    """


for command in (indexes, mongo, server, up):
    cli.add_command(command)


def main() -> None:
    """Entry point of the console script. Exit codes: 0 done, 1 failed, 2 bad usage or settings."""
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_BAD_USAGE)
    except ConfigurationError as error:
        click.echo(f"rocketjob: {error}", err=True)
        sys.exit(EXIT_BAD_USAGE)
    except RocketJobError as error:
        click.echo(f"rocketjob: {error}", err=True)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
