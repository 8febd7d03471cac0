"""The lifecycle of a stored job: guards, what each event writes, races, hooks, own lifecycles."""

import threading

import pytest
from mongoengine import IntField, StringField

from rocketjob_core import (
    ConfigurationError,
    InvalidTransition,
    Job,
    JobNotFound,
    ValidationError,
    after,
    after_fail,
    before_pause,
    before_retry,
)

pytestmark = pytest.mark.usefixtures("db")


class MoveJob(Job):
    destroy_on_complete = False
    note = StringField()
    rows = IntField(max_value=10)

    def perform(self):
        return "done"


class MovePausableJob(MoveJob):
    pausable = True


def stored(job):
    return Job.collection().find_one({"_id": job.id})


def in_state(state, cls=MoveJob):
    job = cls.create()
    path = {
        "queued": [],
        "running": ["start"],
        "paused": ["pause"],
        "failed": ["fail"],
        "aborted": ["abort"],
        "completed": ["start", "complete"],
    }[state]
    for event in path:
        getattr(job, event)()
    assert job.state == state
    return job


ALLOWED = {
    ("start", "queued"): "running",
    ("complete", "running"): "completed",
    ("fail", "queued"): "failed",
    ("fail", "running"): "failed",
    ("fail", "paused"): "failed",
    ("retry", "failed"): "queued",
    ("pause", "queued"): "paused",
    ("resume", "paused"): "queued",
    ("abort", "queued"): "aborted",
    ("abort", "running"): "aborted",
    ("abort", "paused"): "aborted",
    ("abort", "failed"): "aborted",
    ("requeue", "running"): "queued",
}


@pytest.mark.parametrize("state", ["queued", "running", "paused", "failed", "aborted", "completed"])
@pytest.mark.parametrize("event", ["start", "complete", "fail", "retry", "pause", "resume", "abort", "requeue"])
def test_every_event_from_every_state(event, state):
    job = in_state(state)
    before = stored(job)
    target = ALLOWED.get((event, state))
    assert job.may(event) is (target is not None)
    if target is None:
        with pytest.raises(InvalidTransition, match=f"cannot {event} a job that is {state}") as error:
            getattr(job, event)()
        assert (error.value.job, error.value.event, error.value.state) == (job, event, state)
        assert stored(job) == before
        assert job.state == state
    else:
        getattr(job, event)()
        assert job.state == target
        assert stored(job)["state"] == target
        assert stored(job)["version"] == before["version"] + 1 == job.version


def test_a_pausable_class_can_be_paused_while_running_and_resumes_to_the_queue():
    job = in_state("running", MovePausableJob)
    job.pause()
    job.resume()
    assert stored(job)["state"] == "queued"
    assert "started_at" not in stored(job)
    assert "worker_name" not in stored(job)


def test_fail_keeps_the_reason_and_counts():
    job = in_state("queued")
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        job.fail(error, worker_name="me:1:1")
    document = stored(job)
    assert document["failure_count"] == 1
    exception = document["exception"]
    assert (exception["class_name"], exception["message"]) == ("ValueError", "outer")
    assert exception["worker_name"] == "me:1:1"
    assert "raise ValueError" in exception["backtrace"][-1]
    (cause,) = exception["causes"]
    assert (cause["class_name"], cause["relation"]) == ("KeyError", "cause")
    assert "raise KeyError" in cause["backtrace"][-1]


def test_fail_takes_a_text_or_nothing():
    job = in_state("queued")
    job.fail("the disk is full")
    assert stored(job)["exception"]["class_name"] == "JobException"
    assert stored(job)["exception"]["message"] == "the disk is full"
    other = in_state("queued")
    other.fail()
    assert Job.find(other.id).exception.message == ""


def test_an_error_with_a_huge_message_bad_bytes_and_endless_causes_is_still_stored():
    error = ValueError("x" * 10_000_000 + "\ud800")
    error.__cause__ = error
    job = in_state("queued")
    job.fail(error)
    assert len(stored(job)["exception"]["message"]) <= 64 * 1024


def test_retry_forgets_the_failure_but_not_that_it_happened():
    job = in_state("failed")
    Job.collection().update_one({"_id": job.id}, {"$set": {"lost_count": 2}})
    job.reload().retry()
    document = stored(job)
    assert {"exception", "completed_at", "started_at", "worker_name"} & set(document) == set()
    assert document["failure_count"] == 1
    assert document["lost_count"] == 0


def test_complete_removes_a_destroy_on_complete_job():
    job = MoveJob.create(destroy_on_complete=True)
    job.start()
    job.complete()
    assert job.is_completed
    assert stored(job) is None


def test_save_false_changes_the_object_alone_until_it_is_saved():
    job = in_state("queued")
    job.abort(save=False)
    assert job.is_aborted
    assert stored(job)["state"] == "queued"
    job.save()
    assert stored(job)["state"] == "aborted"


def test_saving_a_transition_made_in_memory_still_requires_the_state_it_left():
    job = in_state("queued")
    job.pause(save=False)
    Job.find(job.id).abort()
    with pytest.raises(InvalidTransition):
        job.save()
    assert stored(job)["state"] == "aborted"


def test_an_unsaved_job_is_stored_by_a_transition():
    job = MoveJob()
    job.pause()
    assert stored(job)["state"] == "paused"


def test_a_stale_object_loses_against_what_is_stored():
    job = in_state("queued")
    stale = Job.find(job.id)
    job.abort()
    with pytest.raises(InvalidTransition, match="aborted"):
        stale.start()
    assert stale.state == "queued"
    assert stale.started_at is None
    assert stored(job)["state"] == "aborted"


def test_a_transition_of_a_stale_version_is_refused():
    job = in_state("failed")
    seen = job.version
    Job.find(job.id).update_attributes(note="changed by somebody else")
    with pytest.raises(InvalidTransition, match="another actor"):
        job.retry(version=seen)
    assert stored(job)["state"] == "failed"


def test_a_transition_of_a_destroyed_job_is_job_not_found():
    job = in_state("failed")
    Job.find(job.id).destroy()
    with pytest.raises(JobNotFound):
        job.retry()
    assert stored(job) is None


def test_of_many_actors_on_one_job_exactly_one_wins():
    for _ in range(10):
        job = in_state("failed")
        copies = [Job.find(job.id) for _ in range(8)]
        barrier, won = threading.Barrier(8), []

        def act(copy, event, barrier=barrier, won=won):
            barrier.wait()
            try:
                getattr(copy, event)()
                won.append(event)
            except InvalidTransition:
                pass

        threads = [
            threading.Thread(target=act, args=(copy, "retry" if number % 2 else "abort"))
            for number, copy in enumerate(copies)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # A retried job is queued, and one abort may follow it; nothing else can.
        assert won in (["retry"], ["abort"], ["retry", "abort"])
        assert stored(job)["version"] == job.version + len(won)


def test_before_hooks_run_after_the_guard_and_their_changes_are_written_with_the_state():
    class MoveHookedJob(MoveJob):
        @before_pause
        def note_it(self):
            self.note = "paused by hook"

    job = in_state("failed", MoveHookedJob)
    with pytest.raises(InvalidTransition):
        job.pause()
    assert job.note is None
    other = in_state("paused", MoveHookedJob)
    assert stored(other)["note"] == "paused by hook"


def test_an_exception_in_a_before_hook_leaves_everything_as_it_was():
    class MoveRefusingJob(MoveJob):
        @before_retry
        def refuse(self):
            raise RuntimeError("not now")

    job = in_state("failed", MoveRefusingJob)
    before = stored(job)
    with pytest.raises(RuntimeError, match="not now"):
        job.retry()
    assert stored(job) == before
    assert job.is_failed
    assert job.exception is not None


def test_before_fail_sees_the_reason():
    seen = []

    class MoveTellJob(MoveJob):
        def before_fail(self):
            seen.append((self.state, self.exception.message))

        @after_fail
        def later(self):
            seen.append((self.state, self.exception.message))

    MoveTellJob.create().fail("why")
    assert seen == [("queued", "why"), ("failed", "why")]


def test_retry_of_a_job_that_is_not_valid_any_more_is_refused_and_abort_is_not():
    job = in_state("failed")
    Job.collection().update_one({"_id": job.id}, {"$set": {"rows": 99}})
    job.reload()
    with pytest.raises(ValidationError, match="rows"):
        job.retry()
    assert stored(job)["state"] == "failed"
    job.abort()
    assert stored(job)["state"] == "aborted"


def test_requeue_for_a_server_needs_exactly_that_server():
    job = MoveJob.create()
    job.start(worker_name="host:12:1:1")
    with pytest.raises(InvalidTransition):
        job.requeue("host:1")
    assert stored(job)["state"] == "running"
    job.requeue("host:12")
    assert stored(job)["state"] == "queued"


class MoveArchiveJob(MoveJob):
    calls = ()
    lifecycle = MoveJob.lifecycle.extend(
        states=["archived"],
        events={"archive": {"completed": "archived"}, "retry": {"aborted": "queued"}},
    )

    def before_archive(self):
        self.note = "about to be archived"

    @after("archive")
    def tell(self):
        type(self).calls += (self.state,)


class MoveArchiveChildJob(MoveArchiveJob):
    """Inherits the changed lifecycle."""


@pytest.mark.parametrize("cls", [MoveArchiveJob, MoveArchiveChildJob])
def test_a_changed_lifecycle_gives_event_predicate_scope_and_hooks(cls):
    job = in_state("completed", cls)
    assert not job.is_archived
    job.archive()
    assert job.is_archived
    assert list(cls.archived()) == [job]
    assert stored(job)["state"] == "archived"
    assert stored(job)["note"] == "about to be archived"
    assert cls.calls[-1] == "archived"


def test_a_changed_lifecycle_leaves_the_parent_alone():
    assert not hasattr(MoveJob, "archive")
    assert not in_state("aborted").may("retry")
    job = in_state("aborted", MoveArchiveJob)
    job.retry()
    assert stored(job)["state"] == "queued"


def test_an_event_that_would_replace_a_method_is_refused():
    with pytest.raises(ConfigurationError, match="'save'"):

        class MoveClashJob(MoveJob):
            lifecycle = MoveJob.lifecycle.extend(events={"save": {"failed": "queued"}})
