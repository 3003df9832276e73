"""Known clients, whom the CRM names a responsible manager for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.phones import Manner
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, Table


def _plan(n: Numbers, *, seconds: float = 15) -> dict[str, Table]:
    """The responsible for some seconds, then a group of two, then the end."""
    return {
        n.element("manager"): {
            "type": "responsible",
            "seconds": seconds,
            "on_unknown": n.element("group"),
            "on_no_answer": n.element("group"),
        },
        n.element("group"): {
            "type": "ring",
            "targets": [n.phone(2), n.phone(3)],
            "strategy": "all",
            "seconds": 20,
            "on_no_answer": n.element("end"),
        },
        n.element("end"): HANG_UP,
    }


def _story(
    n: Numbers,
    name: str,
    manager: Manner | None,
    *,
    talks_to: str,
    rings: Sequence[str],
    talk_s: float | None = 5.0,
    seconds: float = 15,
) -> Story:
    """A client of manager 1 calls; phone 2 of the group answers after 1.5 s, phone 3 only rings."""
    here = manager or Manner(n.phone(1))
    return Story(
        name=name,
        phones=(here, Manner(n.phone(2), ring_s=1.5), Manner(n.phone(3), ring_s=None)),
        unregistered=() if manager else (n.phone(1),),
        clients=(Client(n.client(1), n.phone(1), "Ivan Ivanov"),),
        lines={n.did: n.element("manager")},
        elements=_plan(n, seconds=seconds),
        calls=(PlannedCall(n.client(1), n.did, talks_to, rings, talk_s=talk_s),),
    )


def answered(n: Numbers) -> Story:
    return _story(
        n,
        "a known client reaches his responsible manager",
        Manner(n.phone(1), ring_s=2.0, silent_s=0.7),
        talks_to=n.phone(1),
        rings=[n.phone(1)],
        talk_s=6.0,
    )


def answered_and_hangs_up_first(n: Numbers) -> Story:
    return _story(
        n,
        "the manager answers and is the one who hangs up",
        Manner(n.phone(1), ring_s=1.0, talk_s=4.0),
        talks_to=n.phone(1),
        rings=[n.phone(1)],
        talk_s=None,
    )


def falls_to_group(n: Numbers) -> Story:
    return _story(
        n,
        "the responsible does not answer and the call falls through to the group",
        Manner(n.phone(1), ring_s=None),
        talks_to=n.phone(2),
        rings=[n.phone(1), n.phone(2), n.phone(3)],
        seconds=4,
    )


def busy(n: Numbers) -> Story:
    return _story(
        n,
        "the manager's phone is busy and the group takes the call",
        Manner(n.phone(1), ring_s=0, refusal=486),
        talks_to=n.phone(2),
        rings=[n.phone(2), n.phone(3)],
    )


def declines(n: Numbers) -> Story:
    return _story(
        n,
        "the manager declines and the group takes the call",
        Manner(n.phone(1), ring_s=2.0, refusal=603),
        talks_to=n.phone(2),
        rings=[n.phone(1), n.phone(2), n.phone(3)],
    )


def not_registered(n: Numbers) -> Story:
    return _story(
        n,
        "the manager's phone is not registered and the group takes the call",
        None,
        talks_to=n.phone(2),
        rings=[n.phone(2), n.phone(3)],
    )


STORIES: Sequence[Callable[[Numbers], Story]] = (
    answered,
    answered_and_hangs_up_first,
    falls_to_group,
    busy,
    declines,
    not_registered,
)
