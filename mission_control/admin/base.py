"""The base of every page: closed unless it says which capability opens it."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, make_response, request
from flask.typing import ResponseReturnValue
from flask_admin import BaseView

from mission_control.auth.rights import can, is_known
from mission_control.live import not_modified
from mission_control.queries.counts import Snapshot


class View(BaseView):
    """A Flask-Admin view whose endpoints each name a capability in `capabilities`; one that is not named is denied.

    Flask-Admin's own default is the opposite: everything is open unless is_accessible says otherwise.
    """

    capabilities: dict[str, str] = {}

    def is_accessible(self) -> bool:
        """Whether whoever asks is known; which page they may see is decided for each endpoint."""
        return is_known()

    def _handle_view(self, name: str, **kwargs: Any) -> ResponseReturnValue | None:
        capability = self.capabilities.get(name)
        if capability is None or not can(capability):
            abort(403)
        return None

    def page(self, template: str, code: int = 200, **values: Any) -> ResponseReturnValue:
        """Render a page in the shell; answers 304 to a live refresh that would change nothing."""
        extension = current_app.extensions["mission_control"]
        snapshot: Snapshot = extension.snapshot
        html = self.render(
            template, counts=snapshot.jobs(), zombies=snapshot.zombies(), web=extension.web, path=request.path, **values
        )
        return not_modified(make_response(html, code))
