"""Whom the dialplan rings after a call was handed over to it.

The service no longer controls such a call but goes on watching it, so that cards and the record follow. Asterisk then
tells only Dial events about the legs (seen on 22.10): from those alone follows who rang, who answered and why not.
"""

from __future__ import annotations

import re
from dataclasses import replace

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.facts import Party, PartyKind, Unanswered
from stasis_app.calls.state import CallState, Leg, LegStage

# What a Dial() sees as its bridge is Asterisk's own business; it only matters that both are in the same one.
DIALPLAN_BRIDGE = "dialplan"

_NUMBER = re.compile(r"^[^/]+/(\d{1,11})\b")
_WHY = {
    "BUSY": Unanswered.BUSY,
    "NOANSWER": Unanswered.NO_ANSWER,
    "CANCEL": Unanswered.ANSWERED_ELSEWHERE,
    "CONGESTION": Unanswered.UNREACHABLE,
    "CHANUNAVAIL": Unanswered.UNREACHABLE,
}


def followed(state: CallState, event: e.Dial) -> tuple[CallState, list[f.Fact]]:
    """What a Dial event of the dialplan changes in a call that was handed over."""
    call_id, at, leg_id = state.call_id, event.timestamp, event.peer.id
    leg = state.legs.get(leg_id)
    if leg is None:
        leg = Leg(leg_id, _party(event.peer), ours=False, dialled=True)
        return state.with_leg(leg), [f.Dialled(call_id=call_id, at=at, leg=leg_id, party=leg.party)]
    if leg.over or leg.stage is LegStage.UP:
        return state, []
    if event.dialstatus == "ANSWER":
        return _talks(state, leg, event)
    if event.dialstatus == "RINGING" and leg.stage is LegStage.SETUP:
        state = state.with_leg(replace(leg, stage=LegStage.RINGING))
        return state, [f.Ringing(call_id=call_id, at=at, leg=leg_id, party=leg.party)]
    if event.dialstatus in _WHY:
        state = state.with_leg(replace(leg, stage=LegStage.GONE, over=True))
        why = _WHY[event.dialstatus]
        return state, [f.NotAnswered(call_id=call_id, at=at, leg=leg_id, party=leg.party, why=why)]
    return state, []


def _talks(state: CallState, leg: Leg, event: e.Dial) -> tuple[CallState, list[f.Fact]]:
    """The dialplan connects whoever answers with the caller at once."""
    facts: list[f.Fact] = [f.Answered(call_id=state.call_id, at=event.timestamp, leg=leg.id, party=leg.party)]
    for one in (state.caller, replace(leg, stage=LegStage.UP)):
        state = state.with_leg(replace(one, bridge=DIALPLAN_BRIDGE, joined=True))
        joined = f.Joined(
            call_id=state.call_id, at=event.timestamp, leg=one.id, party=one.party, bridge=DIALPLAN_BRIDGE
        )
        facts.append(joined)
    return state, facts


def _party(peer: e.Channel) -> Party:
    found = _NUMBER.match(peer.name)
    return Party(PartyKind.EMPLOYEE, found[1] if found else "")
