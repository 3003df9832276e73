"""Ringing parties and connecting the one who answers first.

Several may answer in the same instant; the first whose answer arrives talks, the others are released at once with the
cause "answered elsewhere", so that their phones show no missed call.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone, ServerFailed
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.control import caller_id
from stasis_app.calls.entry import leg_args
from stasis_app.calls.facts import Direction, Party, PartyKind, Unanswered
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.verbs import RingResult, Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Asterisk itself ends a leg when its ring time is over; this much later we stop believing that it will.
_GRACE = 2.0
# When a ringing phone is picked up elsewhere, its own leg ends a few ms before the other one arrives.
_PICKUP = 0.15


async def ring_in_turn(call: Call, targets: Sequence[Target], seconds: float) -> RingResult:
    """Ring one party after another, each for `seconds`."""
    tried: tuple[tuple[Party, Unanswered], ...] = ()
    for target in targets:
        result = await ring_all(call, [target], seconds)
        tried += result.tried
        if result.answered_by:
            return RingResult(result.answered_by, tried)
    return RingResult(None, tried)


async def ring_all(call: Call, targets: Sequence[Target], seconds: float) -> RingResult:
    """Ring all parties together for `seconds` and connect the first who answers."""
    legs = {f"{call.id}-{secrets.token_hex(4)}": target.party for target in targets}
    before = frozenset(call.state.legs)
    for leg, party in legs.items():
        call.expect(leg, party)
    # Somebody dialling out hears the far end's own tones; with several parties ringing there is no one far end.
    early = call.record.direction is Direction.OUTBOUND and len(legs) == 1
    dial = _dial_with_early_media if early else _dial
    for leg, party in legs.items():
        call.spawn(dial(call, leg, party, seconds))
    if not early:
        call.spawn(_let_caller_hear_ringing(call, legs))
    connected = ""
    try:
        deadline = asyncio.get_running_loop().time() + seconds + _GRACE
        while (winner := await _next_answer(call, legs, before, deadline)) is not None:
            losers = [leg for leg in legs if leg != winner]
            releasing = asyncio.gather(*(_release(call, leg, Unanswered.ANSWERED_ELSEWHERE) for leg in losers))
            connected = winner if await _connect(call, winner) else ""
            await releasing
            if connected:
                return RingResult(call.leg(winner).party, _tried(call, losers))
        await asyncio.gather(*(_release(call, leg, Unanswered.NO_ANSWER) for leg in legs))
    finally:
        # However this ends (a script's own time limit, a lost link), no phone rings on for nobody.
        for leg in legs:
            if leg != connected and call.leg(leg).alive and call.leg(leg).released is None:
                call.spawn(_release(call, leg, Unanswered.CANCELLED))
    if not early and call.state.anchor.stage is LegStage.UP:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
    return RingResult(None, _tried(call, list(legs)))


async def _dial(call: Call, leg: str, party: Party, seconds: float) -> None:
    try:
        await call.control.originate(
            leg,
            endpoint_of(call, party),
            appArgs=leg_args(call.id, party),
            callerId=caller_id(call.record.caller),
            timeout=max(1, round(seconds)),
            originator=call.state.anchor_leg,
        )
    except AriError as error:
        await _not_created(call, leg, party, error)
    await _end_if_unwanted(call, leg)


async def _dial_with_early_media(call: Call, leg: str, party: Party, seconds: float) -> None:
    caller = call.state.anchor_leg
    try:
        await asyncio.gather(
            call.bridge_ready(),
            call.control.create(
                leg,
                endpoint_of(call, party),
                appArgs=leg_args(call.id, party),
                originator=caller,
            ),
        )
        await call.until(lambda: call.leg(leg).in_stasis or call.leg(leg).over, _GRACE)
        await call.control.add_to_bridge(call.bridge, caller, leg)
        await call.control.dial(leg, caller=caller, seconds=max(1, round(seconds)))
    except AriError as error:
        await _not_created(call, leg, party, error)
    await _end_if_unwanted(call, leg)


async def _not_created(call: Call, leg: str, party: Party, error: AriError) -> None:
    if not isinstance(error, Gone):
        call.log.info("{} {} can't be called: {}", party.kind, party.number, error)
    call.intend(i.DialFailed(i.now(), leg))
    if not isinstance(error, ServerFailed):
        # The leg may exist all the same: the reply was lost, or a later step failed.
        await call.control.hang_up(leg, NORMAL)


async def _end_if_unwanted(call: Call, leg: str) -> None:
    """Somebody else answered, or the call ended, while this leg was being set up."""
    unwanted = call.leg(leg)
    if call.state.ended or unwanted.released or not unwanted.alive:
        await call.control.hang_up(leg, NORMAL)


async def _let_caller_hear_ringing(call: Call, legs: dict[str, Party]) -> None:
    def rings() -> bool:
        return any(call.leg(leg).stage is LegStage.RINGING for leg in legs)

    await call.until(lambda: rings() or all(call.leg(leg).over for leg in legs))
    if not rings():
        return
    await call.asking_caller(call.control.ring(call.state.anchor_leg))
    # Made now, so that it need not be made between an answer and the first word.
    await call.bridge_ready()


async def _next_answer(call: Call, legs: dict[str, Party], before: frozenset[str], deadline: float) -> str | None:
    """The leg that answered first; None when all have ended or the time is over. `before`: the legs there were."""

    def answered() -> str | None:
        # Not only the legs rung here: somebody may pick up a colleague's ringing phone.
        ready = (leg for leg in call.state.others if _ready(leg) and leg.id not in before)
        return next((leg.id for leg in ready), None)

    def settled() -> bool:
        return answered() is not None or all(call.leg(leg).over for leg in legs)

    await call.until(settled, max(0.0, deadline - asyncio.get_running_loop().time()))
    if answered() is None and any(_taken_away(call.leg(leg)) for leg in legs):
        await call.until(lambda: answered() is not None, _PICKUP)
    return answered()


def _ready(leg: Leg) -> bool:
    return leg.stage is LegStage.UP and leg.in_stasis and not leg.over and not leg.released


def _taken_away(leg: Leg) -> bool:
    """Whether a phone stopped ringing though neither it nor we ended it: it was picked up elsewhere."""
    return leg.over and leg.released is None and leg.cause == NORMAL and leg.tech_cause is None


async def _connect(call: Call, leg: str) -> bool:
    """Bring caller and leg together. False when the leg is gone already; the caller's end raises `CallGone`."""
    caller = call.state.anchor
    try:
        if call.leg(leg).bridge:
            await call.answer()
        else:
            await asyncio.gather(call.bridge_ready(), _prepare(call))
            await call.control.add_to_bridge(call.bridge, caller.id, leg)
        # The reply may overtake the event that both are in.
        await call.until(lambda: call.leg(leg).bridge or not call.leg(leg).alive, _GRACE)
    except Gone:
        # One of the two is gone; the events that are on their way tell which.
        await call.until(lambda: not call.leg(leg).alive, 2)
        await call.release(leg, Unanswered.CANCELLED)
        return False
    call.start_recording()
    return True


async def _prepare(call: Call) -> None:
    """Answer the caller, or take away the ringing tone he hears."""
    if call.state.anchor.stage is LegStage.UP:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
    else:
        await call.answer()


async def _release(call: Call, leg: str, why: Unanswered) -> None:
    if call.leg(leg).alive:
        await call.release(leg, why)


def _tried(call: Call, legs: list[str]) -> tuple[tuple[Party, Unanswered], ...]:
    """What came of each leg; one whose end has not been told yet ended as we wished."""
    reasons = {ring.leg: ring.why for ring in call.record.rings}
    return tuple(
        (call.leg(leg).party, reasons.get(leg) or call.leg(leg).released or Unanswered.NO_ANSWER) for leg in legs
    )


def endpoint_of(call: Call, party: Party) -> str:
    """The dial string of a party."""
    if party.kind is PartyKind.EMPLOYEE:
        return call.options.endpoint.format(extension=party.number)
    return call.options.trunk.format(number=party.number)
