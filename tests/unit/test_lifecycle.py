"""The generic transition table."""

import pytest

from rocketjob_core.errors import ConfigurationError
from rocketjob_core.lifecycle import Lifecycle

DOOR = Lifecycle(
    states=["open", "closed", "locked"],
    initial="open",
    events={"close": {"open": "closed"}, "lock": {"closed": ("locked", "has_key")}},
)


class Door:
    def __init__(self, key):
        self.key = key

    def has_key(self):
        return self.key


def test_an_event_leads_from_a_state_to_its_target():
    assert DOOR.find("close", "open", Door(key=False)).target == "closed"


def test_an_event_is_not_found_from_another_state():
    assert DOOR.find("close", "locked", Door(key=True)) is None


@pytest.mark.parametrize(("key", "allowed"), [(True, True), (False, False)])
def test_a_guard_decides(key, allowed):
    assert (DOOR.find("lock", "closed", Door(key)) is not None) is allowed


def test_extending_adds_states_and_events_and_leaves_the_parent_alone():
    changed = DOOR.extend(states=["gone"], events={"remove": {"open": "gone"}})
    assert changed.find("remove", "open", Door(True)).target == "gone"
    assert changed.find("close", "open", Door(True)).target == "closed"
    assert "gone" not in DOOR.states
    assert DOOR.find("remove", "open", Door(True)) is None


def test_extending_an_event_merges_by_source_state():
    changed = DOOR.extend(events={"close": {"locked": "closed"}})
    assert changed.sources("close") == ("open", "locked")


def test_an_unknown_state_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"'shut'.*open, closed, locked"):
        DOOR.extend(events={"close": {"open": "shut"}})
