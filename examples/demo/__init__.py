"""The demo's job classes: jobs that read the Python standard library of this machine. `python -m examples.demo` queues them."""

from examples.demo.jobs import FileStatsJob, LongWatchJob, PackageStatsJob, TreeSizeJob

__all__ = ["FileStatsJob", "LongWatchJob", "PackageStatsJob", "TreeSizeJob"]
