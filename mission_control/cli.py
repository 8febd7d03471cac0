"""Commands this package adds to `rocketjob`: web and users."""

from __future__ import annotations

import json
import os
import sys

import click

from mission_control import gunicorn_config
from mission_control.auth import users as store
from mission_control.auth.rights import ROLES
from mission_control.config import DEFAULT_HOST, DEFAULT_PORT, bind_address
from rocketjob_core import Settings, connect


@click.command()
@click.option("--host", help=f"Address to bind. Default: {DEFAULT_HOST}; with PORT in the environment 0.0.0.0.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Default: PORT, else {DEFAULT_PORT}.")
@click.option("--workers", type=click.IntRange(min=1), help="Web processes. Default: WEB_CONCURRENCY, else 2.")
@click.option("--check", is_flag=True, help="Only check that it may bind there.")
def web(host: str | None, port: int | None, workers: int | None, check: bool) -> None:
    """Serve Mission Control with gunicorn."""
    default_host, default_port = bind_address()
    host = host or default_host
    connect(settings=Settings.load())
    store.ensure_user_indexes()
    gunicorn_config.refuse_open_door(host)
    if check:
        return
    bind = f"[{host}]" if ":" in host else host
    command = [sys.executable, "-m", "gunicorn", "-c", "python:mission_control.gunicorn_config"]
    command += ["--bind", f"{bind}:{port or default_port}"]
    command += ["--workers", str(workers)] if workers else []
    # Replaces this process: signals reach gunicorn itself, and no MongoDB client of ours is left in it.
    os.execv(sys.executable, [*command, "mission_control.app:create_app()"])


@click.group()
def users() -> None:
    """Who may log in to Mission Control."""
    connect(settings=Settings.load())
    store.ensure_user_indexes()


@users.command("add")
@click.argument("name")
@click.option("--role", required=True, help="One of: " + ", ".join(ROLES) + ".")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(name: str, role: str, password_stdin: bool) -> None:
    """Add a user; asks for the password unless it comes from standard input."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    store.add_user(name, role, password)
    click.echo(f"Added {name} with role {role}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(as_json: bool) -> None:
    """List the users."""
    found = store.list_users()
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    for user in found:
        click.echo(f"{user['username']:<24} {user['role']:<10} {'' if user['active'] else 'inactive'}".rstrip())
    if not found:
        click.echo("There are no users; add one with: rocketjob users add NAME --role admin")


@users.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a user."""
    store.remove_user(name)
    click.echo(f"Removed {name}")


@users.command("set-role")
@click.argument("name")
@click.argument("role")
def set_role(name: str, role: str) -> None:
    """Change the role of a user."""
    store.set_role(name, role)
    click.echo(f"{name} now has role {role}")


@users.command("ensure-admin", hidden=True)
def ensure_admin() -> None:
    """Make the first login, once: `admin` with a random password, printed here and nowhere else."""
    password = store.ensure_admin()
    if password is not None:
        click.echo("")
        click.echo("  First login, shown only now:")
        click.echo(f"    Username: {store.FIRST_ADMIN}")
        click.echo(f"    Password: {password}")
        click.echo("")
