"""Supervisors: listening to a conversation unheard, whispering to the employee in it, or speaking with everybody.

A supervisor is no leg of the call, so he is no party of it: no card, no credit, no talk. He listens through a snoop
channel on the employee's leg, which brings both sides and takes his words to the employee or nowhere; the two share a
bridge beside the call. To speak with all he moves to the call's bridge. He goes when the call ends.
"""

from __future__ import annotations

import contextlib
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.control import caller_id
from stasis_app.calls.entry import AsideEntry, aside_args
from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.moves.refusal import ImpossibleMove, employees_talking
from stasis_app.calls.routing import bridge_of_call
from stasis_app.calls.state import Leg

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


class Mode(StrEnum):
    """How a supervisor follows a call."""

    LISTEN = "listen"  # nobody hears him
    WHISPER = "whisper"  # the employee hears him
    BARGE = "barge"  # everybody hears him


async def supervise(call: Call, extension: str, mode: Mode, seconds: float = 30.0) -> None:
    """Ring a supervisor and let him follow the call, or change how he does.

    Raises:
        ImpossibleMove: nobody talks, or he talks in the call himself.
        AriError: his phone can't be called.
    """
    if any(leg.party.number == extension and not leg.over for leg in call.state.legs.values()):
        raise ImpossibleMove(f"{extension} takes part in the call himself")
    if not employees_talking(call):
        raise ImpossibleMove("no employee talks in this call")
    on = extension in call.record.supervisors
    if call.record.supervisors.get(extension) != mode:
        call.note(f.Supervised(call_id=call.id, at=i.now(), extension=extension, mode=mode.value))
    if on:
        return
    channel = channel_of(call, extension)
    call.expect_aside(channel, Party(PartyKind.EMPLOYEE, extension))
    try:
        await call.control.originate(
            channel,
            call.options.endpoint.format(extension=extension),
            appArgs=aside_args(AsideEntry(call.id, extension)),
            callerId=caller_id(employees_talking(call)[0].party),
            timeout=round(seconds),
        )
    except AriError:
        call.asides.pop(channel, None)
        _told_over(call, extension)
        raise
    call.spawn(accompany(call, extension))


async def stop(call: Call, extension: str) -> None:
    """Let a supervisor follow the call no longer. Raises `ImpossibleMove`, `AriError`."""
    if extension not in call.record.supervisors:
        raise ImpossibleMove(f"{extension} does not supervise this call")
    await call.control.hang_up(channel_of(call, extension), NORMAL)


def channel_of(call: Call, extension: str) -> str:
    """The id of a supervisor's channel."""
    return f"{call.id}-sup-{extension}"


async def accompany(call: Call, extension: str) -> None:
    """See to it that a supervisor hears and says what he is to, until he or the call goes."""
    post = _Post(call, extension)
    while True:
        await call.wait(lambda: post.is_over() or post.is_wrong(), None)
        if post.is_over():
            break
        await post.set_right()
    # Not when the service stops: he goes on listening, and is found again.
    await post.clear()


class _Post:
    """Where a supervisor stands, and through what he listens."""

    def __init__(self, call: Call, extension: str) -> None:
        self._call = call
        self._extension = extension
        self._channel = channel_of(call, extension)
        self._snoops = f"{call.id}-snoop-{extension}-"  # how the ids of his snoop channels begin
        self._bridge = bridge_of_call(call.id, f"sup-{extension}")
        self._mode: str | None = None  # as it is set up; the record says what it should be
        self._snoop = ""

    def is_over(self) -> bool:
        return self._call.state.ended or self._channel not in self._call.asides

    def is_wrong(self) -> bool:
        """Whether he is there and something is to be done for him."""
        if not self._call.asides.get(self._channel):
            return False
        wanted = self._wanted()
        if wanted != self._mode:
            return wanted == Mode.BARGE or self._whom() is not None
        return wanted != Mode.BARGE and self._snoop not in self._call.asides and self._whom() is not None

    async def set_right(self) -> None:
        call, wanted = self._call, self._wanted()
        former = [channel for channel in call.asides if channel.startswith(self._snoops)]
        self._mode = wanted
        try:
            if wanted == Mode.BARGE:
                self._snoop = ""
                await call.control.add_to_bridge(call.bridge, self._channel)
            elif (leg := self._whom()) is not None:
                await self._listen_to(leg, wanted)
        except AriError as error:
            call.log.info("A supervisor can't follow the call: {}", error)
            await call.control.hang_up(self._channel, NORMAL)
            # Whether or not the event about it comes: there is nothing more to do for him.
            call.asides.pop(self._channel, None)
        for snoop in former:
            await call.control.hang_up(snoop, NORMAL)

    async def clear(self) -> None:
        call = self._call
        if not call.state.ended:
            _told_over(call, self._extension)
        for channel in tuple(call.asides):
            if channel == self._channel or channel.startswith(self._snoops):
                await call.control.hang_up(channel, NORMAL)
        await call.control.destroy_bridge(self._bridge)

    async def _listen_to(self, leg: Leg, mode: str) -> None:
        call = self._call
        self._snoop = snoop = f"{self._snoops}{secrets.token_hex(3)}"
        call.expect_aside(snoop, Party(PartyKind.CUSTOMER, ""))
        whisper = "out" if mode == Mode.WHISPER else "none"
        with contextlib.suppress(Gone):  # it is there already
            await call.control.make_bridge(self._bridge)
        try:
            await call.control.snoop(leg.id, snoop, whisper=whisper, args=aside_args(AsideEntry(call.id)))
        except AriError:
            call.asides.pop(snoop, None)
            raise
        await call.wait(lambda: call.state.ended or call.asides.get(snoop) is not False, 2)
        await call.control.add_to_bridge(self._bridge, snoop, self._channel)

    def _wanted(self) -> str:
        return self._call.record.supervisors.get(self._extension, Mode.LISTEN)

    def _whom(self) -> Leg | None:
        return next(iter(employees_talking(self._call)), None)


def _told_over(call: Call, extension: str) -> None:
    if extension in call.record.supervisors:
        call.note(f.SupervisionEnded(call_id=call.id, at=i.now(), extension=extension))
