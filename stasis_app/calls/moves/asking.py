"""Whom a transferrer asks is rung: by one trunk after another, and wherever he forwards his calls to.

One leg at a time is rung for him; which one it is now stands in the call's story, so that a restart finds it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, Unanswered
from stasis_app.calls.moves.blind import destinations_of
from stasis_app.calls.outbound import Way
from stasis_app.calls.routing import new_leg
from stasis_app.calls.state import LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Asterisk itself ends a leg when its ring time is over; this much later, in seconds, we stop believing that it will.
_GRACE = 2.0
# Whom a phone sent the call on to (SIP 302) is rung in the same moment.
_SENT_ON = 2.0


class Asking:
    """The ringing of an attended transfer.

    Args:
        call: the call.
        by: who transfers; the one who is asked sees him calling, without him whoever is transferred.
        leg: the leg that is rung already, when the ringing is taken up after a restart.
    """

    def __init__(self, call: Call, by: Party | None, leg: str = "") -> None:
        self.leg = leg
        self._call = call
        self._by = by
        self._way: Way | None = None
        self._goes_on = not leg

    @property
    def answered(self) -> bool:
        """Whether somebody has answered."""
        leg = self._call.state.legs.get(self.leg)
        return leg is not None and leg.stage is LegStage.UP and leg.in_stasis

    @property
    def over(self) -> bool:
        """Whether it came to nothing: nobody is rung, and nobody else will be."""
        leg = self._call.state.legs.get(self.leg)
        return not self._goes_on and (leg is None or leg.over or not leg.alive or leg.released is not None)

    def stop(self) -> None:
        """Nobody else is to be rung."""
        self._goes_on = False
        if self._way is not None:
            self._way.stopped = True

    async def go(self, party: Party, seconds: float) -> None:
        """Ring, each for `seconds`, until somebody answers or there is nobody left."""
        try:
            following = destinations_of(self._call).following(self._call, party)
            target = await following.next()
            if following.refused is not None:
                self._tell_refused(party, following.refused)
            while target is not None and self._goes_on:
                await self._ring(target, seconds)
                why = self._why_not
                if why is None or not self._goes_on:
                    return
                target = await following.next(why)
        finally:
            self._goes_on = False
            self._call.wake()

    def _tell_refused(self, party: Party, why: Unanswered) -> None:
        """His phone is not even rung: in the call's story it stands as an attempt that came to nothing."""
        self.leg = new_leg(self._call.id)
        self._call.expect(self.leg, party)
        self._call.intend(i.Releasing(i.now(), self.leg, why))
        self._call.intend(i.DialFailed(i.now(), self.leg))

    async def _ring(self, target: Target, seconds: float) -> None:
        call = self._call
        way = Way(call, target, asyncio.get_running_loop().time() + seconds, early_media=False, by=self._by)
        call.spawn(way.go())
        await self._see(way, seconds)
        if call.leg(way.leg).sent_on:
            instead = await call.until(lambda: call.followed.get(way.leg), _SENT_ON)
            if instead is not None:
                await self._see(instead, seconds)

    async def _see(self, way: Way, seconds: float) -> None:
        """Wait until this way has led to an answer or to an end."""
        call, self._way = self._call, way
        deadline = asyncio.get_running_loop().time() + seconds + _GRACE
        while not way.over and not self.answered:
            if self.leg != way.leg:
                self.leg = way.leg
                call.note(f.Consulting(call_id=call.id, at=i.now(), leg=way.leg))
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                way.stopped = True
                await call.release(way.leg, Unanswered.NO_ANSWER)
                return
            await call.until(lambda: way.over or self.answered or self.leg != way.leg, left)

    @property
    def _why_not(self) -> Unanswered | None:
        """Why the last one rung did not answer; None when he did."""
        ring = next((ring for ring in self._call.record.rings if ring.leg == self.leg), None)
        if ring is None:
            return Unanswered.UNREACHABLE
        return None if ring.answered_at else ring.why or Unanswered.NO_ANSWER
