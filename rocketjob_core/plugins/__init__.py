"""Optional behaviour of jobs, as mix-ins: put them before the job class in the bases."""

from rocketjob_core.plugins.singleton import Singleton

__all__ = ["Singleton"]
