"""Callers in the IVR."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.phones import Manner
from lab.story import HANG_UP, Numbers, PlannedCall, Story, Table, ring


def _plan(n: Numbers, **menu: object) -> dict[str, Table]:
    """A menu: 1 rings phone 1, 2 a group of three; silence leads to the group, wrong keys to phone 1."""
    return {
        n.element("menu"): {
            "type": "menu",
            "prompts": ["hello-world", "vm-press"],
            "seconds": 3,
            "repeat": 1,
            "keys": {"1": n.element("sales"), "2": n.element("group")},
            "on_timeout": n.element("group"),
            "on_invalid": n.element("sales"),
            **menu,
        },
        n.element("sales"): ring(n, 1),
        n.element("group"): {
            "type": "ring",
            "targets": [n.phone(1), n.phone(2), n.phone(3)],
            "strategy": "all",
            "seconds": 20,
            "on_no_answer": n.element("end"),
        },
        n.element("end"): HANG_UP,
    }


def _office(n: Numbers) -> tuple[Manner, ...]:
    return (Manner(n.phone(1), ring_s=6.0), Manner(n.phone(2), ring_s=2.0), Manner(n.phone(3), ring_s=None))


def presses_two(n: Numbers) -> Story:
    return Story(
        name="an unknown caller presses 2 and the second of a group of three answers",
        phones=_office(n),
        lines={n.did: n.element("menu")},
        elements=_plan(n),
        calls=(
            PlannedCall(
                n.client(1),
                n.did,
                n.phone(2),
                [n.phone(1), n.phone(2), n.phone(3)],
                talk_s=9.0,
                keys=[(1.2, "2")],
            ),
        ),
    )


def gives_up_in_menu(n: Numbers) -> Story:
    return Story(
        name="the caller gives up inside the menu",
        phones=_office(n),
        lines={n.did: n.element("menu")},
        elements=_plan(n),
        calls=(PlannedCall(n.client(1), n.did, "", [], talk_s=2.5),),
    )


def wrong_keys(n: Numbers) -> Story:
    return Story(
        name="wrong keys twice lead to the branch for wrong keys",
        phones=(Manner(n.phone(1), ring_s=1.5), Manner(n.phone(2), ring_s=None), Manner(n.phone(3), ring_s=None)),
        lines={n.did: n.element("menu")},
        elements=_plan(n),
        calls=(PlannedCall(n.client(1), n.did, n.phone(1), [n.phone(1)], talk_s=9.0, keys=[(1.0, "7"), (2.6, "9")]),),
    )


def silence(n: Numbers) -> Story:
    return Story(
        name="a silent caller is led to the group",
        phones=_office(n),
        lines={n.did: n.element("menu")},
        elements=_plan(n, repeat=0, seconds=2),
        calls=(PlannedCall(n.client(1), n.did, n.phone(2), [n.phone(1), n.phone(2), n.phone(3)], talk_s=10.0),),
    )


def dials_extension(n: Numbers) -> Story:
    digits = [(1.0 + at * 0.35, digit) for at, digit in enumerate(n.phone(3))]
    return Story(
        name="a caller dials an employee's extension in the menu",
        phones=(Manner(n.phone(1), ring_s=None), Manner(n.phone(2), ring_s=None), Manner(n.phone(3), ring_s=1.5)),
        lines={n.did: n.element("menu")},
        elements=_plan(n, extensions=True),
        calls=(PlannedCall(n.client(1), n.did, n.phone(3), [n.phone(3)], talk_s=9.0, keys=digits),),
    )


STORIES: Sequence[Callable[[Numbers], Story]] = (presses_two, gives_up_in_menu, wrong_keys, silence, dials_extension)
