"""Generic transition table: states, events, guards. No MongoDB; `job/lifecycle.py` gives it its meaning for jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from rocketjob_core.errors import ConfigurationError


class Transition(NamedTuple):
    """Where an event leads, and the name of the method that must answer true for it (None: always allowed)."""

    target: str
    guard: str | None = None


Target = str | tuple[str, str] | Transition


class Lifecycle:
    """An immutable table of states and events; `extend` makes a changed copy, so a subclass never alters its parent.

    Args:
        states: all states, in the order a person reads them.
        initial: the state of a new document; must be one of `states`.
        events: event -> {source state: target}, a target being a state or (state, name of a guard method).

    Raises:
        ConfigurationError: an event names a state that does not exist.
    """

    __slots__ = ("events", "initial", "states")

    def __init__(self, states: Iterable[str], initial: str, events: Mapping[str, Mapping[str, Target]]) -> None:
        self.states = tuple(dict.fromkeys(states))
        self.initial = initial
        table: dict[str, Mapping[str, Transition]] = {}
        for event, moves in events.items():
            table[event] = MappingProxyType({source: self._transition(target) for source, target in moves.items()})
            for source, transition in table[event].items():
                for state in (source, transition.target):
                    if state not in self.states:
                        raise ConfigurationError(
                            f"Event {event!r} uses the state {state!r}, which is not one of {', '.join(self.states)}"
                        )
        self.events: Mapping[str, Mapping[str, Transition]] = MappingProxyType(table)

    @staticmethod
    def _transition(target: Target) -> Transition:
        return Transition(target) if isinstance(target, str) else Transition(*target)

    def extend(
        self, *, states: Iterable[str] = (), events: Mapping[str, Mapping[str, Target]] | None = None
    ) -> Lifecycle:
        """A copy with more states, more events, and more or replaced transitions of existing events.

        Transitions of an existing event are merged by source state: what is not named stays.
        """
        merged: dict[str, dict[str, Target]] = {event: dict(moves.items()) for event, moves in self.events.items()}
        for event, moves in (events or {}).items():
            merged.setdefault(event, {}).update(moves)
        return Lifecycle((*self.states, *states), self.initial, merged)

    def find(self, event: str, state: str, subject: Any) -> Transition | None:
        """The transition this event would take from `state`, or None where it is not allowed."""
        transition = self.events.get(event, {}).get(state)
        if transition is None or (transition.guard and not getattr(subject, transition.guard)()):
            return None
        return transition

    def sources(self, event: str) -> tuple[str, ...]:
        """The states an event can leave, guards aside."""
        return tuple(self.events.get(event, {}))
