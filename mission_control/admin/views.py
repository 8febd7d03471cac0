"""All pages, in the order of the menu."""

from __future__ import annotations

from flask_admin import AdminIndexView

from mission_control.admin.audit import AuditView
from mission_control.admin.base import View
from mission_control.admin.home import HomeView
from mission_control.admin.jobs import JobsView
from mission_control.admin.servers import ServersView


class Home(HomeView, AdminIndexView):
    """The overview as Flask-Admin's index."""


def home() -> Home:
    """The index view."""
    return Home(name="Overview", endpoint="home", url="/")


def others() -> list[View]:
    """Every other view."""
    return [
        JobsView(name="Jobs", endpoint="jobs", url="/jobs"),
        ServersView(name="Servers", endpoint="servers", url="/servers"),
        AuditView(name="Audit", endpoint="audit", url="/audit"),
    ]
