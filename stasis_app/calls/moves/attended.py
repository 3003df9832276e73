"""Attended transfer: the customer waits with music while the transferrer asks somebody else, and then they decide.

What follows from what stands in `consultation.TABLE`; here it is brought about.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone, LinkDown, SteppedBack
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.facts import Party, TransferResult, Unanswered
from stasis_app.calls.hanging_up import end_channel
from stasis_app.calls.moves.asking import Asking
from stasis_app.calls.moves.blind import come_back, live_for_the_customer, take_out
from stasis_app.calls.moves.consultation import Do, Happening, Next, Stage, follows
from stasis_app.calls.moves.holding import end_hold, let_wait
from stasis_app.calls.moves.refusal import others_with
from stasis_app.calls.moves.transfer_story import tell_ended
from stasis_app.calls.routing import bridge_of_call
from stasis_app.calls.steps import try_to
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# How long the target's phone rings, in seconds.
RING_SECONDS = 30.0
# What brings people together: it is tried so often, after so many seconds; or when the link is back, should that be it.
_JOINS = frozenset({Do.CONSULT, Do.RETURN, Do.GIVE, Do.GATHER})
_TRIES, _AGAIN, _LINK_BACK = 2, 1.0, 60.0


class Consultation:
    """One attended transfer of one call.

    Args:
        call: the call.
        transferrer: the leg of who transfers; it may be gone.
        by: who that is.
        asking: the ringing of who is asked.
        stage: where it stands, when it is taken up after a restart.
    """

    def __init__(self, call: Call, transferrer: str, by: Party, asking: Asking, stage: Stage = Stage.RINGING) -> None:
        self.stage = stage
        self._by = by
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
            over = False
            while not over:
                over = await self._follow(await self._next())
            if self._call.state.ended:
                await self._let_go()
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
        asking = self._asking
        waits = self.stage in (Stage.RINGING, Stage.LEFT)
        seen: list[Happening] = []
        if self._call.state.ended:
            seen.append(Happening.CUSTOMER_LEAVES)
        if is_gone(self._call, self._transferrer):
            seen.append(Happening.TRANSFERRER_LEAVES)
        if waits and asking.over:
            seen.append(Happening.TARGET_FAILS)
        elif not waits and is_gone(self._call, self._target):
            seen.append(Happening.TARGET_LEAVES)
        if waits and asking.answered:
            seen.append(Happening.TARGET_ANSWERS)
        seen += list(self._orders)[:1]
        possible = [one for one in seen if follows(self.stage, one) is not None]
        return possible[0] if possible else (self._orders[0] if self._orders else None)

    async def _follow(self, following: Next) -> bool:
        """Bring about what follows; whether the transfer is over."""
        self.stage = following.stage or self.stage
        joining, rest = _divided(following.do)
        for one in joining:
            if not await self._brought_about(one):
                await self._mend(one)
                return True
        if following.result is not None and Do.BRING_BACK not in following.do:
            # Now it is true; and what is done next may be the end of the call.
            self._tell(following.result)
        for one in rest:
            await self._brought_about(one)
        return following.result is not None

    def _tell(self, result: TransferResult) -> None:
        taken = result in (TransferResult.COMPLETED, TransferResult.CONFERENCE)
        tell_ended(self._call, result, self._call.leg(self._target).party if taken else None)

    # What can't be done

    async def _brought_about(self, one: Do) -> bool:
        """Do it, what brings people together twice if need be. False when they are not together all the same."""
        call, tries = self._call, _TRIES if one in _JOINS else 1
        for left in reversed(range(tries)):
            gaps = call.gaps
            try:
                await self._doing[one]()
                break
            except (Gone, CallGone):
                break  # who of them is gone shows in the events
            except SteppedBack:
                raise
            except AriError as error:
                call.log.warning("A transfer can't {}{}: {}", one, ", it is tried again" if left else "", error)
                if left:
                    await self._try_again_later(gaps, error)
        return one not in _JOINS or self._stands(one)

    async def _try_again_later(self, gaps: int, error: AriError) -> None:
        """Wait a moment; without a link, until there is one: `gaps` is how often it had failed before."""
        link_is_away = isinstance(error, LinkDown)
        await self._call.wait(lambda: self._call.gaps > gaps, _LINK_BACK if link_is_away else _AGAIN)

    def _stands(self, one: Do) -> bool:
        """Whether those who were to talk can, or somebody is gone whose leaving is what happens next."""
        call, both = self._call, (self._transferrer, self._target)
        match one:
            case Do.CONSULT:
                return any(is_gone(call, leg) for leg in both) or _are_in(call, both, self._bridge)
            case Do.GIVE:
                legs: tuple[str, ...] = (self._target,)
            case Do.GATHER:
                # One of the two is company enough.
                legs = tuple(leg for leg in both if not is_gone(call, leg)) or both
            case _:
                legs = (self._transferrer,)
        return call.state.ended or _are_in(call, (call.state.anchor_leg, *legs), call.bridge)

    async def _mend(self, failed: Do) -> None:
        """Nobody may stay in silence: the customer is back with the transferrer, or led there anew."""
        call = self._call
        await self._release_target()
        there = not is_gone(call, self._transferrer)
        if there and failed is not Do.RETURN and await self._brought_about(Do.RETURN):
            self._tell(TransferResult.CANCELLED)
            return
        await self._release(self._transferrer)
        if others_with(call.state, call.state.anchor):
            self._tell(TransferResult.CANCELLED)
        elif not call.state.ended:
            await self._bring_back()

    async def _let_go(self) -> None:
        """The call is over, and with it everybody's part in the transfer."""
        known = (self._call.state.legs.get(leg) for leg in (self._transferrer, self._target))
        alive = [leg.id for leg in known if leg is not None and leg.alive]
        await asyncio.gather(*(end_channel(self._call, leg, NORMAL) for leg in alive))

    # What is done

    async def _consult(self) -> None:
        control = self._call.control
        await control.make_bridge(self._bridge)
        await try_to(control.stop_ringing(self._transferrer), self._call.log)
        await try_to(control.stop_music(self._target), self._call.log)
        await control.add_to_bridge(self._bridge, self._transferrer, self._target)
        await self._call.wait(lambda: self._stands(Do.CONSULT), 1)

    async def _hold_customer(self) -> None:
        await try_to(take_out(self._call, self._call.leg(self._transferrer)), self._call.log)
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
        in_place = partial(_are_in, call, legs, call.bridge)
        await call.wait(lambda: call.state.ended or in_place() or any(is_gone(call, leg) for leg in legs), 1)

    async def _release(self, leg: str) -> None:
        if not is_gone(self._call, leg):
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
        """Whoever leads him back tells what came of it: until then a restart would take up the transfer again."""
        self._call.divert(partial(come_back, by=self._by))

    # How it begins

    async def begin(self, target: Party, seconds: float = RING_SECONDS) -> None:
        """Let the customer wait with music and ring the target. What comes of that shows in `run`."""
        call = self._call
        await try_to(end_hold(call, self._transferrer), call.log)
        await take_out(call, call.leg(self._transferrer))
        await try_to(let_wait(call), call.log)
        await try_to(call.control.ring(self._transferrer), call.log)
        call.spawn(self._asking.go(target, seconds))


def _are_in(call: Call, legs: Iterable[str], bridge: str) -> bool:
    known = [call.state.legs.get(leg) for leg in legs]
    return all(leg is not None and leg.bridge == bridge for leg in known)


def _divided(do: tuple[Do, ...]) -> tuple[tuple[Do, ...], tuple[Do, ...]]:
    """What is to be done until people are together, and after that."""
    together = max((number for number, one in enumerate(do, 1) if one in _JOINS), default=0)
    return do[:together], do[together:]


def is_gone(call: Call, leg_id: str) -> bool:
    """Whether nobody is at this leg any more."""
    leg = call.state.legs.get(leg_id)  # one that had ended before a restart is not known any more
    return leg is None or leg.over or not leg.alive or leg.released is not None
