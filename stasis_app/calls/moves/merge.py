"""An attended transfer by a phone: it has two calls, and who it talks to in one goes over to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Direction, TransferKind, TransferResult, Unanswered
from stasis_app.calls.moves.blind import find_destination, stay_with_the_other
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.moves.refusal import ImpossibleMove
from stasis_app.calls.moves.transfer_story import tell_ended, tell_started
from stasis_app.calls.record import CallRecord
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.steps import be_remembered, try_to

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Seconds between an answer and the two being together, at most.
_CONNECTING = 1.0


async def merge(
    first: Call, first_leg: str, second: Call, second_leg: str, tell: Callable[[], Awaitable[None]] | None = None
) -> bool:
    """Bring the other parties of both calls together in the one a customer is in; the phone's two legs end.

    Of two calls with customers the first goes on: it is the one the phone transferred. A colleague whose phone still
    rings in the second call is rung for the first. False when the second call has nobody to go over.
    `tell` tells the phone that its transfer went through; its legs end no sooner than that.
    """
    if first.record.direction is Direction.INTERNAL and second.record.direction is not Direction.INTERNAL:
        first, first_leg, second, second_leg = second, second_leg, first, first_leg
    await second.wait(lambda: not _is_connecting(second, second_leg), _CONNECTING)
    moved = _joined(second, second_leg)
    if not moved:
        return await _ring_for_the_first(first, first_leg, second, tell)
    with first.moving(), second.moving():
        stay_with_the_other(first, first_leg)
        tell_started(first, first_leg, TransferKind.ATTENDED, moved[0].party.number, moved[0].id)
        for leg in moved:
            second.intend(i.Dismissing(i.now(), leg.id))
            first.take_over(leg.id, leg.party)
        try:
            await first.bridge_ready()
            # Who is there already stays: taken out and put in again he would hear the transferrer's hold anew.
            together = (first.state.anchor, *moved)
            missing = [leg.id for leg in together if first.leg(leg.id).bridge != first.bridge]
            await first.control.add_to_bridge(first.bridge, *missing)
            await first.until(lambda: any(first.leg(leg.id).joined for leg in moved), 1)
        except Gone:
            # Whoever is gone shows in the events; the others are together or end with the call.
            await asyncio.sleep(0)
        tell_ended(first, TransferResult.COMPLETED, moved[0].party)
        # The phone hangs up as soon as it is told. Killed in that moment, the service would find the customer with
        # somebody it knows nothing of, and take the conversation for ended.
        await be_remembered(first)
        if tell is not None:
            await tell()
        await asyncio.gather(first.release(first_leg, Unanswered.CANCELLED), second.hang_up())
        for party in (first.state.anchor, *moved):
            # The phone held one or both of them, and Asterisk does not end the music when who holds leaves.
            await try_to(first.control.stop_music(party.id), first.log)
    return True


def _is_connecting(call: Call, leg: str) -> bool:
    """Whether somebody has answered who is just being brought together with the party of this leg."""
    if call.state.ended or call.record.transfer_now is not None or call.record.parked is not None:
        return False
    others = (other for other in _others(call, leg) if other.released is None)
    return any(other.stage is LegStage.UP and other.in_stasis and not other.bridge for other in others)


def _others(call: Call, leg: str) -> list[Leg]:
    return [other for other in call.state.legs.values() if other.id != leg and other.alive]


def _joined(call: Call, leg: str) -> list[Leg]:
    return [other for other in _others(call, leg) if other.joined]


async def _ring_for_the_first(
    first: Call, first_leg: str, second: Call, tell: Callable[[], Awaitable[None]] | None
) -> bool:
    destination = await find_destination(first, _where_it_waits(second.record))
    if destination is None:
        return False
    try:
        given_away = give_away(first, first_leg, destination)
    except ImpossibleMove as error:
        first.log.info("A phone's transfer to {} is not possible: {}", destination.name, error)
        return False
    with first.moving():
        if tell is not None:
            await tell()
        await second.hang_up()  # first, so that the slot it may be parked in is free
        await given_away
    return True


def _where_it_waits(second: CallRecord) -> str:
    """Where the call is in which nobody talks: somebody may have parked it, or given it away himself."""
    if second.parked is not None:
        return second.parked.slot
    return second.transfer_now.to if second.transfer_now is not None else second.dialled
