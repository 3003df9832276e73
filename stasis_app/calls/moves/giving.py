"""A call is given away blindly; or one's place in it, where others go on talking.

Of two, the one who is left hears ringing and is led on. Of three, the two who stay go on talking while the phone of who
takes the third one's place rings, and he joins them when he answers.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from stasis_app.calls.facts import Party, PartyKind, TransferResult, Unanswered
from stasis_app.calls.hanging_up import release_later
from stasis_app.calls.moves.asking import Asking
from stasis_app.calls.moves.blind import begin, transfer_blind, transfer_to_nowhere
from stasis_app.calls.moves.conference import RING_SECONDS, bring_in
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.refusal import ImpossibleMove, refuse_a_second_transfer, refuse_who_is_there
from stasis_app.calls.moves.transfer_story import tell_ended
from stasis_app.calls.record import CallRecord, Transfer
from stasis_app.calls.steps import be_remembered

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


def give_away(call: Call, leg: str, destination: Destination, *, farewell: float = 0.0) -> Coroutine[Any, Any, None]:
    """Give the call of a leg away; that has begun when this returns, and what it returns sees it through.

    `farewell` is how many seconds the leg's phone has to hang up by itself before it is hung up.

    Raises:
        ImpossibleMove: a transfer is under way, or others talk on in the call and can't be led there.
    """
    refuse_a_second_transfer(call)
    if not _others_talk_on(call, leg):
        begin(call, leg, destination.name)
        return transfer_blind(call, leg, destination, farewell=farewell)
    party = destination.party
    if party is None:
        raise ImpossibleMove(
            f"others go on talking in this call, and {destination.name} is nobody who could join them: "
            "transfer to an extension or a number"
        )
    refuse_who_is_there(call, party)
    begin(call, leg, destination.name)
    return _give_place(call, leg, party, farewell)


async def give_to_nowhere(call: Call, leg: str, to: str, *, farewell: float) -> None:
    """The server let a leg go before we could refuse its transfer: whoever is left alone comes back to its party."""
    if call.record.transfer_now is None:
        begin(call, leg, to)
        if not _others_talk_on(call, leg):
            await transfer_to_nowhere(call, leg, farewell=farewell)
            return
        tell_ended(call, TransferResult.REFUSED)
    await release_later(call, leg, farewell)


def gives_his_place(record: CallRecord, transfer: Transfer) -> bool:
    """Whether others talk on meanwhile: somebody is with the party the call lives for."""
    anchor = record.anchor or record.call_id
    return anchor in record.in_bridge and bool(set(record.in_bridge) - {anchor, transfer.leg, transfer.target_leg})


async def go_on_giving(call: Call, transfer: Transfer) -> None:
    """After a restart: who was rung for those who talk is brought in; nobody else is rung."""
    if transfer.leg in call.state.legs and call.leg(transfer.leg).alive:
        await call.release(transfer.leg, Unanswered.CANCELLED)
    if transfer.target_leg in call.state.legs:
        await _bring_in(call, Asking(call, None, transfer.target_leg), transfer.party, RING_SECONDS)
        return
    talks = call.record.talks
    since = (talk for talk in talks if talk.began_at >= transfer.began_at and talk.ended_at is None)
    taken_by = next((talk.party for talk in since), None)
    tell_ended(call, TransferResult.COMPLETED if taken_by else TransferResult.UNANSWERED, taken_by)


async def _give_place(call: Call, leg: str, party: Party, farewell: float) -> None:
    by = call.leg(leg).party
    with call.moving():
        await be_remembered(call)
        asking = Asking(call, None)
        call.spawn(asking.go(party, RING_SECONDS))
        call.spawn(release_later(call, leg, farewell))
        try:
            await _bring_in(call, asking, by)
        finally:
            asking.stop()


async def _bring_in(call: Call, asking: Asking, by: Party, seconds: float | None = None) -> None:
    came = await bring_in(call, asking, seconds, host=by if by.kind is PartyKind.EMPLOYEE else None)
    result = TransferResult.COMPLETED if came else TransferResult.UNANSWERED
    tell_ended(call, result, call.leg(came).party if came else None)


def _others_talk_on(call: Call, leg: str) -> bool:
    """Whether those whom the party of a leg leaves have each other."""
    stay = [one for one in call.state.legs.values() if one.id != leg and one.joined and one.released is None]
    return len(stay) > 1
