"""How much a portal allows, and how much of it is used."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from b24client.batch import Command, batch_params
from b24client.budget import Priority
from b24client.errors import AccessDenied, BadReply
from b24client.masking import masked
from b24client.php import as_map
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
    answer = await portal.call("batch", batch_params(commands, halt=False), priority=Priority.SYNC)
    if not isinstance(answer, Mapping):
        raise BadReply("batch", "", f"result: expected a map, got {type(answer).__name__}")
    try:
        times, errors = as_map(answer.get("result_time")), as_map(answer.get("result_error"))
    except TypeError as error:
        raise BadReply("batch", "", str(error)) from None
    secrets = tuple(portal.auth.secrets())
    uses = tuple(_use(command, times.get(command.key), errors.get(command.key), secrets) for command in commands)
    return Load(portal.host, plan, portal.limits.rate, portal.limits.burst, portal.budget.level, uses)


def _use(command: Command, block: Any, error: Any, secrets: Iterable[str]) -> MethodUse:
    if isinstance(error, Mapping):
        told = str(error.get("error_description") or error.get("error") or "refused without a reason")
        return MethodUse(command.method, problem=masked(told, secrets))
    times = block if isinstance(block, Mapping) else {}
    operating, reset_at = times.get("operating"), times.get("operating_reset_at")
    return MethodUse(
        command.method,
        operating=float(operating) if isinstance(operating, int | float) else None,
        reset_in=max(0.0, reset_at - time.time()) if isinstance(reset_at, int | float) else None,
    )
