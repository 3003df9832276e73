"""A portal in trouble: nobody on the phone may notice, nothing may be missing afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lab.phones import Manner
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, Table, Weather, ring


def _plan(n: Numbers) -> Mapping[str, Table]:
    """Line 0 asks the CRM for the responsible first, line 1 rings phone 1 at once."""
    return {
        n.element("manager"): {
            "type": "responsible",
            "seconds": 15,
            "on_unknown": n.element("second"),
            "on_no_answer": n.element("second"),
        },
        n.element("first"): ring(n, 1),
        n.element("second"): ring(n, 2),
        n.element("end"): HANG_UP,
    }


def _story(n: Numbers, name: str, weather: Weather, calls: Sequence[PlannedCall]) -> Story:
    return Story(
        name=name,
        phones=(Manner(n.phone(1), ring_s=3.0), Manner(n.phone(2), ring_s=2.0)),
        clients=(Client(n.client(1), n.phone(1), "Ivan Ivanov"),),
        lines={n.line(0): n.element("manager"), n.line(1): n.element("first")},
        elements=_plan(n),
        calls=calls,
        weather=weather,
    )


def slow(n: Numbers) -> Story:
    """The portal names the responsible too late, so after the time budget the call goes on without him."""
    return _story(
        n,
        "the portal answers slowly and no caller waits for it",
        Weather.SLOW,
        (
            PlannedCall(n.client(1), n.line(0), n.phone(2), [n.phone(2)], talk_s=12.0),
            PlannedCall(n.client(2), n.line(1), n.phone(1), [n.phone(1)], after_s=1.0, talk_s=12.0),
        ),
    )


def down(n: Numbers) -> Story:
    """The first call begins before the outage, the second inside it; both end after it has begun."""
    return _story(
        n,
        "the portal is down for ten seconds in the middle of calls",
        Weather.DOWN,
        (
            PlannedCall(n.client(1), n.line(0), n.phone(1), [n.phone(1)], talk_s=5.0),
            PlannedCall(n.client(2), n.line(0), n.phone(2), [n.phone(2)], after_s=4.0, talk_s=3.0),
        ),
    )


STORIES: Sequence[Callable[[Numbers], Story]] = (slow, down)
