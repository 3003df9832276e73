"""Transfers ordered from outside (API, buttons of the card): whose leg it is, and whether it can be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stasis_app.calls.facts import PartyKind, TransferKind
from stasis_app.calls.moves.blind import find_destination
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.consulting import start_consultation
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.moves.refusal import ImpossibleMove, refuse_a_second_transfer
from stasis_app.calls.state import Leg

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


async def order_transfer(call: Call, to: str, kind: TransferKind, extension: str = "") -> None:
    """Begin a transfer for the employee with this extension, or for the only one who talks.

    Raises:
        ImpossibleMove: there is no such destination, nobody who could transfer, or a transfer is under way.
    """
    destination = await find_destination(call, to)
    if destination is None:
        raise ImpossibleMove(f"{to!r} is no extension, no outside number and no element of the plan")
    leg = talking_leg(call, extension)
    if kind is TransferKind.BLIND:
        call.move(give_away(call, leg.id, destination))
        return
    refuse_a_second_transfer(call)
    try:
        start_consultation(call, leg.id, destination)
    except ValueError as error:
        raise ImpossibleMove(str(error)) from None


def order_next(call: Call, happening: Happening) -> None:
    """Complete, cancel, swap an attended transfer, or turn it into a conference.

    Raises:
        ImpossibleMove: none is under way, or this is not possible where it stands.
    """
    if call.consultation is None:
        raise ImpossibleMove("no attended transfer is under way")
    stage = call.consultation.stage
    if not call.consultation.order(happening):
        raise ImpossibleMove(f"{happening} is not possible while the transfer is {stage}")


def talking_leg(call: Call, extension: str = "") -> Leg:
    """The leg of the employee with this extension who talks, or of the only employee who does.

    Raises:
        ImpossibleMove: there is none, or there are several and none is named.
    """
    legs = [leg for leg in call.state.legs.values() if leg.joined and leg.party.kind is PartyKind.EMPLOYEE]
    if extension:
        legs = [leg for leg in legs if leg.party.number == extension]
    if not legs:
        raise ImpossibleMove(f"extension {extension} does not talk in this call" if extension else "nobody talks yet")
    if len(legs) > 1 and not extension:
        numbers = ", ".join(sorted(leg.party.number for leg in legs))
        raise ImpossibleMove(f"several employees talk ({numbers}): say whose call it is with extension")
    return legs[0]
