"""Parking: a call waits with music under a number that anybody may dial to take it.

Which slots are taken the records of the live calls say, and until when a call waits its own record: there is nothing
else to keep, so a restart changes nothing. When the time is over, who parked the call is rung; then the plan has it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.lifecycle import release_others
from stasis_app.calls.moves.pickup import come_over, take_up
from stasis_app.calls.moves.refusal import MoveRefused, others_with, talking
from stasis_app.calls.record import CallRecord
from stasis_app.calls.ringing import connect
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call, Flow


@dataclass(frozen=True, slots=True)
class ParkingOptions:
    """The slots, and how long a call waits in one; `ring_back` is how long who parked it is rung then, in seconds."""

    slots: tuple[str, ...] = ()
    seconds: float = 60.0
    ring_back: float = 20.0


class ParkingLot:
    """Where calls are parked.

    Args:
        options: the slots and times.
        calls: the records of the live calls.
        to_plan: what leads a call nobody took, not even who parked it.
    """

    def __init__(self, options: ParkingOptions, *, calls: Callable[[], Iterable[CallRecord]], to_plan: Flow) -> None:
        self.options = options
        self._calls = calls
        self._to_plan = to_plan

    def is_slot(self, number: str) -> bool:
        """Whether a number is a parking slot."""
        return number in self.options.slots

    def in_slot(self, slot: str) -> CallRecord | None:
        """The call that waits in a slot."""
        return self._taken().get(slot)

    def park(self, call: Call, name: str, slot: str = "") -> f.Parked:
        """A participant leaves the call waiting; which slot it got. Without one named, the first free.

        Raises:
            MoveRefused: he does not talk, more than one other does, or there is no such free slot.
        """
        leg = talking(call, name)
        others = others_with(call, leg)
        if leg.party.kind is not PartyKind.EMPLOYEE or len(others) != 1:
            raise MoveRefused("a call can be parked by an employee who talks with one other party")
        until = i.now() + timedelta(seconds=self.options.seconds)
        parked = f.Parked(call_id=call.id, at=i.now(), leg=leg.id, party=leg.party, slot=self._free(slot), until=until)
        if leg.id == call.state.anchor_leg:
            call.anchor_to(others[0].id)
        call.note(parked)
        call.divert(self.keep)
        return parked

    async def keep(self, call: Call) -> None:
        """The flow of a parked call, begun anew after a restart: music, until somebody takes it or the time is over."""
        parked = call.record.parked
        if parked is None:
            return
        await release_others(call)
        seen = set(call.state.legs)
        await self._settle(call)
        left = max(0.0, (parked.until - i.now()).total_seconds())
        while (taker := await call.until(lambda: _newcomer(call, seen), left)) is not None:
            seen.add(taker.id)
            if await self._give(call, taker, parked.slot):
                await call.talk()
                return
            left = max(0.0, (parked.until - i.now()).total_seconds())
        await self._give_back(call, parked)

    async def take(self, visitor: Call, call: Call) -> None:
        """The phone that dialled the slot takes the call parked there. Raises `AriError`."""
        await take_up(call, come_over(visitor, call))

    async def _settle(self, call: Call) -> None:
        """Out of the bridge, so that no recording runs on, and music."""
        anchor = call.state.anchor
        if anchor.bridge:
            await call.asking_caller(call.control.remove_from_bridge(anchor.bridge, anchor.id))
        await call.asking_caller(call.control.start_music(anchor.id))

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
        who = Party(PartyKind.EMPLOYEE, parked.party.number, parked.party.name)
        result = await call.ring([Target(who)], seconds=self.options.ring_back)
        if result.answered_by is not None:
            await call.talk()
        else:
            await self._to_plan(call)

    def _free(self, wanted: str) -> str:
        taken = self._taken()
        if not self.options.slots:
            raise MoveRefused("there is no parking slot; name some in [parking] slots")
        if wanted and wanted not in self.options.slots:
            raise MoveRefused(
                f"{wanted!r} is no parking slot; they are {self.options.slots[0]} ... {self.options.slots[-1]}"
            )
        if wanted and wanted in taken:
            raise MoveRefused(f"a call is parked in slot {wanted} already")
        free = next((slot for slot in self.options.slots if slot not in taken), None)
        if free is None:
            raise MoveRefused("every parking slot is taken")
        return wanted or free

    def _taken(self) -> dict[str, CallRecord]:
        return {record.parked.slot: record for record in self._calls() if record.parked and not record.ended_at}


def _newcomer(call: Call, seen: Collection[str]) -> Leg | None:
    """Somebody who dialled the slot: a leg that was not there before, and is up."""
    ready = (
        leg
        for leg in call.state.others
        if leg.id not in seen and leg.stage is LegStage.UP and leg.in_stasis and not leg.over and not leg.released
    )
    return next(ready, None)
