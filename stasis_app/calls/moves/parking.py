"""Parking: a call waits with music under a number that anybody may dial to take it.

Which slots are taken the records of the live calls say, and until when a call waits its own record: there is nothing
else to keep, so a restart changes nothing. When the time is over, who parked the call is rung; then the plan has it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.lifecycle import release_others
from stasis_app.calls.moves.blind import destinations_of, stay_with_the_other, take_out
from stasis_app.calls.moves.refusal import ImpossibleMove, others_with, talking
from stasis_app.calls.record import CallRecord
from stasis_app.calls.ringing import connect
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.steps import be_remembered

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


# Seconds it takes at most to say the digits of a slot.
_SAYING = 6.0
# Seconds it takes at most to answer whoever dialled the slot.
_ANSWERING = 3.0


@dataclass(frozen=True, slots=True)
class ParkingOptions:
    """The slots, and how many seconds a call waits in one before it goes back to who parked it."""

    slots: tuple[str, ...] = ()
    seconds: float = 60.0


class ParkingLot:
    """Where calls are parked.

    Args:
        options: the slots and times.
        calls: the records of the live calls.
    """

    def __init__(self, options: ParkingOptions, *, calls: Callable[[], Iterable[CallRecord]]) -> None:
        self.options = options
        self._calls = calls

    def is_slot(self, number: str) -> bool:
        """Whether a number is a parking slot."""
        return number in self.options.slots

    def in_slot(self, slot: str) -> CallRecord | None:
        """The call that waits in a slot."""
        return self._taken().get(slot)

    def park(self, call: Call, name: str, slot: str = "", *, announce: bool = False) -> f.Parked:
        """A participant leaves the call waiting; which slot it got. Without one named, the first free.

        With `announce` the slot is said to him before his phone is hung up.

        Raises:
            ImpossibleMove: he does not talk, more than one other does, or there is no such free slot.
        """
        if call.consultation is not None:
            raise ImpossibleMove("a transfer is under way; complete or cancel it first")
        leg = talking(call, name)
        others = others_with(call.state, leg)
        if leg.party.kind is not PartyKind.EMPLOYEE or len(others) != 1:
            raise ImpossibleMove("a call can be parked by an employee who talks with one other party")
        parked = self._ticket(call, leg.id, leg.party, self._free(slot))
        stay_with_the_other(call, leg.id)
        call.note(parked)
        call.divert(partial(self.keep, tell=leg.id if announce else ""))
        return parked

    async def park_given(self, call: Call, leg: str, by: Party, slot: str) -> None:
        """The flow of a call that was transferred to a slot by the party of `leg`; one that is taken stands for any."""
        try:
            free = self._free("" if slot in self._taken() else slot)
        except ImpossibleMove:
            await destinations_of(call).bring_back(call, by)
            return
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
        call.note(self._ticket(call, leg, by, free))
        await self.keep(call)

    async def keep(self, call: Call, *, tell: str = "") -> None:
        """The flow of a parked call, begun anew after a restart: music, until somebody takes it or the time is over.

        `tell` is the leg that is told the slot first.
        """
        parked = call.record.parked
        if parked is None:
            return
        await self._settle(call)
        if tell:
            await self._say_slot(call, tell, parked.slot)
        # Killed in this moment, the service would find the customer alone and take the conversation for ended.
        await be_remembered(call)
        await release_others(call)
        seen = set(call.state.legs)
        while (taker := await _taker(call, seen, parked.until)) is not None:
            seen.add(taker.id)
            if await self._give(call, taker, parked.slot):
                await call.talk()
                return
        await self._give_back(call, parked)

    async def _settle(self, call: Call) -> None:
        """Out of the bridge, so that no recording runs on, and music."""
        await take_out(call, call.state.anchor)
        await call.asking_caller(call.control.start_music(call.state.anchor_leg))

    async def _say_slot(self, call: Call, leg: str, slot: str) -> None:
        playback = f"{call.id}-{secrets.token_hex(4)}"
        try:
            await call.control.play(leg, f"digits:{slot}", playback)
        except AriError as error:
            call.log.info("The slot could not be said: {}", error)
            return
        await call.until(lambda: call.prompts.has_ended(playback) or not call.leg(leg).alive, _SAYING)

    async def _give(self, call: Call, taker: Leg, slot: str) -> bool:
        await call.asking_caller(call.control.stop_music(call.state.anchor_leg))
        if not await connect(call, taker.id):
            await call.asking_caller(call.control.start_music(call.state.anchor_leg))
            return False
        call.note(f.Unparked(call_id=call.id, at=i.now(), slot=slot, by=taker.party))
        return True

    async def _give_back(self, call: Call, parked: f.Parked) -> None:
        call.note(f.Unparked(call_id=call.id, at=i.now(), slot=parked.slot))
        await call.asking_caller(call.control.stop_music(call.state.anchor_leg))
        await destinations_of(call).bring_back(call, parked.party)

    def _ticket(self, call: Call, leg: str, party: Party, slot: str) -> f.Parked:
        until = i.now() + timedelta(seconds=self.options.seconds)
        return f.Parked(call_id=call.id, at=i.now(), leg=leg, party=party, slot=slot, until=until)

    def _free(self, wanted: str) -> str:
        taken = self._taken()
        if not self.options.slots:
            raise ImpossibleMove("there is no parking slot; name some in [parking] slots")
        if wanted and wanted not in self.options.slots:
            raise ImpossibleMove(
                f"{wanted!r} is no parking slot; they are {self.options.slots[0]} ... {self.options.slots[-1]}"
            )
        if wanted and wanted in taken:
            raise ImpossibleMove(f"a call is parked in slot {wanted} already")
        free = next((slot for slot in self.options.slots if slot not in taken), None)
        if free is None:
            raise ImpossibleMove("every parking slot is taken")
        return wanted or free

    def _taken(self) -> dict[str, CallRecord]:
        return {record.parked.slot: record for record in self._calls() if record.parked and not record.ended_at}


async def _taker(call: Call, seen: Collection[str], until: datetime) -> Leg | None:
    """Who dialled the slot, None when the time is over. Whoever is just being answered then, came in time."""
    left = max(0.0, (until - i.now()).total_seconds())
    if not await call.until(lambda: _newcomer(call, seen), left):
        await call.until(lambda: _newcomer(call, seen) or not _comes(call, seen), _ANSWERING)
    return _newcomer(call, seen)


def _comes(call: Call, seen: Collection[str]) -> bool:
    return any(leg.id not in seen and not leg.over and not leg.released for leg in call.state.others)


def _newcomer(call: Call, seen: Collection[str]) -> Leg | None:
    """Somebody who dialled the slot: a leg that was not there before, and is up."""
    ready = (
        leg
        for leg in call.state.others
        if leg.id not in seen and leg.stage is LegStage.UP and leg.in_stasis and not leg.over and not leg.released
    )
    return next(ready, None)
