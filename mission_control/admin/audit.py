"""What operators did."""

from __future__ import annotations

from flask import abort, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from mission_control.actions import audit
from mission_control.admin.base import View
from mission_control.queries.keyset import BadCursor


class AuditView(View):
    """`/audit`."""

    capabilities = {"index": "audit.read"}

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All records, newest first."""
        after = request.args.get("after")
        try:
            rows, older = audit.page(after)
        except BadCursor:
            abort(400)
        return self.page("home/audit.html", rows=rows, older=older, after=after)
