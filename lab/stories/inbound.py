"""Other calls from the street."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.phones import Manner
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, Table, ring


def _group(n: Numbers, phones: int, **more: object) -> dict[str, Table]:
    return {
        n.element("group"): {
            "type": "ring",
            "targets": [n.phone(which) for which in range(1, phones + 1)],
            "strategy": "all",
            "seconds": 20,
            "on_no_answer": n.element("end"),
            **more,
        },
        n.element("end"): HANG_UP,
    }


def gives_up(n: Numbers) -> Story:
    return Story(
        name="nobody answers and the caller gives up",
        phones=(Manner(n.phone(1), ring_s=None), Manner(n.phone(2), ring_s=None)),
        clients=(Client(n.client(1), n.phone(2), "Petr Petrov"),),
        lines={n.did: n.element("group")},
        elements=_group(n, 2),
        calls=(PlannedCall(n.client(1), n.did, "", [n.phone(1), n.phone(2)], gives_up_s=5.0),),
    )


def nobody_answers(n: Numbers) -> Story:
    return Story(
        name="nobody answers an unknown caller until the plan hangs up",
        phones=(Manner(n.phone(1), ring_s=None),),
        lines={n.did: n.element("group")},
        elements=_group(n, 1, seconds=4),
        calls=(PlannedCall(n.client(1), n.did, "", [n.phone(1)]),),
    )


def in_turn(n: Numbers) -> Story:
    return Story(
        name="a group rings one after another and the third answers",
        phones=(
            Manner(n.phone(1), ring_s=None),
            Manner(n.phone(2), ring_s=1.0, refusal=480),
            Manner(n.phone(3), ring_s=1.5),
        ),
        lines={n.did: n.element("group")},
        elements=_group(n, 3, strategy="in_turn", seconds=3),
        calls=(PlannedCall(n.client(1), n.did, n.phone(3), [n.phone(1), n.phone(2), n.phone(3)], talk_s=5.0),),
    )


def anonymous(n: Numbers) -> Story:
    return Story(
        name="an anonymous caller is answered",
        phones=(Manner(n.phone(1), ring_s=1.5),),
        lines={n.did: n.element("group")},
        elements=_group(n, 1),
        calls=(PlannedCall("", n.did, n.phone(1), [n.phone(1)], talk_s=5.0),),
    )


def overlap(n: Numbers) -> Story:
    """The second call finds the manager talking, so the group takes it."""
    return Story(
        name="two calls from the same number overlap",
        phones=(Manner(n.phone(1), ring_s=1.0), Manner(n.phone(2), ring_s=1.5)),
        clients=(Client(n.client(1), n.phone(1), "OOO Vektor"),),
        lines={n.did: n.element("manager")},
        elements={
            n.element("manager"): {
                "type": "responsible",
                "seconds": 10,
                "on_unknown": n.element("second"),
                "on_no_answer": n.element("second"),
            },
            n.element("second"): ring(n, 2, seconds=10),
            n.element("end"): HANG_UP,
        },
        calls=(
            PlannedCall(n.client(1), n.did, n.phone(1), [n.phone(1)], talk_s=9.0),
            PlannedCall(n.client(1), n.did, n.phone(2), [n.phone(2)], after_s=3.0, talk_s=4.0),
        ),
    )


def same_instant(n: Numbers) -> Story:
    phones = [n.phone(1), n.phone(2)]
    return Story(
        name="two phones answer in the same instant: one talks, the other is released",
        phones=(Manner(n.phone(1), ring_s=2.0), Manner(n.phone(2), ring_s=2.0)),
        lines={n.did: n.element("group")},
        elements=_group(n, 2),
        calls=(PlannedCall(n.client(1), n.did, "", phones, talk_s=5.0, one_of=phones),),
    )


STORIES: Sequence[Callable[[Numbers], Story]] = (gives_up, nobody_answers, in_turn, anonymous, overlap, same_instant)
