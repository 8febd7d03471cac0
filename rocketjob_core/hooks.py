"""Ordered before / around / after chains, inherited by class. Knows nothing of jobs or MongoDB.

A hook is a method named `before_<event>`, `around_<event>` or `after_<event>`, or any method marked with a decorator
such as `@before_perform`. Chains keep the order of definition, base classes and mix-ins first. A subclass that
overrides a hook method by name replaces it in its place, as with any method.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeVar

from rocketjob_core.errors import ConfigurationError

Kind = Literal["before", "around", "after"]
F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__rocketjob_hooks__"
_NAMED = re.compile(r"^(before|around|after)_(\w+)$")


class Hook(NamedTuple):
    """One entry of a chain: run `method` before, around or after the event."""

    kind: Kind
    method: str


Chains = dict[str, tuple[Hook, ...]]


def _marker(kind: Kind, event: str) -> Callable[[F], F]:
    def mark(function: F) -> F:
        setattr(function, _MARK, (*getattr(function, _MARK, ()), (kind, event)))
        return function

    mark.__name__ = f"{kind}_{event}"
    mark.__doc__ = f"Decorator: run this method {kind} `{event}`."
    return mark


def before(event: str) -> Callable[[F], F]:
    """Decorator: run this method before `event`, also an event of your own lifecycle."""
    return _marker("before", event)


def after(event: str) -> Callable[[F], F]:
    """Decorator: run this method after `event`, also an event of your own lifecycle."""
    return _marker("after", event)


before_perform = _marker("before", "perform")
around_perform = _marker("around", "perform")
after_perform = _marker("after", "perform")
before_start = _marker("before", "start")
after_start = _marker("after", "start")
before_complete = _marker("before", "complete")
after_complete = _marker("after", "complete")
before_fail = _marker("before", "fail")
after_fail = _marker("after", "fail")
before_retry = _marker("before", "retry")
after_retry = _marker("after", "retry")
before_pause = _marker("before", "pause")
after_pause = _marker("after", "pause")
before_resume = _marker("before", "resume")
after_resume = _marker("after", "resume")
before_abort = _marker("before", "abort")
after_abort = _marker("after", "abort")
before_requeue = _marker("before", "requeue")
after_requeue = _marker("after", "requeue")
before_save = _marker("before", "save")
after_save = _marker("after", "save")
before_create = _marker("before", "create")
after_create = _marker("after", "create")
before_validation = _marker("before", "validation")
after_validation = _marker("after", "validation")
before_destroy = _marker("before", "destroy")
after_destroy = _marker("after", "destroy")

PERSISTENCE_EVENTS = ("save", "create", "validation", "destroy")


def collect(cls: type, events: Iterable[str], *, around: Iterable[str] = ("perform",)) -> Chains:
    """Build the chains of a class from its whole ancestry.

    Raises:
        ConfigurationError: a hook is marked for an event the class does not have.
    """
    known, wrappable = set(events), set(around)
    chains: dict[str, dict[str, Kind]] = {}
    for owner in reversed(cls.__mro__):
        for name, value in list(vars(owner).items()):
            for kind, event in _hooks_of(name, value, known):
                if event not in known or (kind == "around" and event not in wrappable):
                    raise ConfigurationError(
                        f"{cls.__name__}.{name} is a hook {kind} {event!r}, but there is no such event; "
                        f"events here: {', '.join(sorted(known))} (around: {', '.join(sorted(wrappable))})"
                    )
                # setdefault: an override keeps the place of the method it replaces, and nothing runs twice.
                chains.setdefault(event, {}).setdefault(name, kind)
    return {event: tuple(Hook(kind, name) for name, kind in chain.items()) for event, chain in chains.items()}


def _hooks_of(name: str, value: Any, known: set[str]) -> Iterator[tuple[Kind, str]]:
    if not callable(value):
        return
    marked = getattr(value, _MARK, ())
    yield from marked
    match = _NAMED.match(name)
    # A plain method such as `before_lunch` is not ours to judge: only known events count by name.
    if match and match[2] in known and not marked:
        kind: Any = match[1]
        yield kind, match[2]


def run_before(subject: Any, event: str, chains: Chains) -> None:
    """Run the before hooks of an event, in the order defined."""
    for hook in chains.get(event, ()):
        if hook.kind == "before":
            getattr(subject, hook.method)()


def run_after(subject: Any, event: str, chains: Chains) -> None:
    """Run the after hooks of an event, latest defined first."""
    for hook in reversed(chains.get(event, ())):
        if hook.kind == "after":
            getattr(subject, hook.method)()


def run_around(subject: Any, event: str, chains: Chains, body: Callable[[], Any]) -> Any:
    """Run `body` inside the event's chain, the first hook outermost; returns what `body` returned.

    A hook further in runs only when those further out have let it: an exception in a before or around hook skips
    `body`, and passes through the around hooks already entered, as it would through `with` blocks.
    """
    chain = chains.get(event, ())

    def run_from(position: int) -> Any:
        if position == len(chain):
            return body()
        hook = chain[position]
        method = getattr(subject, hook.method)
        if hook.kind == "before":
            method()
            return run_from(position + 1)
        if hook.kind == "after":
            result = run_from(position + 1)
            method()
            return result
        with contextmanager(method)():
            return run_from(position + 1)

    return run_from(0)
