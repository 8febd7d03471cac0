"""The demo: jobs that read this machine's Python standard library. `python -m examples.demo` queues them."""

from examples.demo.jobs import FileStatsJob, LongWatchJob, PackageStatsJob, TreeSizeJob

__all__ = ["FileStatsJob", "LongWatchJob", "PackageStatsJob", "TreeSizeJob"]
