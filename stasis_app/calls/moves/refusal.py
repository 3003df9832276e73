"""Why a move is not possible, and who takes part in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stasis_app.calls.facts import Party, PartyKind
from stasis_app.calls.state import CallState, Leg, LegStage

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


class ImpossibleMove(Exception):
    """The call can't be moved like this now; the text says why, in words for whoever ordered it."""


def refuse_a_second_transfer(call: Call) -> None:
    """Raises `ImpossibleMove` while a transfer is under way: two at once would pull the call apart."""
    if call.consultation is not None:
        raise ImpossibleMove("a transfer is under way; complete or cancel it first")
    if (moving := call.record.transfer_now) is not None:
        raise ImpossibleMove(f"a transfer to {moving.to} is under way; wait until somebody has taken the call")


def refuse_who_is_there(call: Call, party: Party) -> None:
    """Raises `ImpossibleMove` when this party takes part in the call already; whom we are letting go does not."""
    there = (leg for leg in call.state.legs.values() if leg.alive and not leg.over and leg.released is None)
    if any(leg.party.number == party.number for leg in there):
        raise ImpossibleMove(f"{party.number} takes part in the call already")


def participant(call: Call, name: str) -> Leg:
    """The leg of the call with this id, or the one whose party has this number. Raises `ImpossibleMove`."""
    legs = [leg for leg in call.state.legs.values() if leg.alive and not leg.over]
    found = [leg for leg in legs if leg.id == name] or [leg for leg in legs if leg.party.number == name]
    if not found:
        raise ImpossibleMove(f"{name!r} takes no part in the call; its participants are {_named(legs)}")
    return found[-1]


def talking(call: Call, name: str) -> Leg:
    """A participant who is in the conversation. Raises `ImpossibleMove`."""
    leg = participant(call, name)
    if leg.stage is not LegStage.UP or not leg.joined:
        raise ImpossibleMove(f"{name!r} is not in the conversation")
    return leg


def others_with(state: CallState, leg: Leg) -> list[Leg]:
    """Who hears this leg: the others in its bridge."""
    return [
        other for other in state.legs.values() if other.joined and other.bridge == leg.bridge and other.id != leg.id
    ]


def employees_talking(call: Call) -> list[Leg]:
    """The employees in the conversation, longest there first."""
    inside = (call.state.legs[leg] for leg in call.record.in_bridge if leg in call.state.legs)
    return [leg for leg in inside if leg.party.kind is PartyKind.EMPLOYEE and leg.bridge == call.bridge]


def _named(legs: list[Leg]) -> str:
    return ", ".join(f"{leg.party.number or 'a withheld number'} ({leg.id})" for leg in legs) or "nobody"
