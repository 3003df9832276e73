"""Is an employee's phone free? Asked before it is rung, so that a caller does not wait for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from stasis_app.crm.extensions import Extension
from stasis_app.crm.trouble import Troubles

T = TypeVar("T")

# Seconds a channel may still exist when its call is over for us.
_ENDS = 0.25


ALWAYS = "always"
"""Why calls are forwarded that never ring the phone."""


class PhoneState(StrEnum):
    """What is known of a phone at this moment."""

    FREE = "free"
    OFFLINE = "not registered"
    BUSY = "busy"
    WAITING = "in a call, with call waiting"
    DO_NOT_DISTURB = "do not disturb"
    FORWARDED = "forwarded"
    UNKNOWN = "unknown"  # nobody could tell in time: it is rung


class SetBy(StrEnum):
    """Who keeps a setting of an extension that counts."""

    SERVICE = "service"  # set by the service's codes or over its API
    FREEPBX = "freepbx"
    DEVICE = "device state"  # in a device state, whoever sets it


@dataclass(frozen=True, slots=True)
class Availability:
    """The state of a phone and whether ringing it makes sense.

    `forward` is where its calls go now, and `why` (always, or what is the matter with the phone itself).
    """

    state: PhoneState
    forward: str = ""
    why: str = ""

    @property
    def itself(self) -> PhoneState:
        """The state of the phone, wherever its calls go."""
        return PhoneState(self.why) if self.forward and self.why != ALWAYS else self.state

    @property
    def available(self) -> bool:
        """Whether calls to the extension should be made: its phone, or whatever it is forwarded to, may be rung."""
        return self.state not in (PhoneState.OFFLINE, PhoneState.BUSY, PhoneState.DO_NOT_DISTURB)

    def __str__(self) -> str:
        return f"{self.state} to {self.forward} ({self.why})" if self.forward else str(self.state)


class EndpointReader(Protocol):
    """What is read from Asterisk (ARI `GET /endpoints/{tech}/{resource}` and `GET /deviceStates/{name}`)."""

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        """The endpoint as ARI describes it (`state`, `channel_ids`), None when Asterisk has none of that name."""
        ...

    async def device_state(self, name: str, /) -> str:
        """The state of a device, for example NOT_INUSE."""
        ...


class ExtensionSettings(Protocol):
    """What employees set for their extensions (`stasis_app.crm.extensions.Extensions`)."""

    def of(self, number: str, /) -> Extension: ...


class KeptElsewhere(Protocol):
    """What the PBX itself keeps of extensions (`stasis_app.crm.freepbx.FreePbx`)."""

    async def of(self, extension: str, /) -> Extension:
        """What is set for an extension. Never raises."""
        ...


class _NothingSet:
    def of(self, number: str, /) -> Extension:
        return Extension()


def _no_channels(extension: str) -> Collection[str]:
    return ()


class Phones:
    """Tells the state of phones.

    `endpoint` is the dial string of an extension (`PJSIP/{extension}`). `channels_of` is what the service knows itself:
    the channels of its calls that ring or keep an extension's phone. `settings` are those employees made, and
    `call_waiting` whether a phone in one call may be rung for a second where they made none. `do_not_disturb` is the
    device FreePBX keeps do-not-disturb in, `kept_elsewhere` reads all that FreePBX keeps. `budget` is how many seconds
    a caller may wait for the answer; past it the phone counts as available.
    """

    def __init__(
        self,
        reader: EndpointReader,
        *,
        endpoint: str = "PJSIP/{extension}",
        channels_of: Callable[[str], Collection[str]] = _no_channels,
        settings: ExtensionSettings | None = None,
        call_waiting: bool = False,
        do_not_disturb: str = "Custom:DND{extension}",
        kept_elsewhere: KeptElsewhere | None = None,
        budget: float = 0.5,
    ) -> None:
        self._reader = reader
        self._endpoint = endpoint
        self._channels_of = channels_of
        self._settings = settings or _NothingSet()
        self._call_waiting = call_waiting
        self._do_not_disturb = do_not_disturb
        self._kept_elsewhere = kept_elsewhere
        self._budget = budget
        self.troubles = Troubles("Asking Asterisk for the state of a phone")

    async def of(self, extension: str, *, besides: str = "", forwards: bool = True) -> Availability:
        """The state of an employee's phone, and where its calls are forwarded. Never raises.

        What the call `besides` does with the phone does not make it busy. Without `forwards` it is the state of the
        phone alone.
        """
        chosen = await self.settings_of(extension)
        if not forwards:
            chosen = replace(chosen, forward_always="", forward_busy="", forward_no_answer="")
        if chosen.forward_always:
            return Availability(PhoneState.FORWARDED, chosen.forward_always, ALWAYS)
        if chosen.do_not_disturb:
            return _forwarded(chosen, PhoneState.DO_NOT_DISTURB)
        state = await self._phone(extension, chosen, besides)
        if state is PhoneState.BUSY and not _others(self._channels_of(extension), besides):
            # Only Asterisk knows of a channel there: mostly that of a call that has just ended.
            await asyncio.sleep(_ENDS)
            state = await self._phone(extension, chosen, besides)
        return _forwarded(chosen, state)

    async def settings_of(self, extension: str) -> Extension:
        """What is set for an extension, here and elsewhere; what was set here goes first. Never raises."""
        chosen = self._settings.of(extension)
        if self._kept_elsewhere is None:
            return chosen
        kept = await self._kept_elsewhere.of(extension)
        # FreePBX switches call waiting on for every new extension: that is nobody's wish. That it is off, is.
        declined = False if kept.call_waiting is False else None
        return Extension(
            do_not_disturb=chosen.do_not_disturb or kept.do_not_disturb,
            call_waiting=declined if chosen.call_waiting is None else chosen.call_waiting,
            forward_always=chosen.forward_always or kept.forward_always,
            forward_busy=chosen.forward_busy or kept.forward_busy,
            forward_no_answer=chosen.forward_no_answer or kept.forward_no_answer,
        )

    async def set_by(self, extension: str, setting: str) -> SetBy:
        """Who keeps what is set for an extension; `setting` is a field of `Extension` that is set. Never raises."""
        if getattr(self._settings.of(extension), setting):
            return SetBy.SERVICE
        if self._kept_elsewhere is not None and getattr(await self._kept_elsewhere.of(extension), setting):
            return SetBy.FREEPBX
        return SetBy.DEVICE

    async def _phone(self, extension: str, chosen: Extension, besides: str) -> PhoneState:
        """The state of the phone itself."""
        calls_at_once = 2 if (self._call_waiting if chosen.call_waiting is None else chosen.call_waiting) else 1
        known = _others(self._channels_of(extension), besides)
        if len(known) >= calls_at_once:
            return PhoneState.BUSY
        name = endpoint_name(self._endpoint, extension)
        described, disturb = await self._within_budget(
            self._reader.endpoint(*name) if name else _nothing(),
            self._reader.device_state(self._do_not_disturb.format(extension=extension)),
        )
        # ARI answers INVALID for a device nobody ever set, and FreePBX sets INUSE (not a yes or no) to switch it on.
        if isinstance(disturb, str) and disturb.upper() not in ("NOT_INUSE", "UNKNOWN", "INVALID", ""):
            return PhoneState.DO_NOT_DISTURB
        if name is None or isinstance(described, BaseException):
            return PhoneState.UNKNOWN
        if described is None or described.get("state") == "offline":
            return PhoneState.OFFLINE
        in_use = len(known | _others(described.get("channel_ids") or (), besides))
        if in_use >= calls_at_once:
            return PhoneState.BUSY
        return PhoneState.WAITING if in_use else PhoneState.FREE

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
        asked = asyncio.create_task(_answer_to(endpoint)), asyncio.create_task(_answer_to(device))
        try:
            await asyncio.wait(asked, timeout=self._budget)
        finally:
            # Whoever asked may be stopped meanwhile: then nobody waits for the answers any more.
            late = [task.cancel() for task in asked]
        first, second = self._answer(asked[0], late=late[0]), self._answer(asked[1], late=late[1])
        if not isinstance(first, BaseException) and not isinstance(second, BaseException):
            self.troubles.over()
        return first, second

    def _answer(self, task: asyncio.Task[T | Exception], *, late: bool) -> T | BaseException:
        if late:
            self.troubles.note("no answer in time")
            return TimeoutError()
        if task.cancelled():
            return TimeoutError()
        if isinstance(answer := task.result(), Exception):
            self.troubles.note(answer)
        return answer


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


async def _answer_to(question: Coroutine[Any, Any, T]) -> T | Exception:
    """A question that fails is answered, too: nobody may be left to hear of it as an exception."""
    try:
        return await question
    except Exception as error:
        return error


async def _no_device() -> str:
    return ""


async def _nothing() -> None:
    return None


def _forwarded(chosen: Extension, phone: PhoneState) -> Availability:
    """Where the calls of a phone in this state go."""
    forward = ""
    if phone in (PhoneState.BUSY, PhoneState.DO_NOT_DISTURB):
        forward = chosen.forward_busy
    elif phone is PhoneState.OFFLINE:
        forward = chosen.forward_no_answer
    return Availability(PhoneState.FORWARDED, forward, phone.value) if forward else Availability(phone)


def _others(channels: Iterable[str], call: str) -> set[str]:
    """Those channels that are not this call's: its legs' ids begin with its own."""
    return {channel for channel in channels if not call or (channel != call and not channel.startswith(f"{call}-"))}
