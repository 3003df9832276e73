"""Where transfers lead: what a dialled number means, and who takes a call nobody wanted."""

from __future__ import annotations

import asyncio

from stasis_app.calls.call import Call
from stasis_app.calls.facts import Direction, Party, PartyKind, TransferResult, Unanswered
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.parking import ParkingLot
from stasis_app.calls.moves.transfer_story import tell_ended
from stasis_app.calls.record import CallRecord
from stasis_app.calls.verbs import RingResult, Target
from stasis_app.crm import extension_of
from stasis_app.flow.context import FlowContext
from stasis_app.flow.forwarding import Following, LedToElement
from stasis_app.flow.plan import Plan
from stasis_app.flow.run import run_plan
from stasis_app.flow.step import Step, tried_in_words
from stasis_app.flow.whom import is_outside

# Seconds after which a phone that was busy is asked again.
_BUSY_FOR_A_MOMENT = 1.0
# Where a call is that rings at whoever gave it away: as its story tells, an element and its kind.
_BACK = ("transfer", "back")


class PlanDestinations:
    """What leads to where by the plan. Implements `stasis_app.calls.moves.destination.Destinations`.

    Args:
        plan: the routing plan.
        context: what flows work with.
        ring_seconds: how long a phone rings for a call that was given away.
        back_seconds: how long the phone of who gave it away rings when nobody took it.
        lot: where calls are parked that are transferred to a slot.
    """

    def __init__(
        self,
        plan: Plan,
        context: FlowContext,
        *,
        ring_seconds: float = 30.0,
        back_seconds: float = 20.0,
        lot: ParkingLot | None = None,
    ) -> None:
        self._plan = plan
        self._context = context
        self._ring_seconds = ring_seconds
        self._back_seconds = back_seconds
        self._lot = lot

    async def find(self, to: str) -> Destination | None:
        """What an extension, an outside number, a number of the plan or the name of an element leads to."""
        to = to.strip()
        if self._lot is not None and self._lot.is_slot(to):
            return Destination(to)
        if to in self._plan.numbers:
            return Destination(self._plan.numbers[to])
        if to in self._plan.elements and not to.isdigit():
            return Destination(to)
        digits = to.removeprefix("+")
        if not digits.isdigit():
            return None
        if is_outside(to):
            return Destination(to, Party(PartyKind.CUSTOMER, to))
        if not extension_of(to) or not await self._context.phones.exists(to):
            return None
        employee = self._context.directory.by_extension(to)
        return Destination(to, Party(PartyKind.EMPLOYEE, to, employee.name if employee else ""))

    def following(self, call: Call, party: Party) -> Following:
        """Whom ringing this party for the call rings. Somebody is to be asked, and there is nobody in a plan."""
        step = Step(call, self._context)
        return Following(_meant(step, party), step, leads=False)

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        """Lead a call there from now on; when nobody takes it, back to `by`, then to the plan."""
        if self._lot is not None and self._lot.is_slot(destination.name):
            await self._park(self._lot, call, destination.name, by)
            return
        given_by = f"given there by {by.number or by.name}" if by else "given there"
        if destination.party is None:
            tell_ended(call, TransferResult.COMPLETED)
            await run_plan(self._plan, call, self._context, destination.name, given_by)
            return
        call.visit("transfer", "ring", f"{destination.name}: {given_by}")
        try:
            result = await self._ring(call, destination.party, self._ring_seconds)
        except LedToElement as led:
            tell_ended(call, TransferResult.COMPLETED)
            await run_plan(self._plan, call, self._context, led.element, led.why)
            return
        if result.answered_by is not None:
            tell_ended(call, TransferResult.COMPLETED, result.answered_by)
            await call.talk()
            return
        tell_ended(call, TransferResult.UNANSWERED)
        await self._back(call, by, f"{destination.name} did not take it: {tried_in_words(result)}")

    async def _ring(self, call: Call, party: Party, seconds: float) -> RingResult:
        """Ring who is to take the call, wherever he forwards his calls to.

        Who is busy is asked once more: the transferrer may just have asked him, or have just let the call go.
        """
        step = Step(call, self._context)
        target = _meant(step, party)
        result = await step.follow(target, seconds=seconds)
        if result.answered_by is None and all(why is Unanswered.BUSY for _, why in result.tried):
            await asyncio.sleep(_BUSY_FOR_A_MOMENT)
            result = await step.follow(target, seconds=seconds)
        return result

    async def _park(self, lot: ParkingLot, call: Call, slot: str, by: Party | None) -> None:
        transfer = call.record.transfer_now
        tell_ended(call, TransferResult.COMPLETED)
        nobody = Party(PartyKind.EMPLOYEE, "")
        await lot.park_given(call, transfer.leg if transfer else "", by or nobody, slot)

    async def bring_back(self, call: Call, by: Party) -> None:
        """Lead a call nobody took back to who gave it away, then to the plan."""
        tell_ended(call, TransferResult.UNANSWERED)
        await self._back(call, by, "nobody took it")

    async def _back(self, call: Call, by: Party | None, why: str) -> None:
        tried = why
        if by is not None and by.kind is PartyKind.EMPLOYEE and by.number:
            call.visit(*_BACK, why)
            try:
                result = await self._ring(call, by, self._back_seconds)
            except LedToElement as led:
                await run_plan(self._plan, call, self._context, led.element, led.why)
                return
            if result.answered_by is not None:
                await call.talk()
                return
            tried = f"{why}; back at {by.number}: {tried_in_words(result)}"
        await self._to_plan(call, tried)

    async def _to_plan(self, call: Call, why: str) -> None:
        """A customer who called is led on by the plan; whoever was called by us has nothing to wait for."""
        if call.record.direction is not Direction.INBOUND:
            call.visit("transfer", "hangup", why)
            await call.hang_up()
            return
        if self._plan.on_transfer_failed:
            element, reason = self._plan.on_transfer_failed, why
        else:
            element, entry = self._plan.entry(call.record.element, call.record.line, self._context.numbers)
            reason = f"{why}; {entry}"
        await run_plan(self._plan, call, self._context, element, reason)


def came_back_to(record: CallRecord) -> Party | None:
    """Whose phone rang, when the call was last seen, because it had come back to him; None when it was elsewhere.

    Nobody has talked since he gave it away.
    """
    last = record.visited[-1] if record.visited else None
    if last is None or (last.element, last.kind) != _BACK:
        return None
    waits = record.anchor or record.call_id
    return next((talk.party for talk in reversed(record.talks) if talk.leg != waits), None)


def _meant(step: Step, party: Party) -> Target:
    """Whom ringing a party rings: behind an outside number there may be an employee, who is credited then."""
    return step.target(party.number) if party.kind is PartyKind.CUSTOMER else Target(party)
