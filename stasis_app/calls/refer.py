"""Transfers made on a phone (SIP REFER), in whichever way the server tells of them.

With `PJSIP_TRANSFER_HANDLING()=ari-only` (22.3+) it only tells what the phone wants (`ChannelTransfer`). Older servers
carry the transfer out: they put a Local channel into the place of the transferrer, whose other half runs the dialplan
(blind) or stands in the phone's other call (attended). If that leads back to us, both halves are taken away again and
the call is moved the same way as with the newer servers; else the Local channel stays a leg of the call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger

from stasis_app.ari import events as e
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.entry import Entry, read_entry, transferred_to
from stasis_app.calls.facts import TransferKind, TransferResult, Unanswered
from stasis_app.calls.hanging_up import release_later
from stasis_app.calls.moves.blind import find_destination
from stasis_app.calls.moves.giving import give_away, give_to_nowhere
from stasis_app.calls.moves.merge import merge
from stasis_app.calls.moves.refusal import ImpossibleMove
from stasis_app.calls.moves.transfer_story import tell_ended, tell_started
from stasis_app.calls.routing import local_pair

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

_ATTENDED = "Local/_attended@"
# Seconds the two halves of a Local channel may be apart; they come within a few ms (seen on 22.10).
_APART = 0.3
# Seconds a phone has for its own BYE once it was told how its transfer went.
FAREWELL = 1.0
_ANSWERED, _DECLINED = "channel_answered", "channel_declined"


@dataclass(frozen=True, slots=True)
class _Replaced:
    """A leg in whose place Asterisk put a Local channel."""

    call: Call
    leg: str
    local: str


@dataclass(slots=True)
class _Linking:
    """A Local channel that links the phone's two calls; `end` is the end of the leg it replaced, kept until `over`."""

    local: str
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    end: e.StasisEnd | None = None


class PhoneTransfers:
    """Recognises transfers among the events of one application.

    Args:
        call_of: the call a channel belongs to.
        begin: begins a new call with a channel that turned out to be one.
    """

    def __init__(self, call_of: Callable[[str], Call | None], begin: Callable[[e.StasisStart], None]) -> None:
        self._call_of = call_of
        self._begin = begin
        self._replaced: dict[str, _Replaced] = {}  # by the name of the Local pair
        self._alone: dict[str, e.StasisStart] = {}  # second halves whose first half is still to come
        self._telling: dict[str, asyncio.Future[None]] = {}  # done when the phone of this leg has been told
        self._linking: dict[str, _Linking] = {}  # attended transfers being carried out, by the leg that was replaced

    def takes(self, event: e.Event) -> bool:
        """Whether the event is part of a transfer; it needs no further attention then."""
        match event:
            case e.ChannelTransfer():
                self._asked(event)
            case e.BridgeBlindTransfer():
                self._carried_out_blind(event)
            case e.BridgeAttendedTransfer():
                self._carried_out_attended(event)
            case e.StasisStart(replace_channel=e.Channel() as replaced):
                return self._put_in_place(event, replaced)
            case e.StasisEnd() if event.channel.id in self._linking:
                # It left because it was replaced, not because its party hung up: first the transfer, then its end.
                self._linking[event.channel.id].end = event
            case e.StasisStart() if pair := local_pair(event.channel):
                return self._second_half(event, pair)
            case _:
                return False
        return True

    def let_go(self, pair: str) -> None:
        """This Local channel is no transfer's: should its second half wait here for the first, it need not."""
        if (event := self._alone.pop(pair, None)) is not None:
            self._begin(event)

    # The server asks us

    def _asked(self, event: e.ChannelTransfer) -> None:
        source = event.referred_by.source_channel.id
        if event.state:
            if (told := self._telling.get(source)) is not None and not told.done():
                told.set_result(None)
            return
        call = self._call_of(source)
        if call is None or source not in call.state.legs or call.state.ended:
            return
        second = event.refer_to.destination_channel
        if second is not None:
            call.move(self._attended(call, source, second.id))
        else:
            call.move(self._blind(call, source, event.refer_to.requested_destination.destination))

    async def _blind(self, call: Call, leg: str, to: str) -> None:
        destination = await find_destination(call, to)
        if destination is None or not call.leg(leg).joined:
            call.log.info("A transfer to {} is refused: it leads nowhere", to)
            tell_started(call, leg, TransferKind.BLIND, to)
            tell_ended(call, TransferResult.REFUSED)
            await call.control.tell_transferrer(leg, _DECLINED)
            return
        try:
            given_away = give_away(call, leg, destination, farewell=FAREWELL)
        except ImpossibleMove as error:
            call.log.info("A transfer to {} is refused: {}", to, error)
            await call.control.tell_transferrer(leg, _DECLINED)
            return
        call.spawn(call.control.tell_transferrer(leg, _ANSWERED))
        await given_away

    async def _attended(self, call: Call, leg: str, second_leg: str) -> None:
        second = self._call_of(second_leg)
        if second is None or second is call:
            call.log.warning("A transfer is refused: the phone's second call is not one of ours")
            await call.control.tell_transferrer(leg, _DECLINED)
            return
        busy = call.consultation or second.consultation or call.record.transfer_now
        if busy is not None:
            call.log.info("A transfer is refused: another one is under way in one of the phone's calls")
            await call.control.tell_transferrer(leg, _DECLINED)
            return
        if not await merge(call, leg, second, second_leg, partial(self._tell_answered, call, leg)):
            call.log.warning("A transfer is refused: nobody is in the phone's second call")
            await call.control.tell_transferrer(leg, _DECLINED)

    async def _tell_answered(self, call: Call, leg: str) -> None:
        """Tell the phone that its transfer went through, and wait until Asterisk has done so.

        It looks at the channel of the phone's second call when it does, even if that has ended meanwhile, and may crash
        of it (22.10.1: bad magic number in ast_bridge_transfer_acquire_bridge). Its echo says that it is through.
        """
        echo = self._telling[leg] = asyncio.get_running_loop().create_future()
        try:
            await call.control.tell_transferrer(leg, _ANSWERED)
            await asyncio.wait({echo}, timeout=FAREWELL)
        finally:
            del self._telling[leg]

    # The server has carried it out

    def _put_in_place(self, event: e.StasisStart, replaced: e.Channel) -> bool:
        call = self._call_of(replaced.id)
        if call is None:
            return False
        local = event.channel
        if local.name.startswith(_ATTENDED):
            linking = self._linking[replaced.id] = _Linking(local.id)
            call.move(self._until_carried_out(call, replaced.id, linking))
            return True
        pair = local_pair(local)
        found = _Replaced(call, replaced.id, local.id)
        if pair in self._alone:
            call.move(self._take_back(found, self._alone.pop(pair)))
            return True
        self._remember(self._replaced, pair, found)
        call.expect(local.id, transferred_to(local), ours=False)
        call.move(_until_in_place(call, local.id))
        call.put(event)
        return True

    def _second_half(self, event: e.StasisStart, pair: str) -> bool:
        if self._call_of(event.channel.id) is not None:
            return False
        found = self._replaced.pop(pair, None)
        if found is not None:
            found.call.move(self._take_back(found, event))
            return True
        self._alone[pair] = event
        asyncio.get_running_loop().call_later(_APART, self.let_go, pair)
        return True

    async def _take_back(self, found: _Replaced, second: e.StasisStart) -> None:
        """The dialplan led the transfer back to us: the Local channel is of no use, the call is moved directly."""
        call, entry = found.call, read_entry(second.args)
        to = entry.dialled or entry.element if isinstance(entry, Entry) else ""
        destination = await find_destination(call, to)
        if found.local in call.state.legs:
            call.intend(i.Releasing(i.now(), found.local, Unanswered.CANCELLED))
        call.spawn(call.control.hang_up(second.channel.id, NORMAL))
        call.spawn(call.control.hang_up(found.local, NORMAL))
        if destination is not None:
            with contextlib.suppress(ImpossibleMove):
                await give_away(call, found.leg, destination, farewell=FAREWELL)
                return
        await give_to_nowhere(call, found.leg, to, farewell=FAREWELL)

    def _carried_out_blind(self, event: e.BridgeBlindTransfer) -> None:
        call = self._call_of(event.channel.id)
        if call is not None and event.result == "Success":
            call.spawn(self._left_to_dialplan(call, event))

    async def _left_to_dialplan(self, call: Call, event: e.BridgeBlindTransfer) -> None:
        """Unless the dialplan leads back to us at once: whoever it rings is at the other end of the Local channel."""
        leg = event.channel.id
        await call.wait(lambda: call.state.ended, _APART)
        if call.state.ended or any(transfer.leg == leg for transfer in call.record.transfers):
            return
        tell_started(call, leg, TransferKind.BLIND, event.exten)
        tell_ended(call, TransferResult.COMPLETED, transferred_to(event.replace_channel or event.channel))
        await release_later(call, leg, FAREWELL)

    async def _until_carried_out(self, call: Call, leg: str, linking: _Linking) -> None:
        """The call goes on while the server moves its parties about, which takes it a few ms."""
        await asyncio.wait({linking.over}, timeout=FAREWELL)
        self._linking.pop(leg, None)
        if linking.end is not None:
            call.put(linking.end)

    def _carried_out_attended(self, event: e.BridgeAttendedTransfer) -> None:
        first_leg, second_leg = event.transferer_first_leg.id, event.transferer_second_leg.id
        linking = [self._linking[leg] for leg in (first_leg, second_leg) if leg in self._linking]
        first, second = self._call_of(first_leg), self._call_of(second_leg)
        if first is not None and second is not None and first is not second:
            first.move(_merged(first, first_leg, second, second_leg, linking))
            return
        for one in linking:
            one.over.set_result(None)
        if first is not None and linking:
            # Whom the phone asked is not one of ours: the Local channel leads there.
            target = event.transfer_target or event.transferer_second_leg
            first.expect(linking[0].local, transferred_to(target), ours=False)
            first.spawn(release_later(first, first_leg, FAREWELL))
        elif event.result == "Success":
            logger.warning("A phone transferred a call in a way nobody here can follow")

    def _remember(self, table: dict[str, _Replaced], pair: str, found: _Replaced) -> None:
        table[pair] = found
        asyncio.get_running_loop().call_later(_APART, table.pop, pair, None)


async def _until_in_place(call: Call, local: str) -> None:
    """The call goes on while nobody is with the caller: first the leg leaves the bridge, then the channel enters."""
    await call.wait(lambda: call.state.ended or call.leg(local).bridge or call.leg(local).over, _APART)


async def _merged(first: Call, first_leg: str, second: Call, second_leg: str, linking: list[_Linking]) -> None:
    try:
        await merge(first, first_leg, second, second_leg)
    finally:
        for one in linking:
            if not one.over.done():
                one.over.set_result(None)
    await asyncio.gather(*(first.control.hang_up(one.local, NORMAL) for one in linking))
