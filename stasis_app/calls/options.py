"""What is configured about calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stasis_app.calls.auto_answer import AutoAnswer
from stasis_app.calls.number_plan import NumberPlan, one_trunk
from stasis_app.calls.policy import PolicyOf, never


async def _at_once() -> None:
    """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How calls are dialled and recorded.

    Args:
        endpoint: dial string of an extension.
        trunks: how outside numbers are dialled.
        trunk_patience: seconds a trunk may say nothing before the next is tried.
        employee_seconds: how long the phone of an employee who ordered a call rings.
        auto_answer: whose phone answers by itself then.
        recording: what is recorded of a call.
        on_disk: waits until what was told of calls is on disk.
    """

    endpoint: str = "PJSIP/{extension}"
    trunks: NumberPlan = field(default_factory=lambda: one_trunk("PJSIP/{number}@trunk"))
    trunk_patience: float = 15.0
    employee_seconds: float = 30.0
    auto_answer: AutoAnswer = field(default_factory=AutoAnswer)
    recording: PolicyOf = never
    on_disk: Callable[[], Awaitable[None]] = _at_once
