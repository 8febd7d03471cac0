"""Worker servers and what runs on them."""

from __future__ import annotations

from flask import abort
from flask.typing import ResponseReturnValue
from flask_admin import expose

from mission_control.admin.base import View
from mission_control.queries.jobs import running_on
from mission_control.queries.servers import list_servers, one_server


class ServersView(View):
    """`/servers`."""

    capabilities = {"index": "servers.read", "show": "servers.read"}

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All servers."""
        return self.page("servers/index.html", servers=list_servers())

    @expose("/<path:name>")
    def show(self, name: str) -> ResponseReturnValue:
        """One server."""
        server = one_server(name)
        if server is None:
            abort(404)
        return self.page("servers/show.html", server=server, running=running_on(server["_id"]))
