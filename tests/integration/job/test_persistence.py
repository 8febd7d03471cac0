"""Creating, saving, updating, finding and removing jobs on a real MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from mongoengine import DateField, DictField, IntField, ListField, StringField

from rocketjob_core import (
    ConfigurationError,
    Job,
    JobNotFound,
    JobTimeout,
    StaleJob,
    UnknownJob,
    UnknownJobClass,
    ValidationError,
    before_save,
    utc_now,
    validates,
)

pytestmark = pytest.mark.usefixtures("db")


class PersistFileJob(Job):
    meta = {"abstract": True}
    file_name = StringField(required=True, user_editable=True)


class PersistReportJob(PersistFileJob):
    priority = 70
    destroy_on_complete = False
    description = "Nightly report"
    report_date = DateField(copy_on_restart=True)
    rows = IntField(min_value=0)
    tags = ListField(StringField())
    options = DictField()

    def perform(self):
        self.rows = 42


class PersistChildJob(PersistReportJob):
    priority = 71
    tags = ["child"]


def stored(job):
    return Job.collection().find_one({"_id": job.id})


def test_create_stores_one_document_with_the_plain_class_name_and_class_defaults():
    job = PersistReportJob.create(file_name="abc.csv")
    document = stored(job)
    assert document["_cls"] == "PersistReportJob"
    assert document["file_name"] == "abc.csv"
    assert document["priority"] == 70
    assert document["destroy_on_complete"] is False
    assert document["description"] == "Nightly report"
    assert document["state"] == "queued"
    assert document["created_at"].tzinfo is not None
    assert "run_at" not in document


def test_a_class_default_is_inherited_and_overridden_without_touching_the_parent():
    assert PersistChildJob().priority == 71
    assert PersistReportJob().priority == 70
    assert Job().priority == 50
    assert PersistChildJob().tags == ["child"]
    PersistChildJob().tags.append("x")
    assert PersistChildJob().tags == ["child"]
    assert PersistReportJob().tags == []


def test_a_job_has_its_id_before_it_is_stored():
    job = PersistReportJob(file_name="abc.csv")
    wanted = job.id
    assert isinstance(wanted, ObjectId)
    assert job.save().id == wanted


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({}, "file_name", "is required"),
        ({"file_name": "a", "priority": 0}, "priority", "must be a whole number between 1 and 100 (got 0)"),
        ({"file_name": "a", "priority": "high"}, "priority", "must be a whole number between 1 and 100 (got 'high')"),
        ({"file_name": "a", "rows": -1}, "rows", "must be a whole number of 0 or more (got -1)"),
        ({"file_name": "a", "log_level": "loud"}, "log_level", "must be one of trace, debug"),
        ({"file_nam": "a"}, "file_nam", "did you mean 'file_name'?"),
        ({"zzzz": "a"}, "zzzz", "fields: "),
    ],
)
def test_a_bad_value_is_one_clear_error_and_nothing_is_stored(values, field, message):
    with pytest.raises(ValidationError) as error:
        PersistReportJob.create(**values)
    assert str(error.value).startswith("Validation failed:")
    assert field in str(error.value)
    assert message in error.value.errors[field]
    assert PersistReportJob.where().count() == 0


def test_every_bad_field_is_named_in_one_error():
    with pytest.raises(ValidationError) as error:
        PersistReportJob.create(priority=101, rows=-5)
    assert set(error.value.errors) == {"file_name", "priority", "rows"}


@pytest.mark.parametrize(("name", "value"), [("priority", "high"), ("priority", 0), ("destroy_on_complete", 1)])
def test_a_class_default_of_the_wrong_type_is_refused_when_the_class_is_made(name, value):
    with pytest.raises(TypeError, match=f"PersistWrong.{name}.*{value!r}"):
        type("PersistWrong", (Job,), {name: value, "__module__": __name__})


def test_two_job_classes_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match=r"PersistReportJob.*elsewhere\.PersistReportJob"):
        type("PersistReportJob", (Job,), {"__module__": "elsewhere", "__qualname__": "PersistReportJob"})
    assert Job.find(PersistReportJob.create(file_name="a").id).__class__ is PersistReportJob


def test_a_default_may_be_a_function():
    class PersistCallableJob(Job):
        description = lambda: f"made {1 + 1}"  # noqa: E731 - a class default of a field

    assert PersistCallableJob().description == "made 2"


def test_a_number_given_as_text_is_converted():
    job = PersistReportJob.create(file_name="a", priority="10")
    assert job.priority == 10
    job.priority = "11"
    job.save()
    assert (job.priority, stored(job)["priority"]) == (11, 11)


def test_times_are_aware_utc_with_milliseconds():
    job = PersistReportJob.create(file_name="a", run_at=datetime(2030, 1, 2, 3, 4, 5, 678999))
    assert job.run_at == datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert Job.find(job.id).run_at == job.run_at
    berlin = datetime.fromisoformat("2030-01-02T04:00:00+01:00")
    job.update_attributes(run_at=berlin)
    assert Job.find(job.id).run_at == datetime(2030, 1, 2, 3, 0, tzinfo=UTC)


def test_save_writes_only_what_changed():
    job = PersistReportJob.create(file_name="a")
    other = Job.find(job.id)
    other.priority = 10
    other.save()
    job.rows = 5
    job.save()
    document = stored(job)
    assert (document["priority"], document["rows"]) == (10, 5)


def test_save_of_a_destroyed_job_does_not_bring_it_back():
    job = PersistReportJob.create(file_name="a")
    Job.find(job.id).destroy()
    job.rows = 1
    with pytest.raises(JobNotFound):
        job.save()
    assert stored(job) is None


def test_clearing_a_field_removes_it_from_the_document():
    job = PersistReportJob.create(file_name="a", rows=3, run_at=utc_now())
    job.rows = None
    job.save()
    assert "rows" not in stored(job)


def test_nested_values_can_be_changed_in_place():
    job = PersistReportJob.create(file_name="a", options={"a": 1}, tags=["x"])
    job = Job.find(job.id)
    job.options["b"] = 2
    job.tags.append("y")
    job.save()
    assert stored(job)["options"] == {"a": 1, "b": 2}
    assert stored(job)["tags"] == ["x", "y"]


def test_update_attributes_writes_just_these():
    job = PersistReportJob.create(file_name="a")
    job.rows = 7
    job.update_attributes(priority=32)
    assert stored(job)["priority"] == 32
    assert "rows" not in stored(job)
    job.save()
    assert stored(job)["rows"] == 7


def test_update_attributes_that_is_not_valid_changes_neither_the_object_nor_the_document():
    job = PersistReportJob.create(file_name="a")
    with pytest.raises(ValidationError):
        job.update_attributes(priority=500, rows=1)
    assert (job.priority, job.rows) == (70, None)
    assert stored(job)["priority"] == 70


def test_update_attributes_refuses_what_belongs_to_the_lifecycle():
    job = PersistReportJob.create(file_name="a")
    with pytest.raises(ValidationError, match="state"):
        job.update_attributes(state="completed")
    assert stored(job)["state"] == "queued"


def test_update_attributes_of_a_stale_version_is_refused():
    job = PersistReportJob.create(file_name="a")
    seen = job.version
    Job.find(job.id).update_attributes(priority=1)
    with pytest.raises(StaleJob):
        job.update_attributes(priority=2, version=seen)
    assert stored(job)["priority"] == 1


@pytest.mark.parametrize("bad", ["nonsense", "", 12, "55aeaf03a26ec0c1bd00008d"])
def test_find_of_what_is_not_there_is_job_not_found(bad):
    with pytest.raises(JobNotFound) as error:
        Job.find(bad)
    assert str(error.value) == f"No job with id {bad}"


def test_find_of_a_subclass_does_not_find_other_classes():
    job = PersistReportJob.create(file_name="a")
    assert PersistReportJob.find(str(job.id)) == job
    with pytest.raises(JobNotFound):
        PersistChildJob.find(job.id)


def test_queries_of_a_class_see_its_subclasses_and_no_others():
    PersistReportJob.create(file_name="a")
    PersistChildJob.create(file_name="b")
    assert PersistReportJob.where().count() == 2
    assert PersistChildJob.where().count() == 1
    assert {type(job) for job in PersistReportJob.where()} == {PersistReportJob, PersistChildJob}


def test_first_and_last_are_by_age():
    assert Job.first() is None
    first = PersistReportJob.create(file_name="1")
    last = PersistChildJob.create(file_name="2")
    assert Job.first() == first
    assert Job.last() == last
    assert PersistChildJob.first() == last


def test_where_takes_lookups():
    PersistReportJob.create(file_name="a", priority=20)
    PersistReportJob.create(file_name="b", priority=30)
    assert [job.file_name for job in PersistReportJob.where(priority__lte=25)] == ["a"]


def test_scopes_split_the_queue_into_due_and_scheduled():
    due = PersistReportJob.create(file_name="due")
    past = PersistReportJob.create(file_name="past", run_at=utc_now() - timedelta(minutes=1))
    later = PersistReportJob.create(file_name="later", run_at=utc_now() + timedelta(hours=1))
    assert set(Job.queued_now()) == {due, past}
    assert list(Job.scheduled()) == [later]
    assert Job.queued().count() == 3
    assert later.is_scheduled and later.is_queued and not due.is_scheduled


def test_counts_by_state_leaves_out_states_without_jobs():
    assert Job.counts_by_state() == {}
    PersistReportJob.create(file_name="a")
    PersistReportJob.create(file_name="b", run_at=utc_now() + timedelta(hours=1))
    PersistChildJob.create(file_name="c").abort()
    assert Job.counts_by_state() == {"queued": 2, "queued_now": 1, "scheduled": 1, "aborted": 1}
    assert PersistChildJob.counts_by_state() == {"aborted": 1}


def test_run_now_clears_run_at():
    job = PersistReportJob.create(file_name="a", run_at=utc_now() + timedelta(hours=1))
    job.run_now()
    assert Job.find(job.id).run_at is None
    assert not job.is_scheduled


def test_create_many_stores_with_class_defaults_and_says_how_many():
    assert PersistReportJob.create_many({"file_name": f"{n}.csv"} for n in range(2500)) == 2500
    assert PersistReportJob.where(priority=70).count() == 2500
    one, other = PersistReportJob.first(), PersistReportJob.create(file_name="0.csv")
    same = set(Job.collection().find_one({"_id": one.id})) ^ set(stored(other))
    assert same == set()


def test_create_many_names_the_bad_item_and_says_what_was_stored():
    items = [{"file_name": f"{n}.csv"} for n in range(1500)]
    items[1200] = {"file_name": "x", "priority": 0}
    with pytest.raises(ValidationError, match=r"priority.*item 1200.*1000 jobs were created before"):
        PersistReportJob.create_many(items)
    assert PersistReportJob.where().count() == 1000


@pytest.mark.parametrize("item", [{}, {"file_name": None}, {"file_name": "a", "wrong": 1}])
def test_create_many_checks_as_create_does(item):
    with pytest.raises(ValidationError, match="item 0"):
        PersistReportJob.create_many([item])
    assert Job.where().count() == 0


def test_create_many_runs_the_hooks_and_validations_of_a_class_that_has_them():
    class PersistHookedJob(Job):
        label = StringField()

        @before_save
        def fill(self):
            self.label = "filled"

        @validates("priority")
        def low(self, value):
            return "must be at most 50" if value > 50 else None

    assert PersistHookedJob.create_many([{"priority": 1}, {"priority": 2}]) == 2
    assert {job.label for job in PersistHookedJob.where()} == {"filled"}
    with pytest.raises(ValidationError, match="must be at most 50"):
        PersistHookedJob.create_many([{"priority": 60}])


def test_destroy_runs_hooks_and_delete_does_not():
    calls = []

    class PersistDestroyJob(Job):
        def before_destroy(self):
            calls.append("before")

        def after_destroy(self):
            calls.append("after")

    PersistDestroyJob.create().delete()
    assert calls == []
    PersistDestroyJob.create().destroy()
    assert calls == ["before", "after"]
    PersistDestroyJob.create()
    PersistDestroyJob.create()
    PersistReportJob.create(file_name="stays")
    assert PersistDestroyJob.destroy_all() == 2
    assert len(calls) == 6
    PersistDestroyJob.create()
    assert PersistDestroyJob.delete_all() == 1
    assert Job.where().count() == 1


def test_reload_reads_what_others_wrote():
    job = PersistReportJob.create(file_name="a")
    Job.find(job.id).update_attributes(priority=3)
    assert job.reload().priority == 3


def test_reload_of_a_vanished_destroy_on_complete_job_reports_completed():
    job = PersistReportJob.create(file_name="a", destroy_on_complete=True)
    Job.find(job.id).delete()
    job.reload()
    assert job.is_completed
    assert job.percent_complete == 100


def test_reload_of_a_vanished_kept_job_is_job_not_found():
    job = PersistReportJob.create(file_name="a")
    Job.find(job.id).delete()
    with pytest.raises(JobNotFound):
        job.reload()


def test_wait_gives_up_with_job_timeout():
    job = PersistReportJob.create(file_name="a")
    with pytest.raises(JobTimeout, match=r"still queued after 0\.05 seconds"):
        job.wait(timeout=0.05)


def test_wait_returns_an_ended_job():
    job = PersistReportJob.create(file_name="a")
    Job.find(job.id).abort()
    assert job.wait(timeout=5).is_aborted


def test_status_names_the_stop_time_after_the_state():
    job = PersistReportJob.create(file_name="a")
    assert "failed_at" not in job.status()
    job.fail("broken")
    status = job.status()
    assert status["failed_at"] == job.completed_at
    assert "completed_at" not in status
    assert status["exception"]["message"] == "broken"
    assert status["file_name"] == "a"
    assert status["class_name"] == "PersistReportJob"
    assert isinstance(status["duration"], str)


def test_editable_and_restart_fields_are_listed_in_the_order_declared():
    assert PersistReportJob.user_editable_fields() == (
        "description",
        "priority",
        "run_at",
        "log_level",
        "throttle_group",
        "file_name",
    )
    assert "report_date" in PersistReportJob.restart_fields()


class TestUnknownClass:
    @pytest.fixture
    def unknown(self):
        job = PersistReportJob.create(file_name="x.csv")
        Job.collection().update_one({"_id": job.id}, {"$set": {"_cls": "NotHereJob", "extra": {"deep": 1}}})
        return Job.find(job.id)

    def test_it_is_found_counted_and_shown_with_its_fields(self, unknown):
        assert isinstance(unknown, UnknownJob)
        assert unknown.is_unknown_class
        assert unknown.class_name == "NotHereJob"
        assert unknown.file_name == "x.csv"
        assert unknown.status()["extra"] == {"deep": 1}
        assert Job.where().count() == 1
        assert Job.last() == unknown
        assert Job.queued().count() == 1
        assert Job.counts_by_state()["queued"] == 1

    def test_it_takes_every_action_of_an_operator_and_keeps_what_it_does_not_know(self, unknown):
        unknown.pause()
        unknown.resume()
        unknown.fail("by hand")
        unknown.retry()
        unknown.update_attributes(priority=9)
        unknown.abort()
        document = stored(unknown)
        assert document["state"] == "aborted"
        assert document["priority"] == 9
        assert document["extra"] == {"deep": 1}
        assert document["_cls"] == "NotHereJob"
        unknown.destroy()
        assert Job.where().count() == 0

    def test_it_cannot_be_performed(self, unknown):
        with pytest.raises(UnknownJobClass, match=r"NotHereJob.*ROCKETJOB_REQUIRE"):
            unknown.perform_now()
        assert stored(unknown)["state"] == "queued"


def test_unknown_stored_fields_survive_loading_and_saving():
    job = PersistReportJob.create(file_name="a")
    Job.collection().update_one({"_id": job.id}, {"$set": {"from_a_newer_version": 1}, "$unset": {"lost_count": ""}})
    job = Job.find(job.id)
    job.update_attributes(rows=2)
    assert stored(job)["from_a_newer_version"] == 1


def test_a_document_with_values_of_wrong_types_still_loads():
    job = PersistReportJob.create(file_name="a")
    broken = {"exception": "a text", "priority": "high", "created_at": 12, "percent_complete": "half"}
    Job.collection().update_one({"_id": job.id}, {"$set": broken})
    loaded = Job.find(job.id)
    assert loaded.exception is None
    loaded.abort()
    assert stored(job)["state"] == "aborted"
