"""Happenings out of nothing but the classes: every event and intent there is, with every field filled in somehow.

Found by looking at the classes, so that a new event, intent or fact is tried without anybody thinking of it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Literal

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from stasis_app.ari import events as e
from stasis_app.calls import dialplan_legs, model, model_ends, model_legs, model_tapes
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.routing import bridge_of_call

START = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
CALL = CALLER = "1.0"
LEGS = ("1.0-a", "1.0-b", "1.0-c")
MAIN, SIDE = bridge_of_call(CALL), bridge_of_call(CALL, "consult")
ANNA, BORIS = Party(PartyKind.EMPLOYEE, "101"), Party(PartyKind.EMPLOYEE, "102")
CUSTOMER = Party(PartyKind.CUSTOMER, "79161234567")

channel_ids = st.sampled_from((CALLER, *LEGS, "stranger"))

_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "id": channel_ids,
    "leg": channel_ids,
    "target_leg": channel_ids,
    "call_id": st.just(CALL),
    "bridge": st.sampled_from((MAIN, SIDE, "elsewhere")),
    "cause": st.sampled_from((0, 16, 17, 19, 21, 26, 32, 127)),
    "tech_cause": st.sampled_from((None, 200, 480, 486, 487, 603)),
    "dialstatus": st.sampled_from(("", "RINGING", "PROGRESS", "ANSWER", "BUSY", "CANCEL", "NOANSWER")),
    "digit": st.sampled_from("019*#"),
}
_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.sampled_from(("", "x", "a,b,1")),
    int: st.integers(0, 5),
    float: st.floats(0, 5),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.just(START),
    AwareDatetime: st.just(START),
    Party: st.sampled_from((ANNA, BORIS, CUSTOMER)),
    e.Channel: st.builds(
        e.Channel,
        id=channel_ids,
        name=st.sampled_from(("", "PJSIP/105-00000001")),
        state=st.sampled_from(("Down", "Ring", "Ringing", "Up")),
    ),
    e.Bridge: st.builds(e.Bridge, id=_BY_NAME["bridge"]),
    e.Recording: st.builds(
        e.Recording,
        name=st.sampled_from(("1.0-1", "1.0-2")),
        format=st.just("wav"),
        duration=st.none() | st.integers(0, 5),
    ),
}


def filled(kind: type, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of a class with every field filled in."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: _value(name, hints[name]) for name in _fields(kind)} | given)


def classes(base: type) -> list[type]:
    """All classes below this one that stand for something themselves."""
    below = [cls for direct in base.__subclasses__() for cls in (direct, *classes(direct))]
    return [cls for cls in dict.fromkeys(below) if not cls.__subclasses__()]


def _fields(kind: type) -> Iterator[str]:
    if issubclass(kind, BaseModel):
        yield from (name for name in kind.model_fields if name != "type")
    else:
        yield from (each.name for each in dataclasses.fields(kind))


def _value(name: str, hint: Any) -> st.SearchStrategy[Any]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        choices = [part for part in typing.get_args(hint) if part is not type(None)]
        return st.none() | st.one_of([_value(name, part) for part in choices])
    if origin is Literal:
        return st.sampled_from(typing.get_args(hint))
    if origin is tuple:
        return st.just(())
    if hint is f.Fact:
        return noted
    if inspect.isclass(hint) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if hint is str and name == "name":
        return st.sampled_from(("1.0-1", "1.0-2", ""))
    if name in _BY_NAME and hint in (str, int):
        return _BY_NAME[name]
    if hint in _BY_TYPE:
        return _BY_TYPE[hint]
    return filled(hint)


# What the model itself says it never takes from outside: a service that noted an end would be out of its mind.
_MODEL = (model, model_ends, model_legs, model_tapes, dialplan_legs)
_TOLD_BY_THE_MODEL = {told for part in _MODEL for told in re.findall(r"\bf\.([A-Z]\w+)", inspect.getsource(part))}

noted: st.SearchStrategy[f.Fact] = st.deferred(
    lambda: st.one_of([filled(kind) for kind in classes(f.Fact) if kind.__name__ not in _TOLD_BY_THE_MODEL])
)
anything = st.one_of([filled(kind) for kind in (*classes(e.Event), *classes(i.Intent))])
# Of what the model does something with, the more is tried.
happening = st.one_of(anything, st.one_of([filled(kind) for kind in model._TRANSITIONS]))


def _up(leg: str, bridge: str) -> list[Any]:
    channel = e.Channel(id=leg, name=f"PJSIP/{leg}", state="Up")
    return [
        e.ChannelStateChange(timestamp=START, channel=channel),
        e.ChannelEnteredBridge(timestamp=START, channel=channel, bridge=e.Bridge(id=bridge)),
    ]


def _talks(leg: str, party: Party, bridge: str) -> list[Any]:
    return [i.Dialling(START, leg, party), *_up(leg, bridge)]


def _goes(leg: str, anchored: bool) -> list[Any]:
    gone = e.ChannelDestroyed(timestamp=START, channel=e.Channel(id=leg), cause=16)
    return [gone, i.Anchoring(START, leg)] if anchored else [i.Anchoring(START, leg), gone]


legs = st.sampled_from(LEGS)
bridges = st.sampled_from((MAIN, SIDE))
episode = st.one_of(
    st.lists(happening, min_size=1, max_size=3),
    st.builds(_up, st.sampled_from((CALLER, *LEGS)), bridges),
    st.builds(_goes, legs, st.booleans()),
    st.builds(_talks, legs, st.sampled_from((ANNA, BORIS, CUSTOMER)), bridges),
)
"""Something that happens: anything at all, or a leg that comes up as legs do, so that deep states are reached."""


@st.composite
def stories(draw: st.DrawFn, *, honest_clock: bool) -> list[e.Event | i.Intent]:
    """Happenings one after another. With an honest clock none is older than the one before."""
    happenings = [one for part in draw(st.lists(episode, max_size=16)) for one in part]
    if not honest_clock and draw(st.booleans()):
        happenings = draw(st.permutations(happenings))
    repeated = draw(st.sets(st.integers(0, 40)))
    doubled = [each for n, one in enumerate(happenings) for each in ([one, one] if n in repeated else [one])]
    moved = draw(st.lists(st.integers(0 if honest_clock else -9, 9), min_size=len(doubled), max_size=len(doubled)))
    now, told = START, []
    for one, seconds in zip(doubled, moved, strict=True):
        now += timedelta(seconds=seconds)
        told.append(at(one, now))
    return told


def at(one: e.Event | i.Intent, when: datetime) -> e.Event | i.Intent:
    """The same, at another time."""
    if isinstance(one, e.Event):
        return one.model_copy(update={"timestamp": when})
    if isinstance(one, i.Noted):
        return i.Noted(when, dataclasses.replace(one.fact, at=when))
    return dataclasses.replace(one, at=when)


def time_of(one: e.Event | i.Intent) -> datetime:
    """When it happened."""
    return one.timestamp if isinstance(one, e.Event) else one.at
