"""The overview: whether anything is wrong, what fails, what runs."""

from __future__ import annotations

from flask import current_app
from flask.typing import ResponseReturnValue
from flask_admin import expose

from mission_control.admin.base import View
from mission_control.auth.rights import ROLES
from mission_control.queries import attention
from mission_control.queries.grammar import HELP
from mission_control.queries.jobs import newest
from mission_control.queries.servers import list_servers

ROWS = 8


class HomeView(View):
    """`/` and `/help`."""

    capabilities = {"index": "jobs.read", "help": "jobs.read"}

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """The overview."""
        snapshot = current_app.extensions["mission_control"].snapshot
        servers = list_servers()
        living = [server for server in servers if not server["zombie"]]
        failed, capped = attention.failed_recently()
        return self.page(
            "home/index.html",
            servers=servers,
            failed_classes=failed,
            failed_capped=capped,
            waiting=attention.next_waiting_long(),
            no_server=attention.waits_without_server(snapshot.jobs(), len(living)),
            running=newest("running", ROWS),
            failures=newest("failed", ROWS),
        )

    @expose("/help")
    def help(self) -> ResponseReturnValue:
        """Query syntax, keys, states, roles."""
        return self.page("home/help.html", syntax=HELP, role_table=ROLES)
