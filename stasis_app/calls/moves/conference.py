"""More than two in a call: somebody is rung while others talk, and joins them in the call's bridge.

The call goes on while anybody is with the party it lives for, and ends when that one leaves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Gone
from stasis_app.calls.facts import Unanswered
from stasis_app.calls.moves.refusal import ImpossibleMove, participant
from stasis_app.calls.outbound import Way
from stasis_app.calls.state import LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Asterisk itself ends a leg when its ring time is over; this much later we stop believing that it will.
_GRACE = 2.0


def invite(call: Call, target: Target, seconds: float = 30.0) -> str:
    """Ring somebody into the conversation; the id of his leg, which exists at once. Raises `ImpossibleMove`."""
    if not call.state.anchor.joined or call.state.anchor.bridge != call.bridge or call.record.parked:
        raise ImpossibleMove("nobody talks in this call, so nobody can be added to it")
    party = target.party
    if any(leg.alive and leg.party.number == party.number for leg in call.state.legs.values() if not leg.over):
        raise ImpossibleMove(f"{party.number} takes part in the call already")
    way = Way(call, target, asyncio.get_running_loop().time() + seconds, early_media=False)
    call.spawn(_bring(call, way, seconds))
    return way.leg


async def dismiss(call: Call, name: str) -> None:
    """Take somebody out of the call, or give up ringing him. Raises `ImpossibleMove`, `AriError`."""
    leg = participant(call, name)
    if leg.id == call.state.anchor_leg:
        raise ImpossibleMove(f"the call ends with {name!r}: hang up the call instead")
    await call.release(leg.id, Unanswered.CANCELLED)


async def _bring(call: Call, way: Way, seconds: float) -> None:
    dialling = call.spawn(way.go())

    def settled() -> bool:
        return way.over or (call.leg(way.leg).stage is LegStage.UP and call.leg(way.leg).in_stasis)

    await call.until(settled, seconds + _GRACE)
    way.stopped = True
    if way.over:
        return
    if call.leg(way.leg).stage is not LegStage.UP:
        dialling.cancel()
        await call.release(way.leg, Unanswered.NO_ANSWER)
        return
    try:
        await call.control.add_to_bridge(call.bridge, way.leg)
    except Gone:
        await call.release(way.leg, Unanswered.CANCELLED)
