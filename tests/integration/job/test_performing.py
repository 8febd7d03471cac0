"""Running a job in this process: what its hooks see, and what is stored, whichever way it ends."""

from datetime import timedelta

import pytest
from mongoengine import IntField, StringField

from rocketjob_core import (
    InvalidTransition,
    Job,
    JobAborted,
    ValidationError,
    after_complete,
    after_fail,
    after_perform,
    after_start,
    around_perform,
    before_complete,
    before_fail,
    before_perform,
    before_start,
    utc_now,
)
from rocketjob_core.testing import drain, run_inline

pytestmark = pytest.mark.usefixtures("db")


def stored(job):
    return Job.collection().find_one({"_id": job.id})


class RunJob(Job):
    destroy_on_complete = False
    rows = IntField(max_value=100)
    note = StringField()

    def perform(self):
        self.rows = 42
        return "result"


class RunBrokenJob(RunJob):
    def perform(self):
        self.rows = 7
        raise ValueError("it broke")


def test_perform_now_of_an_unsaved_job_returns_the_result_and_stores_nothing():
    job = RunJob()
    assert job.perform_now() == "result"
    assert job.is_completed
    assert job.rows == 42
    assert Job.where().count() == 0


def test_perform_now_of_a_stored_job_leaves_it_as_a_worker_would():
    job = RunJob.create()
    assert job.perform_now() == "result"
    document = stored(job)
    assert document["state"] == "completed"
    assert document["rows"] == 42
    assert document["percent_complete"] == 100
    assert {"worker_name", "process_id"} & set(document) == set()


def test_perform_now_removes_a_destroy_on_complete_job():
    job = RunJob.create(destroy_on_complete=True)
    job.perform_now()
    assert stored(job) is None
    assert job.is_completed


def test_perform_now_passes_the_exception_on_and_stores_the_failure():
    job = RunBrokenJob.create()
    with pytest.raises(ValueError, match="it broke"):
        job.perform_now()
    document = stored(job)
    assert document["state"] == "failed"
    assert document["exception"]["message"] == "it broke"
    assert document["rows"] == 7
    assert job.is_failed


def test_perform_now_of_an_unsaved_failing_job_stores_nothing():
    job = RunBrokenJob()
    with pytest.raises(ValueError, match="it broke"):
        job.perform_now()
    assert job.is_failed
    assert Job.where().count() == 0


def test_perform_now_of_an_invalid_job_runs_nothing():
    job = RunJob(rows=500)
    with pytest.raises(ValidationError, match="rows"):
        job.perform_now()
    assert job.is_queued


def test_perform_now_of_a_job_that_is_not_queued_is_refused():
    job = RunJob.create()
    Job.find(job.id).pause()
    with pytest.raises(InvalidTransition):
        job.perform_now()
    assert stored(job)["state"] == "paused"


def test_a_job_without_perform_says_so():
    class RunEmptyJob(Job):
        pass

    with pytest.raises(NotImplementedError, match="RunEmptyJob does not define perform"):
        RunEmptyJob().perform_now()


def test_jobs_run_by_priority_then_age():
    order = []

    class RunOrderJob(RunJob):
        def perform(self):
            order.append(self.note)

    for note, priority in [("c", 60), ("a", 10), ("d", 60), ("b", 50)]:
        RunOrderJob.create(note=note, priority=priority)
    assert drain() == 4
    assert order == ["a", "b", "c", "d"]


def test_a_scheduled_job_is_not_run_before_its_time():
    RunJob.create(run_at=utc_now() + timedelta(hours=1), priority=1)
    due = RunJob.create(run_at=utc_now() - timedelta(seconds=1))
    assert run_inline().id == due.id
    assert run_inline() is None


def test_an_expired_job_is_destroyed_instead_of_run():
    job = RunJob.create(expires_at=utc_now() - timedelta(seconds=1))
    drain()
    assert stored(job) is None


class TestHookFailures:
    """Where an exception is raised, and what is stored then."""

    @staticmethod
    def run(**hooks):
        cls = type("RunFailingHookJob", (RunJob,), {"__module__": __name__, **hooks})
        job = cls.create()
        drain()
        return stored(job)

    @staticmethod
    def boom(decorator):
        def hook(self):
            raise RuntimeError("boom in hook")

        return decorator(hook)

    @pytest.mark.parametrize(
        "decorator",
        [before_start, after_start, before_perform, after_perform, before_complete],
        ids=lambda d: d.__name__,
    )
    def test_before_completion_the_job_fails(self, decorator):
        document = self.run(hook=self.boom(decorator))
        assert document["state"] == "failed"
        assert document["exception"]["message"] == "boom in hook"

    def test_in_an_around_hook_the_job_fails(self):
        def around(self):
            yield
            raise RuntimeError("boom in hook")

        document = self.run(hook=around_perform(around))
        assert (document["state"], document["exception"]["message"]) == ("failed", "boom in hook")

    def test_an_around_hook_without_yield_fails_the_job_with_a_reason(self):
        def around(self):
            return
            yield

        document = self.run(hook=around_perform(around))
        assert document["state"] == "failed"
        assert "yield" in document["exception"]["message"]

    def test_after_completion_the_job_stays_completed_and_keeps_the_reason(self):
        document = self.run(hook=self.boom(after_complete))
        assert document["state"] == "completed"
        assert document["exception"]["message"] == "boom in hook"

    @pytest.mark.parametrize("decorator", [before_fail, after_fail], ids=lambda d: d.__name__)
    def test_in_a_fail_hook_the_job_is_still_stored_as_failed_with_the_first_reason(self, decorator):
        def perform(self):
            raise ValueError("the real reason")

        document = self.run(hook=self.boom(decorator), perform=perform)
        assert document["state"] == "failed"
        assert document["exception"]["message"] == "the real reason"
        assert "process_id" not in document

    def test_a_job_that_became_invalid_in_perform_fails_and_says_why(self):
        def perform(self):
            self.rows = 1000

        document = self.run(perform=perform)
        assert document["state"] == "failed"
        assert "rows" in document["exception"]["message"]


def test_start_hooks_may_change_fields():
    class RunStartJob(RunJob):
        @before_start
        def fill(self):
            self.note = f"starting while {self.state}"

    job = RunStartJob.create()
    drain()
    assert stored(job)["note"] == "starting while running"


def test_a_before_hook_that_ends_the_job_skips_perform():
    class RunSkippedJob(RunJob):
        @before_perform
        def not_needed(self):
            self.complete()

    job = RunSkippedJob.create()
    drain()
    assert stored(job)["state"] == "completed"
    assert "rows" not in stored(job)


def test_progress_saved_in_perform_is_seen_by_others():
    seen = []

    class RunProgressJob(RunJob):
        def perform(self):
            self.percent_complete = 50
            self.save()
            seen.append(stored(self)["percent_complete"])

    job = RunProgressJob.create()
    drain()
    assert seen == [50]
    assert stored(job)["percent_complete"] == 100


def test_a_completed_worker_never_overwrites_an_operators_abort():
    class RunAbortedJob(RunJob):
        def perform(self):
            Job.find(self.id).abort()
            self.rows = 1

    job = RunAbortedJob.create()
    drain()
    document = stored(job)
    assert document["state"] == "aborted"
    assert "rows" not in document


def test_saving_progress_of_an_aborted_job_raises_job_aborted():
    class RunStoppedJob(RunJob):
        def perform(self):
            Job.find(self.id).abort()
            self.rows = 1
            with pytest.raises(JobAborted, match="aborted"):
                self.save()

    job = RunStoppedJob.create()
    drain()
    assert "rows" not in stored(job)


def test_a_run_that_was_taken_for_dead_cannot_end_the_next_one():
    runs = []

    class RunTwiceJob(RunJob):
        def perform(self):
            runs.append(self.worker_name)
            if len(runs) == 1:
                Job.find(self.id).requeue()
                assert run_inline().id == self.id
                self.note = "the first run"
            else:
                self.note = "the second run"

    job = RunTwiceJob.create()
    drain()
    assert len(runs) == 2
    assert stored(job)["note"] == "the second run"
    assert stored(job)["state"] == "completed"


def test_a_failing_worker_does_not_overwrite_an_operators_abort():
    class RunAbortedBrokenJob(RunJob):
        def perform(self):
            Job.find(self.id).abort()
            raise ValueError("too late")

    job = RunAbortedBrokenJob.create()
    drain()
    assert stored(job)["state"] == "aborted"
    assert "exception" not in stored(job)


def test_a_job_destroyed_while_it_runs_stays_destroyed():
    class RunDestroyedJob(RunJob):
        def perform(self):
            Job.find(self.id).destroy()

    job = RunDestroyedJob.create()
    drain()
    assert stored(job) is None
