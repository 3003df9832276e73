"""Blind transfer: who has the call gives it away and is free at once; it goes its own way from there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone
from stasis_app.calls.facts import Party, PartyKind, TransferKind, TransferResult
from stasis_app.calls.hanging_up import release_later
from stasis_app.calls.moves.destination import Destination, Destinations
from stasis_app.calls.moves.transfer_story import tell_ended, tell_started
from stasis_app.calls.state import Leg
from stasis_app.calls.steps import be_remembered, try_to

if TYPE_CHECKING:
    from stasis_app.calls.call import Call, Flow

# Seconds to wait for the event that a channel has left its bridge.
_LEAVES = 2.0


async def transfer_blind(call: Call, leg: str, destination: Destination, *, farewell: float = 0.0) -> None:
    """Let the leg go, and lead the call to `destination`; that a transfer begins is told already.

    `farewell` is how many seconds the leg's phone has to hang up by itself before it is hung up.
    """
    await _let_go(call, leg, partial(lead_on, destination=destination, by=call.leg(leg).party), farewell)


async def transfer_to_nowhere(call: Call, leg: str, *, farewell: float = 0.0) -> None:
    """The server let the leg go before we could refuse: the call comes back to who gave it away."""
    await _let_go(call, leg, partial(_is_refused, by=call.leg(leg).party), farewell)


def begin(call: Call, leg: str, to: str) -> None:
    """A blind transfer begins: the call lives for who is left behind."""
    stay_with_the_other(call, leg)
    tell_started(call, leg, TransferKind.BLIND, to)


async def _let_go(call: Call, leg: str, flow: Flow, farewell: float) -> None:
    with call.moving():
        # Killed in this moment, the service would find the customer alone and take the conversation for ended.
        await be_remembered(call)
        call.divert(flow)
        await release_later(call, leg, farewell)


async def come_back(call: Call, by: Party) -> None:
    """The flow of a call that nobody took: back to who gave it away, then to the plan."""
    await try_to(call.control.stop_music(call.state.anchor_leg), call.log)
    await take_out(call, call.state.anchor)
    await destinations_of(call).bring_back(call, by)


async def _is_refused(call: Call, by: Party) -> None:
    tell_ended(call, TransferResult.REFUSED)
    await come_back(call, by)


async def lead_on(call: Call, destination: Destination, by: Party) -> None:
    """The flow of a call that was given away."""
    await take_out(call, call.state.anchor)
    await call.asking_caller(call.control.ring(call.state.anchor_leg))
    back = by if by.kind is PartyKind.EMPLOYEE else None
    await destinations_of(call).lead(call, destination, back)


def stay_with_the_other(call: Call, leg: str) -> None:
    """Before who began the call moves it on: from now on the call lives for the party he leaves behind."""
    if leg != call.state.anchor_leg:
        return
    stays = [other for other in call.state.others if other.alive and other.joined]
    customers = [other for other in stays if other.party.kind is PartyKind.CUSTOMER]
    for other in (customers or stays)[:1]:
        call.anchor_to(other.id)


def live_for_the_customer(call: Call) -> None:
    """Who placed a call with several parties may leave it to the others: from now on it lives for the customer."""
    if call.state.anchor.party.kind is PartyKind.CUSTOMER:
        return
    customers = (leg for leg in call.state.others if leg.party.kind is PartyKind.CUSTOMER)
    customer = next((leg for leg in customers if leg.alive and leg.joined), None)
    if customer is not None:
        call.anchor_to(customer.id)


async def take_out(call: Call, leg: Leg) -> None:
    """Take a leg out of its bridge and wait until it is. That it is gone is no error."""
    if not leg.bridge:
        return
    try:
        await call.control.remove_from_bridge(leg.bridge, leg.id)
    except Gone:
        pass
    await call.until(lambda: not call.leg(leg.id).bridge or not call.leg(leg.id).alive, _LEAVES)


async def find_destination(call: Call, to: str) -> Destination | None:
    """Where this leads to; None when that is nowhere."""
    return await call.destinations.find(to) if call.destinations is not None and to else None


def destinations_of(call: Call) -> Destinations:
    """What leads to where."""
    if call.destinations is None:
        raise RuntimeError("this call has been given no destinations")
    return call.destinations
