"""How much a portal allows, and how much of it is used."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from b24client.batch import Command
from b24client.budget import Priority
from b24client.errors import AccessDenied, B24Error
from b24client.ledger import Ledger
from b24client.portal import Portal


@dataclass(frozen=True, slots=True)
class MethodUse:
    """What a method has used of its share: `operating` seconds of work in the last ten minutes.

    `reset_in`: seconds until the oldest part is forgotten; `problem`: why there is no more to say.
    """

    method: str
    operating: float | None = None
    reset_in: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """A portal's plan ("" when it is not told) and limits, the fill of our own bucket, the methods' working time."""

    host: str
    plan: str
    rate: float
    burst: int
    level: float
    methods: tuple[MethodUse, ...]

    def told(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


async def portal_load(portal: Portal, methods: Sequence[str]) -> Load:
    """Ask a portal for its plan and carry out each of `methods` once, for its `time` block. Raises B24Error.

    https://apidocs.bitrix24.com/limits.html
    """
    try:
        plan = (await portal.app_info()).license_type
    except AccessDenied:
        plan = ""
    commands = [Command(str(at), method, {"start": -1}) for at, method in enumerate(methods)]
    results = await portal.batch(commands, priority=Priority.SYNC)
    uses = tuple(_use(portal.ledger, command.method, results[command.key].error) for command in commands)
    return Load(portal.host, plan, portal.limits.rate, portal.limits.burst, portal.budget.level, uses)


def _use(ledger: Ledger, method: str, error: B24Error | None) -> MethodUse:
    spending = ledger.spendings.get(method.lower())
    problem = error.description if error is not None else ""
    if spending is None or not spending.reset_at:
        return MethodUse(method, problem=problem)
    return MethodUse(method, spending.operating, max(0.0, spending.reset_at - time.time()), problem)
