"""Order, inheritance and failure of hook chains."""

import pytest

from rocketjob_core import hooks
from rocketjob_core.errors import ConfigurationError

EVENTS = ("perform", "fail", "archive")


class Recorder:
    def __init__(self):
        self.calls = []


def perform(subject, body=None):
    chains = hooks.collect(type(subject), EVENTS)
    return hooks.run_around(subject, "perform", chains, body or (lambda: subject.calls.append("perform")))


def test_before_around_and_after_nest_in_the_order_they_are_defined():
    class Job(Recorder):
        @hooks.before_perform
        def b1(self):
            self.calls.append("b1")

        @hooks.around_perform
        def r1(self):
            self.calls.append("r1 enter")
            yield
            self.calls.append("r1 leave")

        @hooks.before_perform
        def b2(self):
            self.calls.append("b2")

        @hooks.after_perform
        def a1(self):
            self.calls.append("a1")

        @hooks.around_perform
        def r2(self):
            self.calls.append("r2 enter")
            yield
            self.calls.append("r2 leave")

        @hooks.after_perform
        def a2(self):
            self.calls.append("a2")

    job = Job()
    perform(job)
    assert job.calls == ["b1", "r1 enter", "b2", "r2 enter", "perform", "a2", "r2 leave", "a1", "r1 leave"]


def test_base_classes_and_mixins_come_first_and_after_hooks_run_backwards():
    class Base(Recorder):
        def before_fail(self):
            self.calls.append("base before")

        @hooks.after_fail
        def base_after(self):
            self.calls.append("base after")

    class Mixin:
        @hooks.before_fail
        def mixin_before(self):
            self.calls.append("mixin before")

        @hooks.after_fail
        def mixin_after(self):
            self.calls.append("mixin after")

    class Job(Mixin, Base):
        @hooks.before_fail
        def own_before(self):
            self.calls.append("own before")

        @hooks.after_fail
        def own_after(self):
            self.calls.append("own after")

    job = Job()
    chains = hooks.collect(Job, EVENTS)
    hooks.run_before(job, "fail", chains)
    hooks.run_after(job, "fail", chains)
    assert job.calls == [
        "base before",
        "mixin before",
        "own before",
        "own after",
        "mixin after",
        "base after",
    ]


def test_a_method_hook_and_its_decorated_siblings_all_run():
    class Job(Recorder):
        def before_perform(self):
            self.calls.append("by name")

        @hooks.before_perform
        def sibling(self):
            self.calls.append("by decorator")

    job = Job()
    perform(job)
    assert job.calls == ["by name", "by decorator", "perform"]


def test_an_override_replaces_the_hook_in_its_place():
    class Base(Recorder):
        def before_perform(self):
            self.calls.append("base")

        @hooks.before_perform
        def later(self):
            self.calls.append("later")

    class Child(Base):
        def before_perform(self):
            self.calls.append("child")

    job = Child()
    perform(job)
    assert job.calls == ["child", "later", "perform"]


def test_an_exception_in_perform_passes_through_the_around_hooks():
    class Job(Recorder):
        @hooks.around_perform
        def guarded(self):
            try:
                yield
            finally:
                self.calls.append("cleaned up")

    def boom():
        raise ValueError("boom")

    job = Job()
    with pytest.raises(ValueError, match="boom"):
        perform(job, boom)
    assert job.calls == ["cleaned up"]


def test_an_exception_in_a_before_hook_skips_perform():
    class Job(Recorder):
        def before_perform(self):
            raise ValueError("not today")

    job = Job()
    with pytest.raises(ValueError, match="not today"):
        perform(job)
    assert job.calls == []


def test_the_result_of_perform_is_returned():
    class Job(Recorder):
        @hooks.around_perform
        def wrapped(self):
            yield

    assert perform(Job(), lambda: 42) == 42


def test_one_method_can_be_a_hook_of_several_events():
    class Job(Recorder):
        @hooks.before_fail
        @hooks.before_perform
        def both(self):
            self.calls.append("both")

    job = Job()
    perform(job)
    hooks.run_before(job, "fail", hooks.collect(Job, EVENTS))
    assert job.calls == ["both", "perform", "both"]


def test_a_method_that_only_looks_like_a_hook_is_left_alone():
    class Job(Recorder):
        def before_lunch(self):
            self.calls.append("lunch")

    job = Job()
    perform(job)
    assert job.calls == ["perform"]


@pytest.mark.parametrize("decorator", [hooks.before("lunch"), hooks.before_retry])
def test_a_decorator_for_an_event_the_class_does_not_have_is_refused(decorator):
    class Job(Recorder):
        @decorator
        def hook(self):
            pass

    with pytest.raises(ConfigurationError, match="no such event") as error:
        hooks.collect(Job, EVENTS)
    assert "Job.hook" in str(error.value)
    assert "perform" in str(error.value)


def test_own_events_have_hooks_by_name_and_by_decorator():
    class Job(Recorder):
        def before_archive(self):
            self.calls.append("before")

        @hooks.after("archive")
        def tidy(self):
            self.calls.append("after")

    job = Job()
    chains = hooks.collect(Job, EVENTS)
    hooks.run_before(job, "archive", chains)
    hooks.run_after(job, "archive", chains)
    assert job.calls == ["before", "after"]
