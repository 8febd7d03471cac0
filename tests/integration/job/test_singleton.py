"""Singleton: one instance queued or running, whoever tries."""

import multiprocessing

import pytest

from rocketjob_core import Job, ValidationError, connect
from rocketjob_core.plugins import Singleton

pytestmark = pytest.mark.usefixtures("db")

MESSAGE = "Another instance of this job is already queued or running"


class AloneJob(Singleton, Job):
    destroy_on_complete = False

    def perform(self):
        pass


class AloneChildJob(AloneJob):
    pass


def test_a_second_instance_is_refused_on_state():
    AloneJob.create()
    with pytest.raises(ValidationError, match=MESSAGE) as error:
        AloneJob.create()
    assert error.value.errors == {"state": MESSAGE}
    assert AloneJob.where().count() == 1


@pytest.mark.parametrize("events", [["pause"], ["abort"], ["fail"], ["start", "complete"]])
def test_an_instance_that_is_neither_queued_nor_running_does_not_block(events):
    job = AloneJob.create()
    for event in events:
        getattr(job, event)()
    assert AloneJob.create().is_queued


@pytest.mark.parametrize(("event", "back"), [("fail", "retry"), ("pause", "resume")])
def test_coming_back_is_refused_while_another_is_active(event, back):
    job = AloneJob.create()
    getattr(job, event)()
    other = AloneJob.create()
    with pytest.raises(ValidationError, match=MESSAGE):
        getattr(job, back)()
    assert Job.find(job.id).state == job.state != "queued"
    other.abort()
    getattr(job, back)()
    assert Job.find(job.id).is_queued


def test_an_active_subclass_blocks_its_parent():
    AloneChildJob.create()
    with pytest.raises(ValidationError, match=MESSAGE):
        AloneJob.create()


def test_create_many_stores_one_and_says_so():
    with pytest.raises(ValidationError, match=f"{MESSAGE}.*1 jobs were created before"):
        AloneJob.create_many([{}, {}, {}])
    assert AloneJob.where().count() == 1


def test_the_database_refuses_a_second_instance_even_when_validation_did_not_see_it():
    AloneJob.create()
    with pytest.raises(ValidationError, match=MESSAGE):
        AloneJob().save(validate=False)


def _create_often(rounds, barrier, results):
    connect()
    for _ in range(rounds):
        barrier.wait()
        try:
            AloneJob.create()
            won = 1
        except ValidationError:
            won = 0
        results.put(won)
        barrier.wait()


def test_of_eight_processes_creating_at_once_exactly_one_wins_each_of_200_times():
    context = multiprocessing.get_context("spawn")
    rounds, count = 200, 8
    barrier, results = context.Barrier(count + 1), context.Queue()
    processes = [
        context.Process(target=_create_often, args=(rounds, barrier, results), daemon=True) for _ in range(count)
    ]
    for process in processes:
        process.start()
    for _ in range(rounds):
        AloneJob.delete_all()
        barrier.wait(60)
        winners = sum(results.get(timeout=60) for _ in range(count))
        assert winners == 1
        assert AloneJob.where().count() == 1
        barrier.wait(60)
    for process in processes:
        process.join(30)
