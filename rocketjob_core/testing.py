"""Helpers for tests of your own jobs: work off the queue in this process, without a worker server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rocketjob_core.clock import monotonic
from rocketjob_core.errors import JobTimeout
from rocketjob_core.job.document import Job
from rocketjob_core.job.performing import inline_owner
from rocketjob_core.mongo.connection import database


def run_inline() -> Any:
    """Claim the next job that is due and run it as a worker would; returns it, None when there is none."""
    job = Job.claim_next(database(), inline_owner())
    if job is None:
        return None
    if job.is_expired:
        job.destroy_expired()
    else:
        job.run_claimed()
    return job


def drain(timeout: float = 30) -> int:
    """Work off what is queued and due, also what these jobs queue; returns how many ran.

    Failures are stored in the jobs, not raised.

    Args:
        timeout: seconds.

    Raises:
        JobTimeout: jobs were still due after that time.
    """
    deadline = monotonic() + timeout
    count = 0
    while (job := run_inline()) is not None:
        count += 1
        if monotonic() > deadline:
            raise JobTimeout(job, timeout, job.state)
    return count


def eventually(predicate: Callable[[], Any], *, timeout: float = 30, every: float = 0.02) -> Any:
    """Ask until `predicate` answers something true, and return that.

    Raises:
        AssertionError: it did not within `timeout` seconds.
    """
    deadline = monotonic() + timeout
    while not (found := predicate()):
        if monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} seconds: {predicate}")
        time.sleep(every)
    return found
