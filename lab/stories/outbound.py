"""Employees who dial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.phones import Manner
from lab.story import Client, Numbers, PlannedCall, Story


def _story(n: Numbers, name: str, far: Manner, call: PlannedCall, *, known: bool = False) -> Story:
    client = Client("7" + n.outside(1)[1:], n.phone(1), "Maria Sidorova")
    return Story(
        name=name,
        phones=(Manner(n.phone(1)),),
        clients=(client,) if known else (),
        outside=(far,),
        calls=(call,),
    )


def _dials(n: Numbers, talks_to: str, *, talk_s: float | None = None, gives_up_s: float | None = None) -> PlannedCall:
    return PlannedCall(n.phone(1), n.outside(1), talks_to, talk_s=talk_s, gives_up_s=gives_up_s, outbound=True)


def answered(n: Numbers) -> Story:
    return _story(
        n,
        "an employee dials a client and is answered",
        Manner(n.outside(1), ring_s=2.0),
        _dials(n, n.outside(1), talk_s=5.0),
        known=True,
    )


def far_side_hangs_up(n: Numbers) -> Story:
    return _story(
        n,
        "an employee dials an unknown number, and the other side hangs up",
        Manner(n.outside(1), ring_s=1.0, talk_s=4.0),
        _dials(n, n.outside(1)),
    )


def nobody_answers(n: Numbers) -> Story:
    return _story(
        n,
        "an employee dials and nobody answers",
        Manner(n.outside(1), ring_s=None),
        _dials(n, "", gives_up_s=4.0),
        known=True,
    )


def busy(n: Numbers) -> Story:
    return _story(
        n,
        "an employee dials and the number is busy",
        Manner(n.outside(1), ring_s=0, refusal=486),
        _dials(n, ""),
    )


STORIES: Sequence[Callable[[Numbers], Story]] = (answered, far_side_hangs_up, nobody_answers, busy)
