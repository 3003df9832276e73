"""Is an employee's phone free? Asked before it is rung, so that a caller does not wait for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from stasis_app.crm.trouble import Troubles

T = TypeVar("T")


class PhoneState(StrEnum):
    """What is known of a phone at this moment."""

    FREE = "free"
    OFFLINE = "not registered"
    BUSY = "busy"
    DO_NOT_DISTURB = "do not disturb"
    UNKNOWN = "unknown"  # nobody could tell in time: it is rung


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of a phone and whether ringing it makes sense."""

    state: PhoneState

    @property
    def available(self) -> bool:
        """Whether the phone should be rung."""
        return self.state in (PhoneState.FREE, PhoneState.UNKNOWN)


class EndpointReader(Protocol):
    """What is read from Asterisk (ARI `GET /endpoints/{tech}/{resource}` and `GET /deviceStates/{name}`)."""

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        """The endpoint as ARI describes it (`state`, `channel_ids`), None when Asterisk has none of that name."""
        ...

    async def device_state(self, name: str, /) -> str:
        """The state of a device, for example NOT_INUSE."""
        ...


def _nobody_is_busy(extension: str) -> bool:
    return False


class Phones:
    """Tells the state of phones.

    `endpoint` is the dial string of an extension (`PJSIP/{extension}`). `is_busy` is what the service knows itself of
    live calls, "" included for unknown extensions. `do_not_disturb` is the device FreePBX keeps do-not-disturb in.
    `budget` is how many seconds a caller may wait for the answer; past it the phone counts as available.
    """

    def __init__(
        self,
        reader: EndpointReader,
        *,
        endpoint: str = "PJSIP/{extension}",
        is_busy: Callable[[str], bool] = _nobody_is_busy,
        do_not_disturb: str = "Custom:DND{extension}",
        budget: float = 0.5,
    ) -> None:
        self._reader = reader
        self._endpoint = endpoint
        self._is_busy = is_busy
        self._do_not_disturb = do_not_disturb
        self._budget = budget
        self.troubles = Troubles("Asking Asterisk for the state of a phone")

    async def of(self, extension: str) -> Availability:
        """The state of an employee's phone. Never raises."""
        if self._is_busy(extension):
            return Availability(PhoneState.BUSY)
        name = endpoint_name(self._endpoint, extension)
        described, disturb = await self._within_budget(
            self._reader.endpoint(*name) if name else _nothing(),
            self._reader.device_state(self._do_not_disturb.format(extension=extension)),
        )
        # ARI answers INVALID for a device nobody ever set, and FreePBX sets INUSE (not a yes or no) to switch it on.
        if isinstance(disturb, str) and disturb.upper() not in ("NOT_INUSE", "UNKNOWN", "INVALID", ""):
            return Availability(PhoneState.DO_NOT_DISTURB)
        if name is None or isinstance(described, BaseException):
            return Availability(PhoneState.UNKNOWN)
        return Availability(_state_of(described))

    async def exists(self, extension: str) -> bool:
        """Whether there is a phone of this number, registered or not; who can't tell in time says yes. Never raises."""
        name = endpoint_name(self._endpoint, extension)
        if name is None:
            return True
        described, _ = await self._within_budget(self._reader.endpoint(*name), _no_device())
        return described is not None

    async def _within_budget(
        self, endpoint: Coroutine[Any, Any, Mapping[str, Any] | None], device: Coroutine[Any, Any, str]
    ) -> tuple[Mapping[str, Any] | BaseException | None, str | BaseException]:
        asked = asyncio.create_task(endpoint), asyncio.create_task(device)
        await asyncio.wait(asked, timeout=self._budget)
        first, second = self._result(asked[0]), self._result(asked[1])
        if not isinstance(first, BaseException) and not isinstance(second, BaseException):
            self.troubles.over()
        return first, second

    def _result(self, task: asyncio.Task[T]) -> T | BaseException:
        if not task.done():
            task.cancel()
            self.troubles.note("no answer in time")
            return TimeoutError()
        if task.cancelled():
            return TimeoutError()
        if (error := task.exception()) is not None:
            self.troubles.note(error)
            return error
        return task.result()


def endpoint_name(template: str, extension: str) -> tuple[str, str] | None:
    """Technology and resource of an extension's endpoint, None when the dial string names none of its own.

    `PJSIP/{extension}` and `PJSIP/line@{extension}` do; `PJSIP/{extension}@pbx` names the trunk all of them share, and
    a Local channel is no endpoint at all.
    """
    technology, _, resource = template.partition("/")
    own = resource.rpartition("@")[2].split("/", 1)[0]
    if "{extension}" not in own or not technology or technology.casefold() == "local":
        return None
    return technology, own.format(extension=extension)


async def _no_device() -> str:
    return ""


async def _nothing() -> None:
    return None


def _state_of(endpoint: Mapping[str, Any] | None) -> PhoneState:
    if endpoint is None or endpoint.get("state") == "offline":
        return PhoneState.OFFLINE
    return PhoneState.BUSY if endpoint.get("channel_ids") else PhoneState.FREE
