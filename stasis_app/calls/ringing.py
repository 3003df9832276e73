"""Ringing parties and connecting the one who answers first.

Several may answer in the same instant; the first whose answer arrives talks, the others are released at once with the
cause "answered elsewhere", so that their phones show no missed call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone, LinkDown, Rejected, ServerFailed, TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.causes import ANSWERED_ELSEWHERE, NORMAL
from stasis_app.calls.facts import Direction, Party, Unanswered
from stasis_app.calls.outbound import Way
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.verbs import RingResult, Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Asterisk itself ends a leg when its ring time is over; this much later we stop believing that it will.
_GRACE = 2.0
# Seconds until a link that went dead without a word is noticed and there again, and those between two looks.
_UNNOTICED, _LOOK_AGAIN = 15.0, 1.0
# When Asterisk itself has a ringing phone picked up, its leg may end a few ms before the other one arrives, on a busy
# machine more.
PICKUP = 0.5


async def ring_in_turn(call: Call, targets: Sequence[Target], seconds: float) -> RingResult:
    """Ring one party after another, each for `seconds`."""
    tried: tuple[tuple[Party, Unanswered], ...] = ()
    for target in targets:
        result = await ring_all(call, [target], seconds)
        tried += result.tried
        if result.answered_by:
            return RingResult(result.answered_by, tried)
    return RingResult(None, tried)


async def ring_all(
    call: Call,
    targets: Sequence[Target],
    seconds: float,
    on_hold: Callable[[], Awaitable[None]] | None = None,
    *,
    sent_on: bool = True,
) -> RingResult:
    """Ring all parties together for `seconds` and connect the first who answers.

    With `on_hold` the caller goes on hearing what he hears; it is called before he is connected. Without `sent_on` no
    phone may send the call on to another number.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    before, gaps = frozenset(call.state.legs), call.gaps
    # Somebody dialling out hears the far end's own tones; with several parties ringing there is no one far end. The
    # customer he gave the call to somebody else for did not dial, nor did who was transferred to an outside number.
    dialled_outside = call.record.direction is Direction.OUTBOUND and call.record.went_outside is None
    dials = dialled_outside and call.state.anchor_leg == call.state.caller_leg
    early = dials and len(targets) == 1 and on_hold is None
    ways = [Way(call, target, deadline, early_media=early) for target in targets]
    if not sent_on:
        call.followed |= dict.fromkeys(way.leg for way in ways)
    for way in ways:
        call.spawn(way.go())
    if on_hold is not None:
        call.spawn(call.bridge_ready())
    elif not early:
        call.spawn(_let_caller_hear_ringing(call, ways))
    connected = ""
    try:
        while (winner := await _next_answer(call, ways, before, deadline + _GRACE)) is not None:
            losers = [way for way in ways if way.leg != winner]
            releasing = asyncio.gather(*(_release(call, way, Unanswered.ANSWERED_ELSEWHERE) for way in losers))
            others = [leg for leg in _besides(call, ways, before) if leg != winner]
            if on_hold is not None:
                await on_hold()
            connected = winner if await connect(call, winner) else ""
            await asyncio.gather(releasing, *(call.release(leg, Unanswered.ANSWERED_ELSEWHERE) for leg in others))
            if connected:
                return RingResult(call.leg(winner).party, _tried(call, losers), _instead_of(call, winner))
        await asyncio.gather(*(_release(call, way, Unanswered.NO_ANSWER) for way in ways))
    finally:
        # However this ends (a script's own time limit, a lost link), no phone rings on for nobody.
        for way in ways:
            way.stopped = True
            call.followed.setdefault(way.leg, None)  # should its phone have sent the call on, that comes too late
            if way.leg != connected and call.leg(way.leg).alive and call.leg(way.leg).released is None:
                call.spawn(_release(call, way, Unanswered.CANCELLED))
        for leg in _besides(call, ways, before):
            if leg != connected:
                call.spawn(call.release(leg, Unanswered.CANCELLED))
        call.wake()  # whoever waits for a ring that never came
    if not early and on_hold is None and call.state.anchor.stage is LegStage.UP:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
    lost = [target for way, target in zip(ways, targets, strict=True) if _is_lost(call, way)]
    if lost and await _was_the_link(call, gaps, unheard=any(way.unheard for way in ways)):
        call.log.info("The link failed while {} rang: again", ", ".join(target.party.number for target in lost))
        again = await ring_all(call, lost, seconds, on_hold, sent_on=sent_on)
        refused = [way for way in ways if not _is_lost(call, way)]
        return replace(again, tried=(*_tried(call, refused), *again.tried))
    return RingResult(None, _tried(call, ways))


def _is_lost(call: Call, way: Way) -> bool:
    """Whether nobody knows what became of a leg: it was gone after a gap, or the request for it got no answer."""
    leg = call.leg(way.leg)
    without_a_word = leg.released is None and not leg.cause and not leg.tech_cause and not leg.sent_on
    return way.unheard or (leg.over and without_a_word)


async def _was_the_link(call: Call, gaps: int, *, unheard: bool) -> bool:
    """Whether the link to Asterisk was lost meanwhile; after a request without an answer that shows a little later.

    An answer at a phone whose application is not connected ends its leg at once: that is no answer of anybody's. A link
    may also stand still for a while and go on as if nothing had been; only the requests given up meanwhile tell.
    """
    until = asyncio.get_running_loop().time() + _UNNOTICED
    while unheard and call.gaps == gaps and asyncio.get_running_loop().time() < until:
        if await _asterisk_answers(call):
            return True
        await call.until(lambda: call.gaps > gaps, _LOOK_AGAIN)
    return call.gaps > gaps


async def _asterisk_answers(call: Call) -> bool:
    try:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
    except (LinkDown, TimedOut):
        return False
    except (Rejected, ServerFailed):
        pass  # that is an answer, too
    return True


async def _let_caller_hear_ringing(call: Call, ways: Sequence[Way]) -> None:
    def rings() -> bool:
        return any(call.leg(way.leg).stage is LegStage.RINGING for way in ways)

    await call.until(lambda: rings() or all(way.over or way.stopped for way in ways))
    if not rings():
        return
    await call.asking_caller(call.control.ring(call.state.anchor_leg))
    # Made now, so that it need not be made between an answer and the first word.
    await call.bridge_ready()


async def _next_answer(call: Call, ways: Sequence[Way], before: frozenset[str], deadline: float) -> str | None:
    """The leg that answered first; None when all have ended or the time is over. `before`: the legs there were."""

    def answered() -> str | None:
        # Not only the legs rung here: somebody may pick up a colleague's ringing phone.
        ready = (leg for leg in call.state.others if _ready(leg) and leg.id not in before)
        return next((leg.id for leg in ready), None)

    def settled() -> bool:
        over = all(way.over for way in ways) and not _besides(call, ways, before)
        return answered() is not None or (over and not any(_sent_on(call, way.leg) for way in ways))

    await call.until(settled, max(0.0, deadline - asyncio.get_running_loop().time()))
    if answered() is None and any(taken_away(call.leg(way.leg)) for way in ways):
        await call.until(lambda: answered() is not None, PICKUP)
    return answered()


def _besides(call: Call, ways: Sequence[Way], before: frozenset[str]) -> list[str]:
    """The legs that came since beside those rung: whom their phones sent the call on to, who came to pick it up."""
    rung = {way.leg for way in ways}
    return [
        leg.id for leg in call.state.others if leg.id not in before | rung and not leg.over and leg.released is None
    ]


def _sent_on(call: Call, leg: str) -> bool:
    """Whether a phone sent the call on to another (SIP 3xx) that nobody rings yet: Asterisk sees to it by itself."""
    return call.leg(leg).sent_on and leg not in call.followed


def _instead_of(call: Call, leg: str) -> Party | None:
    """Whose phone had sent the call on to this leg."""
    senders = (sender for sender, way in call.followed.items() if way is not None and way.leg == leg)
    return next((call.leg(sender).party for sender in senders), None)


async def follow_phone(call: Call, leg: str, to: Target, seconds: float = 20.0) -> None:
    """The phone of a leg sent the call on: ring whom it named, in its place."""
    way = call.followed[leg] = Way(call, to, asyncio.get_running_loop().time() + seconds, early_media=False)
    extension, number = call.leg(leg).party.number, to.outside_number or to.party.number
    call.note(f.Forwarded(call_id=call.id, at=i.now(), extension=extension, to=number, why="by the phone"))
    await way.go()


def _ready(leg: Leg) -> bool:
    return leg.stage is LegStage.UP and leg.in_stasis and not leg.over and not leg.released


def taken_away(leg: Leg) -> bool:
    """Whether a phone stopped ringing though neither it nor we ended it: it was picked up elsewhere.

    Asterisk's `Pickup()` and `PickupChan()` end it with either of these causes (both seen on 22.10.1).
    """
    return leg.over and leg.released is None and leg.cause in (NORMAL, ANSWERED_ELSEWHERE) and leg.tech_cause is None


async def connect(call: Call, leg: str) -> bool:
    """Bring caller and leg together, or the leg to those who are with him.

    False when the leg is gone already; the caller's end raises `CallGone`.
    """
    try:
        if call.leg(leg).bridge:
            await call.answer()
        else:
            await asyncio.gather(call.bridge_ready(), _prepare(call))
            caller = call.state.anchor
            newcomers = [leg] if caller.bridge == call.bridge else [caller.id, leg]
            await call.control.add_to_bridge(call.bridge, *newcomers)
        # The reply may overtake the event that both are in.
        await call.until(lambda: call.leg(leg).bridge or not call.leg(leg).alive, _GRACE)
    except Gone:
        # One of the two is gone; the events that are on their way tell which.
        await call.until(lambda: not call.leg(leg).alive, 2)
        await call.release(leg, Unanswered.CANCELLED)
        return False
    return True


async def _prepare(call: Call) -> None:
    """Answer the caller, or take away the ringing tone he hears."""
    if call.state.anchor.stage is LegStage.UP:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
    else:
        await call.answer()


async def _release(call: Call, way: Way, why: Unanswered) -> None:
    way.stopped = True
    if call.leg(way.leg).alive:
        await call.release(way.leg, why)


def _tried(call: Call, ways: Sequence[Way]) -> tuple[tuple[Party, Unanswered], ...]:
    """What came of the last leg to each; one whose end has not been told yet ended as we wished."""
    reasons = {ring.leg: ring.why for ring in call.record.rings}
    return tuple(
        (way.party, reasons.get(way.leg) or call.leg(way.leg).released or Unanswered.NO_ANSWER) for way in ways
    )
