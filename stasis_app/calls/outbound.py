"""Dialling a party: an employee's desk phone, or an outside number through one trunk after another.

A trunk that can't place the call is no answer of the party's: the next one is tried, in the same call and in what is
left of the ring time. Once the party has been reached (his phone rings, or his side sends sound) or has given an answer
of his own (busy, declined, no such number), no other trunk is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone, LinkDown, ServerFailed, TimedOut
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NO_ROUTE, NORMAL, is_of_the_trunk
from stasis_app.calls.control import caller_id
from stasis_app.calls.entry import leg_args
from stasis_app.calls.facts import Direction, Party, PartyKind, Unanswered
from stasis_app.calls.going_outside import tell_outside
from stasis_app.calls.number_plan import Attempt
from stasis_app.calls.routing import new_leg
from stasis_app.calls.state import LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# A new channel enters the application within milliseconds; this much later we stop waiting for it.
_SOON = 2.0
# With less of the ring time left than this, another trunk is not worth asking.
_TOO_LITTLE = 1.0


class Way:
    """How a party of a ring is reached: leg after leg, one at a time, the last of them being `leg`.

    Args:
        call: the call.
        target: whom to ring.
        deadline: when the ring time is over, by the loop's clock.
        early_media: bring the caller together with the leg at once, so that he hears the far side's own tones.
        by: the employee who calls the party for himself, instead of the caller.
    """

    def __init__(
        self, call: Call, target: Target, deadline: float, *, early_media: bool, by: Party | None = None
    ) -> None:
        self.party = target.party
        self.stopped = False
        self.unheard = False  # the link failed: nobody knows whether the phone was rung
        self._call = call
        self._target = target
        self._deadline = deadline
        self._early_media = early_media
        self._by = by
        tell_outside(call, target, by)
        self._ahead = list(attempts_for(call, target, by))
        self._begin()

    @property
    def over(self) -> bool:
        """Whether nothing more is to come of this party."""
        return self._call.leg(self.leg).over and not self._goes_on

    async def go(self) -> None:
        """Dial, and dial the next attempt when a trunk has failed."""
        if not self._ahead:
            self._call.log.warning("No trunk serves the number {}", self._target.outside_number)
            self._call.intend(i.DialFailed(i.now(), self.leg, NO_ROUTE))
            return
        while True:
            attempt = self._ahead.pop(0)
            await self._dial(attempt)
            if not self._ahead:
                return
            await self._wait_for_sign_of_life()
            await self._call.until(lambda: self._call.leg(self.leg).over)
            if not self._goes_on:
                return
            self._call.log.warning(
                "Trunk {} could not place the call ({}): trunk {} is tried",
                attempt.trunk,
                self._what_went_wrong(),
                self._ahead[0].trunk,
            )
            self._begin()

    def _begin(self) -> None:
        self.leg = new_leg(self._call.id)
        self._call.expect(self.leg, self.party)

    @property
    def _goes_on(self) -> bool:
        """Whether the leg ended only for its trunk's sake and there is another one."""
        leg = self._call.leg(self.leg)
        if self.stopped or not self._ahead or leg.reached or leg.sent_on or self._left < _TOO_LITTLE:
            return False
        return leg.released is Unanswered.UNREACHABLE or (
            leg.released is None and is_of_the_trunk(leg.cause, leg.tech_cause)
        )

    @property
    def _left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    def _what_went_wrong(self) -> str:
        leg = self._call.leg(self.leg)
        if leg.released:
            return f"silent for {self._call.options.trunk_patience:g} s"
        return f"SIP {leg.tech_cause}" if leg.tech_cause else f"cause {leg.cause}"

    async def _wait_for_sign_of_life(self) -> None:
        """A trunk that says nothing at all is given up, if that leaves the next one enough time."""
        call, leg = self._call, self.leg
        patience = call.options.trunk_patience
        if self._left - patience < _TOO_LITTLE:
            return

        def alive() -> bool:
            state = call.leg(leg)
            return state.reached or state.over or state.stage is LegStage.UP or state.released is not None

        if not await call.until(alive, patience) and not self.stopped:
            await call.release(leg, Unanswered.UNREACHABLE)

    async def _dial(self, attempt: Attempt) -> None:
        try:
            if self._early_media:
                await self._create_and_dial(attempt)
            else:
                await self._originate(attempt)
        except AriError as error:
            await self._not_created(error)
        unwanted = self._call.leg(self.leg)
        if not unwanted.elsewhere and (self._call.state.ended or unwanted.released or not unwanted.alive):
            # Somebody else answered, or the call ended, while this leg was being set up.
            await self._call.control.hang_up(self.leg, NORMAL)

    async def _originate(self, attempt: Attempt) -> None:
        call = self._call
        await call.control.originate(
            self.leg,
            attempt.endpoint,
            appArgs=self._args,
            callerId=_shown(attempt) or caller_id(self._by or self._who_calls),
            timeout=self._seconds,
            originator=call.state.anchor_leg,
        )

    async def _create_and_dial(self, attempt: Attempt) -> None:
        call, leg = self._call, self.leg
        caller = call.state.anchor_leg
        await asyncio.gather(
            call.bridge_ready(),
            call.control.create(leg, attempt.endpoint, appArgs=self._args, originator=caller),
        )
        await call.until(lambda: call.leg(leg).in_stasis or call.leg(leg).over, _SOON)
        # After a trunk that failed the caller is there already.
        newcomers = [leg] if call.state.anchor.bridge == call.bridge else [caller, leg]
        await call.control.add_to_bridge(call.bridge, *newcomers)
        shown = _shown(attempt)
        if shown:
            await call.control.show_caller(leg, shown)
        await call.control.dial(leg, caller="" if shown else caller, seconds=self._seconds)

    @property
    def _who_calls(self) -> Party:
        """Who stands on a colleague's display: whom he is to talk with, also when an employee placed the call."""
        call = self._call
        return call.record.placed_by if self._target.outside_number else call.state.anchor.party

    @property
    def _args(self) -> str:
        return leg_args(self._call.id, self.party, outside=bool(self._target.outside_number))

    @property
    def _seconds(self) -> int:
        return max(1, round(self._left))

    async def _not_created(self, error: AriError) -> None:
        call = self._call
        if not isinstance(error, Gone):
            call.log.info("{} {} can't be called: {}", self.party.kind, self.party.number, error)
        self.unheard = isinstance(error, LinkDown | TimedOut)
        call.intend(i.DialFailed(i.now(), self.leg))
        if not isinstance(error, ServerFailed):
            # The leg may exist all the same: the reply was lost, or a later step failed.
            await call.control.hang_up(self.leg, NORMAL)


def attempts_for(call: Call, target: Target, by: Party | None = None) -> Sequence[Attempt]:
    """The ways to dial a target in this call, the best first; `by` is who calls him, if it is not the caller."""
    if not target.outside_number:
        return [Attempt("", call.options.endpoint.format(extension=target.party.number), target.party.number)]
    record = call.record
    trunks = call.options.trunks
    if by is not None:
        return trunks.attempts(target.outside_number, extension=by.number)
    sent_on = record.direction is Direction.INBOUND
    return trunks.attempts(
        target.outside_number,
        line=record.chosen_line,
        extension="" if sent_on else record.placed_by.number,
        caller_id=record.caller_id,
        sent_on=sent_on,
    )


def _shown(attempt: Attempt) -> str:
    return caller_id(Party(PartyKind.CUSTOMER, attempt.caller_id)) if attempt.caller_id else ""
