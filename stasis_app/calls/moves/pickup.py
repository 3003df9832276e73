"""Picking up a call that rings at a colleague's phone.

Whoever picks up becomes one more leg of the ringing call that is up. That is all: ringing connects the first leg that
is up, whoever's it is, and releases the others with the cause "answered elsewhere". Asterisk's own Pickup() comes in
the same way (the tracker lets a leg join that nobody expected).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, PartyKind, TransferKind, Unanswered
from stasis_app.calls.moves.refusal import ImpossibleMove
from stasis_app.calls.outbound import Way
from stasis_app.calls.record import CallRecord
from stasis_app.calls.state import LegStage
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

# Seconds a leg that came to take a call may wait for it; then somebody else was faster.
_TOO_LATE = 5.0


@dataclass(frozen=True, slots=True)
class PickupGroups:
    """Whose calls an extension may take without naming the colleague: those of its groups; in no group, everybody's."""

    groups: Mapping[str, Collection[str]] = field(default_factory=dict)

    def may_take(self, extension: str, colleague: str) -> bool:
        """Whether a phone that rings at `colleague` may be picked up by `extension`."""
        mine = [members for members in self.groups.values() if extension in members]
        return not mine or any(colleague in members for members in mine)


def ringing_call(
    calls: Iterable[CallRecord], groups: PickupGroups, picker: str, colleague: str = ""
) -> CallRecord | None:
    """The call that rings longest at `colleague`, or at anybody whose calls `picker` may take; None without one."""
    found = [
        (ring.ringing_at, record)
        for record in calls
        if _can_be_taken(record)
        for ring in record.ringing_now
        if ring.party.kind is PartyKind.EMPLOYEE and ring.ringing_at
        if (ring.party.number == colleague if colleague else groups.may_take(picker, ring.party.number))
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


async def take(visitor: Call, call: Call) -> None:
    """The phone that dialled a code takes another call: its channel goes on there, its own call is over.

    Raises `AriError`; the leg is then seen off by the call it came to.
    """
    rang = _ringing_extensions(call)
    leg = come_over(visitor, call)
    call.note(f.PickedUp(call_id=call.id, at=i.now(), leg=leg, party=call.leg(leg).party, rang=rang))
    await take_up(call, leg)


async def take_parked(visitor: Call, call: Call) -> None:
    """The phone that dialled a parking slot takes the call that waits there. Raises `AriError`."""
    await take_up(call, come_over(visitor, call))


async def take_with_phone(call: Call, extension: str, name: str = "", seconds: float = 20.0) -> None:
    """Ring the phone of whoever wants to take the call; it rings on for the others until he answers.

    Raises `ImpossibleMove` when the call does not ring.
    """
    rang = _ringing_extensions(call)
    if not _can_be_taken(call.record) or not rang:
        raise ImpossibleMove("the call rings at nobody's phone")
    if extension in rang:
        raise ImpossibleMove(f"the call rings at {extension} already")
    deadline = asyncio.get_running_loop().time() + seconds
    way = Way(call, Target.extension(extension, name), deadline, early_media=False)
    call.spawn(_ring_taker(call, way, rang, seconds))


def come_over(visitor: Call, call: Call) -> str:
    """Let the channel a call lives for go on as a leg of another call; its id. The call it came from is over."""
    leg = visitor.state.anchor
    visitor.intend(i.Dismissing(i.now(), leg.id))
    call.expect(leg.id, leg.party, ours=False)
    state = "Up" if leg.stage is LegStage.UP else "Ring"
    # It is in the application already: nobody but us will say so.
    call.put(e.StasisStart(timestamp=i.now(), channel=e.Channel(id=leg.id, state=state)))
    return leg.id


async def take_up(call: Call, leg: str) -> None:
    """Answer a leg that came from the dialplan, and see to it that it does not stay if the call is gone already."""
    call.spawn(_not_left_over(call, leg))
    await call.control.answer(leg)


async def _ring_taker(call: Call, way: Way, rang: tuple[str, ...], seconds: float) -> None:
    leg, party = way.leg, way.party
    await way.go()

    def settled() -> bool:
        return call.leg(leg).joined or call.leg(leg).over or not any(r.leg != leg for r in call.record.ringing_now)

    await call.until(settled, seconds)
    await _not_left_over(call, leg)
    if call.leg(leg).joined:
        call.note(f.PickedUp(call_id=call.id, at=i.now(), leg=leg, party=party, rang=rang))


async def _not_left_over(call: Call, leg: str) -> None:
    await call.wait(lambda: call.state.ended or call.leg(leg).bridge or call.leg(leg).over, _TOO_LATE)
    if not call.leg(leg).bridge and call.leg(leg).alive:
        await call.release(leg, Unanswered.CANCELLED)


def _can_be_taken(record: CallRecord) -> bool:
    """Nobody talks yet, or a transfer rings. Who is asked, or rung into a conversation, is meant himself."""
    moving = record.transfer_now
    asked = moving is not None and moving.kind is TransferKind.ATTENDED
    return record.ended_at is None and not asked and len(record.in_bridge) < 2


def _ringing_extensions(call: Call) -> tuple[str, ...]:
    rings: Sequence[Party] = [ring.party for ring in call.record.ringing_now]
    return tuple(party.number for party in rings if party.kind is PartyKind.EMPLOYEE)
