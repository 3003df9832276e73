"""Attended transfer: the customer waits with music while the transferrer asks somebody else, and then they decide.

What follows from what stands in `consultation.TABLE`; here it is brought about.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from stasis_app.calls.causes import NORMAL
from stasis_app.calls.facts import Party, TransferKind, TransferResult, Unanswered
from stasis_app.calls.moves.asking import Asking
from stasis_app.calls.moves.blind import destinations_of, live_for_the_customer, stay_with_the_other, take_out
from stasis_app.calls.moves.consultation import Do, Happening, Next, Stage, follows
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.holding import end_hold, let_wait
from stasis_app.calls.moves.transfer_story import tell_ended, tell_started
from stasis_app.calls.record import Transfer
from stasis_app.calls.routing import bridge_of_call
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.steps import try_to
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# How long the target's phone rings, in seconds.
RING_SECONDS = 30.0


class Consultation:
    """One attended transfer of one call.

    Args:
        call: the call.
        transferrer: the leg of who transfers.
        asking: the ringing of who is asked.
        stage: where it stands, when it is taken up after a restart.
    """

    def __init__(self, call: Call, transferrer: str, asking: Asking, stage: Stage = Stage.RINGING) -> None:
        self.stage = stage
        self._call = call
        self._transferrer = transferrer
        self._asking = asking
        self._bridge = bridge_of_call(call.id, "consult")
        self._orders: deque[Happening] = deque()
        self._doing: dict[Do, Callable[[], Awaitable[None]]] = {
            Do.CONSULT: self._consult,
            Do.RETURN: self._return,
            Do.GIVE: self._give,
            Do.GATHER: self._gather,
            Do.HOLD_TARGET: lambda: call.control.start_music(self._target),
            Do.HOLD_CUSTOMER: self._hold_customer,
            Do.RELEASE_TRANSFERRER: lambda: self._release(self._transferrer),
            Do.RELEASE_TARGET: self._release_target,
            Do.TALK_ON: self._talk_on,
            Do.BRING_BACK: self._bring_back,
        }

    @property
    def _target(self) -> str:
        """The leg of who is asked, "" before the first one is rung."""
        return self._asking.leg

    def order(self, happening: Happening) -> bool:
        """Somebody wants this to happen (complete, cancel, conference, swap); False when it is not possible now."""
        if follows(self.stage, happening) is None:
            return False
        self._orders.append(happening)
        self._call.wake()
        return True

    def survivors(self) -> tuple[str, ...]:
        """The legs that have something to say to each other even when the call is over."""
        return (self._transferrer, self._target) if self.stage in (Stage.TALKING, Stage.SWAPPED) else ()

    def is_transferrer(self, leg: str) -> bool:
        """Whether this is the leg of who transfers."""
        return leg == self._transferrer

    async def run(self) -> None:
        """See it through to its end."""
        try:
            while (following := await self._next()).result is None:
                await self._follow(following)
            # Told first: what is done next may be the end of the call.
            self._tell(following.result)
            await self._follow(following)
        finally:
            self._call.consultation, self._call.outlive = None, tuple
        await try_to(self._call.control.destroy_bridge(self._bridge), self._call.log)

    async def _next(self) -> Next:
        while True:
            await self._call.wait(lambda: self._happening() is not None, None)
            happening = self._happening()
            if happening in self._orders:
                self._orders.popleft()
            following = follows(self.stage, happening) if happening else None
            if following is not None:
                return following

    def _happening(self) -> Happening | None:
        """What has happened that means something in this stage."""
        transferrer, asking = self._call.leg(self._transferrer), self._asking
        waits = self.stage in (Stage.RINGING, Stage.LEFT)
        seen: list[Happening] = []
        if self._call.state.ended:
            seen.append(Happening.CUSTOMER_LEAVES)
        if _is_gone(transferrer):
            seen.append(Happening.TRANSFERRER_LEAVES)
        if waits and asking.over:
            seen.append(Happening.TARGET_FAILS)
        elif not waits and _is_gone(self._call.leg(self._target)):
            seen.append(Happening.TARGET_LEAVES)
        if waits and asking.answered:
            seen.append(Happening.TARGET_ANSWERS)
        seen += list(self._orders)[:1]
        possible = [one for one in seen if follows(self.stage, one) is not None]
        return possible[0] if possible else (self._orders[0] if self._orders else None)

    async def _follow(self, following: Next) -> None:
        self.stage = following.stage or self.stage
        for one in following.do:
            await try_to(self._doing[one](), self._call.log)

    def _tell(self, result: TransferResult) -> None:
        taken = result in (TransferResult.COMPLETED, TransferResult.CONFERENCE)
        tell_ended(self._call, result, self._call.leg(self._target).party if taken else None)

    # What is done

    async def _consult(self) -> None:
        control = self._call.control
        await control.make_bridge(self._bridge)
        await try_to(control.stop_ringing(self._transferrer), self._call.log)
        await try_to(control.stop_music(self._target), self._call.log)
        await control.add_to_bridge(self._bridge, self._transferrer, self._target)

    async def _hold_customer(self) -> None:
        await take_out(self._call, self._call.leg(self._transferrer))
        await let_wait(self._call)

    async def _return(self) -> None:
        await try_to(self._call.control.stop_ringing(self._transferrer), self._call.log)
        await self._with_customer(self._transferrer)

    async def _give(self) -> None:
        await try_to(self._call.control.stop_music(self._target), self._call.log)
        await self._with_customer(self._target)

    async def _gather(self) -> None:
        await try_to(self._call.control.stop_music(self._target), self._call.log)
        await self._with_customer(self._transferrer, self._target)
        live_for_the_customer(self._call)

    async def _with_customer(self, *legs: str) -> None:
        call = self._call
        anchor = call.state.anchor
        await try_to(call.control.stop_music(anchor.id), call.log)
        missing = [leg for leg in (anchor.id, *legs) if call.leg(leg).bridge != call.bridge]
        if missing:
            await call.bridge_ready()
            await call.control.add_to_bridge(call.bridge, *missing)
        await call.wait(lambda: call.state.ended or all(call.leg(leg).bridge == call.bridge for leg in legs), 1)

    async def _release(self, leg: str) -> None:
        if not _is_gone(self._call.leg(leg)):
            await self._call.release(leg, Unanswered.CANCELLED)

    async def _release_target(self) -> None:
        self._asking.stop()
        if self._target:
            await self._release(self._target)

    async def _talk_on(self) -> None:
        """The customer is gone, his call is over; the two employees finish what they have to say."""
        call, legs = self._call, (self._transferrer, self._target)
        await call.wait(lambda: not all(call.leg(leg).alive for leg in legs), None)
        await asyncio.gather(*(call.control.hang_up(leg, NORMAL) for leg in legs))

    async def _bring_back(self) -> None:
        party = self._call.leg(self._transferrer).party

        async def flow(call: Call) -> None:
            await call.asking_caller(call.control.stop_music(call.state.anchor_leg))
            await take_out(call, call.state.anchor)
            await destinations_of(call).bring_back(call, party)

        self._call.divert(flow)

    # How it begins

    async def begin(self, target: Party, seconds: float = RING_SECONDS) -> None:
        """Let the customer wait with music and ring the target. What comes of that shows in `run`."""
        call = self._call
        await try_to(end_hold(call, self._transferrer), call.log)
        await take_out(call, call.leg(self._transferrer))
        await try_to(let_wait(call), call.log)
        await try_to(call.control.ring(self._transferrer), call.log)
        call.spawn(self._asking.go(target, seconds))


def start_consultation(call: Call, leg: str, destination: Destination) -> Consultation:
    """Begin an attended transfer by this leg's party; it goes on by itself.

    Raises:
        ValueError: one is under way, or the destination is nobody who could be asked.
    """
    if call.consultation is not None:
        raise ValueError("a transfer is under way already")
    if destination.party is None:
        raise ValueError(f"{destination.name} is an element of the plan: nobody can be asked there, transfer blindly")
    party = destination.party
    stay_with_the_other(call, leg)
    consultation = call.consultation = Consultation(call, leg, Asking(call, call.leg(leg).party))
    tell_started(call, leg, TransferKind.ATTENDED, destination.name)
    call.outlive = consultation.survivors

    async def see_through() -> None:
        with contextlib.suppress(CallGone):
            await consultation.begin(party)
        await consultation.run()

    call.move(see_through())
    return consultation


def resume_consultation(call: Call, transfer: Transfer) -> None:
    """Take up an attended transfer after a restart, where the world shows it stands."""
    transferrer, target = call.state.legs.get(transfer.leg), call.state.legs.get(transfer.target_leg)
    if transferrer is None or target is None:
        tell_ended(call, TransferResult.CANCELLED)
        return
    asking = Asking(call, transferrer.party, target.id)
    call.consultation = Consultation(call, transferrer.id, asking, _stage_of(transferrer, target, call.bridge))
    call.outlive = call.consultation.survivors
    call.move(call.consultation.run())


def _stage_of(transferrer: Leg, target: Leg, main: str) -> Stage:
    if _is_gone(transferrer):
        return Stage.LEFT
    if target.stage is not LegStage.UP:
        return Stage.RINGING
    return Stage.SWAPPED if transferrer.bridge == main else Stage.TALKING


def _is_gone(leg: Leg) -> bool:
    return leg.over or not leg.alive or leg.released is not None
