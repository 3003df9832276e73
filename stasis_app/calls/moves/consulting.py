"""How an attended transfer begins, and how it is taken up after a restart."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stasis_app.calls.facts import TransferKind
from stasis_app.calls.moves.asking import Asking
from stasis_app.calls.moves.attended import Consultation, is_gone
from stasis_app.calls.moves.blind import stay_with_the_other
from stasis_app.calls.moves.consultation import Stage
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.transfer_story import tell_started
from stasis_app.calls.record import Transfer
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


def start_consultation(call: Call, leg: str, destination: Destination) -> Consultation:
    """Begin an attended transfer by this leg's party; it goes on by itself.

    Raises:
        ValueError: one is under way, or the destination is nobody who could be asked.
    """
    if call.consultation is not None or call.record.transfer_now is not None:
        raise ValueError("a transfer is under way already")
    if destination.party is None:
        raise ValueError(f"{destination.name} is an element of the plan: nobody can be asked there, transfer blindly")
    party = destination.party
    stay_with_the_other(call, leg)
    by = call.leg(leg).party
    consultation = call.consultation = Consultation(call, leg, by, Asking(call, by))
    tell_started(call, leg, TransferKind.ATTENDED, destination.name)
    call.outlive = consultation.survivors

    async def see_through() -> None:
        with contextlib.suppress(CallGone):
            await consultation.begin(party)
        await consultation.run()

    call.move(see_through())
    return consultation


def resume_consultation(call: Call, transfer: Transfer) -> None:
    """Take up an attended transfer after a restart, where the world shows it stands; not when nobody is asked now."""
    target = call.state.legs.get(transfer.target_leg)
    if target is None:
        return
    asking, stage = Asking(call, transfer.party, target.id), _stage_of(call, transfer.leg, target)
    call.consultation = Consultation(call, transfer.leg, transfer.party, asking, stage)
    call.outlive = call.consultation.survivors
    call.move(call.consultation.run())


def _stage_of(call: Call, transferrer: str, target: Leg) -> Stage:
    if is_gone(call, transferrer):
        return Stage.LEFT
    if target.stage is not LegStage.UP:
        return Stage.RINGING
    return Stage.SWAPPED if call.leg(transferrer).bridge == call.bridge else Stage.TALKING
