"""More than two in a call: somebody is rung while others talk, and joins them in the call's bridge.

The call goes on while anybody is with the party it lives for, and ends when that one leaves. Should all others leave
while the newcomer's phone still rings, it rings for the party they left behind, as after a transfer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stasis_app.calls.facts import Party, PartyKind, Unanswered
from stasis_app.calls.moves.blind import destinations_of, live_for_the_customer, take_out
from stasis_app.calls.moves.refusal import ImpossibleMove, participant
from stasis_app.calls.outbound import Way
from stasis_app.calls.record import CallRecord
from stasis_app.calls.ringing import connect
from stasis_app.calls.state import Leg, LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Asterisk itself ends a leg when its ring time is over; this much later we stop believing that it will.
_GRACE = 2.0
# How long the newcomer's phone rings, in seconds.
RING_SECONDS = 30.0


def invite(call: Call, target: Target, seconds: float = RING_SECONDS) -> str:
    """Ring somebody into the conversation; the id of his leg, which exists at once. Raises `ImpossibleMove`."""
    if not call.state.anchor.joined or call.state.anchor.bridge != call.bridge or call.record.parked:
        raise ImpossibleMove("nobody talks in this call, so nobody can be added to it")
    party = target.party
    if any(leg.alive and leg.party.number == party.number for leg in call.state.legs.values() if not leg.over):
        raise ImpossibleMove(f"{party.number} takes part in the call already")
    live_for_the_customer(call)
    way = Way(call, target, asyncio.get_running_loop().time() + seconds, early_media=False)
    dialling = call.spawn(way.go())

    async def bring() -> None:
        try:
            await _bring(call, way, seconds)
        finally:
            way.stopped = True
            dialling.cancel()

    call.move(bring())
    return way.leg


def take_up_invitations(call: Call) -> None:
    """After a restart: whoever was being rung into the conversation is brought in; no other phone rings on."""
    for leg in call.state.others:
        if not leg.alive or leg.over or leg.stage is LegStage.UP:
            continue
        if _was_invited(call.record, leg.id):
            call.move(_bring(call, _Rung(call, leg.id), RING_SECONDS))
        else:
            call.spawn(call.release(leg.id, Unanswered.ANSWERED_ELSEWHERE))


async def dismiss(call: Call, name: str) -> None:
    """Take somebody out of the call, or give up ringing him. Raises `ImpossibleMove`, `AriError`."""
    leg = participant(call, name)
    if leg.id == call.state.anchor_leg:
        raise ImpossibleMove(f"the call ends with {name!r}: hang up the call instead")
    await call.release(leg.id, Unanswered.CANCELLED)


class _BeingRung(Protocol):
    """Somebody whose phone rings."""

    leg: str

    @property
    def over(self) -> bool: ...


@dataclass
class _Rung:
    """A phone that the service rang before it was started again."""

    call: Call
    leg: str

    @property
    def over(self) -> bool:
        return self.call.leg(self.leg).over


async def _bring(call: Call, newcomer: _BeingRung, seconds: float) -> None:
    """See the newcomer into the conversation, or the party that was left alone to somebody else."""
    deadline = asyncio.get_running_loop().time() + seconds + _GRACE
    host, flow, before = _host(call), call.leading, frozenset(call.state.legs)

    def picker() -> str:
        """Who picked up the phone that rings for the one who was left alone."""
        came = (leg for leg in call.state.others if leg.id not in before and not leg.ours)
        return next((leg.id for leg in came if _has_answered(leg) and leg.released is None), "") if alone() else ""

    def settled() -> bool:
        return newcomer.over or _has_answered(call.leg(newcomer.leg)) or bool(picker())

    def alone() -> bool:
        # A flow that was put in the place of the conversation has its own plans for him.
        return call.leading is flow and call.consultation is None and not any(map(_is_with_us, call.state.others))

    await _until(call, lambda: settled() or alone(), deadline)
    if not settled():
        await take_out(call, call.state.anchor)
        await call.asking_caller(call.control.ring(call.state.anchor_leg))
        await _until(call, settled, deadline)
    if _has_answered(call.leg(newcomer.leg)):
        await connect(call, newcomer.leg)
        live_for_the_customer(call)
    elif taker := picker():
        await connect(call, taker)
        await call.release(newcomer.leg, Unanswered.ANSWERED_ELSEWHERE)
    elif not newcomer.over:
        await call.release(newcomer.leg, Unanswered.NO_ANSWER)
    if alone() and host is not None and call.destinations is not None:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
        call.divert(lambda call: destinations_of(call).bring_back(call, host))


async def _until(call: Call, ready: Callable[[], bool], deadline: float) -> None:
    await call.until(ready, max(0.0, deadline - asyncio.get_running_loop().time()))


def _has_answered(leg: Leg) -> bool:
    return leg.stage is LegStage.UP and leg.in_stasis


def _is_with_us(leg: Leg) -> bool:
    return leg.alive and leg.joined


def _host(call: Call) -> Party | None:
    """The employee who is in the conversation."""
    present = (leg.party for leg in call.state.legs.values() if _is_with_us(leg))
    return next((party for party in present if party.kind is PartyKind.EMPLOYEE), None)


def _was_invited(record: CallRecord, leg: str) -> bool:
    """Whether he was rung while others talked."""
    ring = next((ring for ring in record.rings if ring.leg == leg), None)
    return ring is not None and any(
        talk.began_at < ring.dialled_at and (talk.ended_at is None or talk.ended_at > ring.dialled_at)
        for talk in record.talks
    )
