"""Claim and complete: one round trip each, on an index, by exactly one worker."""

import threading
from datetime import timedelta

import pymongo.monitoring
import pytest
from bson import ObjectId
from pymongo import MongoClient

from rocketjob_core import Job, database, utc_now
from rocketjob_core.job.claiming import MAX_LOST, Owner, put_back
from rocketjob_core.mongo.indexes import JOBS

pytestmark = pytest.mark.usefixtures("db")


class ClaimJob(Job):
    def perform(self):
        pass


class ClaimOtherJob(ClaimJob):
    pass


class Commands(pymongo.monitoring.CommandListener):
    def __init__(self):
        self.seen = []

    def started(self, event):
        if event.command_name != "endSessions":
            self.seen.append(event.command)

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def owner(process="p1", number=1, server=None):
    return Owner(f"host:1:{process}:{number}", process, server)


def stored(job):
    return Job.collection().find_one({"_id": job.id})


def test_the_claim_is_one_command_on_the_claim_index_and_examines_only_what_it_takes():
    ClaimJob.create_many({"priority": 1 + n % 100} for n in range(3000))
    Job.collection().update_many({"priority": {"$gt": 50}}, {"$set": {"state": "failed"}})
    commands = Commands()
    address = database().client.address
    with MongoClient(*address, directConnection=True, tz_aware=True, event_listeners=[commands]) as client:
        job = Job.claim_next(client[database().name], owner())
    assert job.priority == 1
    (claim,) = commands.seen
    assert next(iter(claim)) == "findAndModify"
    plan = database().command(
        "explain",
        {"find": JOBS, "filter": claim["query"], "sort": claim["sort"], "limit": 1},
        verbosity="executionStats",
    )
    stats = plan["executionStats"]
    assert "claim_1" in str(plan["queryPlanner"]["winningPlan"])
    assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])
    assert stats["totalKeysExamined"] <= 3
    assert stats["totalDocsExamined"] <= 3


def test_completing_a_destroy_on_complete_job_is_one_command():
    ClaimJob.create()
    commands = Commands()
    client = database().client
    job = Job.claim_next(database(), owner())
    with MongoClient(*client.address, directConnection=True, event_listeners=[commands]) as watched:
        collection = watched[database().name][JOBS]
        original = ClaimJob.collection
        ClaimJob.collection = classmethod(lambda cls, durable=False: collection)
        try:
            job.run_claimed()
        finally:
            ClaimJob.collection = original
    assert [next(iter(command)) for command in commands.seen] == ["delete"]


def test_many_workers_claim_each_job_once():
    ClaimJob.create_many({} for _ in range(200))
    claimed, lock = [], threading.Lock()

    def work(number):
        while (job := Job.claim_next(database(), owner(number=number))) is not None:
            with lock:
                claimed.append(job.id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 200


def test_the_claim_writes_who_runs_it_since_when():
    ClaimJob.create()
    server = ObjectId()
    job = Job.claim_next(database(), owner("p9", 3, server))
    document = stored(job)
    assert document["state"] == "running"
    assert document["worker_name"] == "host:1:p9:3"
    assert document["process_id"] == "p9"
    assert document["server_id"] == server
    assert utc_now() - document["started_at"] < timedelta(seconds=30)
    assert type(job) is ClaimJob and job.is_running


def test_a_condition_limits_what_is_claimed():
    ClaimJob.create()
    other = ClaimOtherJob.create(priority=90)
    assert Job.claim_next(database(), owner(), {"_cls": {"$regex": "^claimother", "$options": "i"}}).id == other.id
    assert Job.claim_next(database(), owner(), {"_cls": {"$regex": "^claimother", "$options": "i"}}) is None


def test_put_back_touches_only_jobs_of_exactly_that_owner():
    ClaimJob.create_many({} for _ in range(3))
    mine, theirs = Job.claim_next(database(), owner("p1")), Job.claim_next(database(), owner("p12"))
    assert put_back(database(), {"process_id": "p1"}, lost=True, reason="killed") == 1
    assert stored(mine)["state"] == "queued"
    assert stored(mine)["lost_count"] == 1
    assert {"worker_name", "process_id", "started_at"} & set(stored(mine)) == set()
    assert stored(theirs)["state"] == "running"
    assert put_back(database(), {"process_id": "p1"}, lost=True) == 0


def test_a_job_handed_back_in_good_order_is_not_counted_as_lost():
    ClaimJob.create()
    job = Job.claim_next(database(), owner("p1"))
    put_back(database(), {"process_id": "p1"}, lost=False)
    assert stored(job)["lost_count"] == 0


def test_a_job_that_keeps_killing_its_worker_is_failed_with_the_reason():
    ClaimJob.create()
    for number in range(MAX_LOST):
        job = Job.claim_next(database(), owner(f"p{number}"))
        assert job is not None
        put_back(database(), {"process_id": f"p{number}"}, lost=True, reason="exit code -9")
    assert Job.claim_next(database(), owner("last")) is None
    document = stored(job)
    assert document["state"] == "failed"
    assert document["exception"]["class_name"] == "WorkerLost"
    assert "exit code -9" in document["exception"]["message"]
    assert document["failure_count"] == 1
    job = Job.find(job.id)
    job.retry()
    assert Job.claim_next(database(), owner("again")).id == job.id
