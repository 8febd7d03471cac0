"""Mission Control: the page from which operators see and steer jobs. A client of rocketjob_core's public names."""

from mission_control.app import create_app

__all__ = ["create_app"]
