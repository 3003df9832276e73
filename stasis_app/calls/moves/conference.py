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
from stasis_app.calls.moves.refusal import ImpossibleMove, participant, refuse_who_is_there
from stasis_app.calls.outbound import Way
from stasis_app.calls.record import CallRecord
from stasis_app.calls.ringing import PICKUP, connect, taken_away
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
    refuse_who_is_there(call, party)
    live_for_the_customer(call)
    way = Way(call, target, asyncio.get_running_loop().time() + seconds, early_media=False)
    dialling = call.spawn(way.go())

    async def bring() -> None:
        try:
            await bring_in(call, way, seconds)
        finally:
            way.stopped = True
            dialling.cancel()

    call.move(bring())
    return way.leg


def take_up_invitations(call: Call) -> None:
    """After a restart: whoever was being rung into the conversation is brought in; no other phone rings on."""
    transfer = call.record.transfer_now
    for leg in call.state.others:
        if not leg.alive or leg.over or leg.stage is LegStage.UP or (transfer and transfer.target_leg == leg.id):
            continue
        if _was_invited(call.record, leg.id):
            call.move(bring_in(call, _Rung(call, leg.id), RING_SECONDS))
        else:
            call.spawn(call.release(leg.id, Unanswered.ANSWERED_ELSEWHERE))


async def dismiss(call: Call, name: str) -> None:
    """Take somebody out of the call, or give up ringing him. Raises `ImpossibleMove`, `AriError`."""
    leg = participant(call, name)
    if leg.id == call.state.anchor_leg:
        raise ImpossibleMove(f"the call ends with {name!r}: hang up the call instead")
    await call.release(leg.id, Unanswered.CANCELLED)


class BeingRung(Protocol):
    """Somebody whose phone rings, or one after another; `leg` is the one that rings now, "" before the first."""

    leg: str

    @property
    def over(self) -> bool:
        """Whether it came to nothing."""
        ...


@dataclass
class _Rung:
    """A phone that the service rang before it was started again."""

    call: Call
    leg: str

    @property
    def over(self) -> bool:
        return self.call.leg(self.leg).over


async def bring_in(call: Call, newcomer: BeingRung, seconds: float | None, host: Party | None = None) -> str:
    """See the newcomer into the conversation, or the party that was left alone to somebody else.

    The leg of who came, "" for nobody. `seconds` is how long he may be rung, None: until that is over by itself. `host`
    has the call back should nobody come and nobody stay: left out, the employee who is in it now.
    """
    deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds + _GRACE
    flow, before, host = call.leading, frozenset(call.state.legs), host or _host(call)

    def picker() -> str:
        """Who picked up the phone that rings for the one who was left alone."""
        came = (leg for leg in call.state.others if leg.id not in before and not leg.ours)
        answered = (leg.id for leg in came if _has_answered(call, leg.id) and leg.released is None)
        return next((leg for leg in answered if leg != newcomer.leg), "") if alone() else ""

    def settled() -> bool:
        return newcomer.over or _has_answered(call, newcomer.leg) or bool(picker())

    def alone() -> bool:
        # A flow that was put in the place of the conversation has its own plans for him.
        return call.leading is flow and call.consultation is None and not any(map(_is_with_us, call.state.others))

    await _until(call, lambda: settled() or alone(), deadline)
    if not settled():
        await take_out(call, call.state.anchor)
        await call.asking_caller(call.control.ring(call.state.anchor_leg))
        await _until(call, settled, deadline)
    if newcomer.over and (rang := call.state.legs.get(newcomer.leg)) is not None and taken_away(rang):
        await call.until(picker, PICKUP)
    came = ""
    if _has_answered(call, newcomer.leg):
        came = newcomer.leg if await connect(call, newcomer.leg) else ""
        live_for_the_customer(call)
    elif taker := picker():
        came = taker if await connect(call, taker) else ""
        await call.release(newcomer.leg, Unanswered.ANSWERED_ELSEWHERE)
    elif not newcomer.over:
        await call.release(newcomer.leg, Unanswered.NO_ANSWER)
    if alone() and host is not None and call.destinations is not None:
        await call.asking_caller(call.control.stop_ringing(call.state.anchor_leg))
        call.divert(lambda call: destinations_of(call).bring_back(call, host))
    return came


async def _until(call: Call, ready: Callable[[], bool], deadline: float | None) -> None:
    await call.until(ready, None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time()))


def _has_answered(call: Call, leg_id: str) -> bool:
    leg = call.state.legs.get(leg_id)
    return leg is not None and leg.stage is LegStage.UP and leg.in_stasis


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
