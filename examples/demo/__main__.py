"""Queue the demo. Again, it queues only what is no longer there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from examples.demo.jobs import STDLIB, FileStatsJob, LongWatchJob, PackageStatsJob, TreeSizeJob
from rocketjob_core import Job, connect, utc_now

PACKAGES = ("asyncio", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest", "xml")
MISTYPED = "asynicio/queues.py"


def wanted() -> list[tuple[type[Job], dict[str, Any]]]:
    """Each job of the demo: its class and values. The description tells them apart."""
    packages = [name for name in PACKAGES if (STDLIB / name).is_dir()]
    jobs: list[tuple[type[Job], dict[str, Any]]] = [
        (PackageStatsJob, {"package": name, "priority": 40 + number, "description": f"Count the package {name}"})
        for number, name in enumerate(packages)
    ]
    jobs.append((FileStatsJob, {"file_name": MISTYPED, "description": "Count one file, its name mistyped"}))
    jobs.append((LongWatchJob, {"priority": 20, "description": "Ten minutes, to be paused or aborted"}))
    later = utc_now() + timedelta(minutes=30)
    jobs.append((TreeSizeJob, {"run_at": later, "description": "The size of the whole library"}))
    return jobs


def main() -> None:
    """Create what is missing."""
    connect()
    missing = [
        (cls, values) for cls, values in wanted() if cls.where(description=values["description"]).first() is None
    ]
    for cls, values in missing:
        cls.create(**values)
    print(f"Demo: {len(missing)} jobs queued, {len(wanted()) - len(missing)} were there already")


if __name__ == "__main__":
    main()
