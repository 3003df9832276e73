"""Legs come up, enter bridges and leave them, are held; keys are pressed. Part of the model: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.dialplan_legs import followed
from stasis_app.calls.facts import EndedBy
from stasis_app.calls.routing import is_bridge_of_call
from stasis_app.calls.state import CallState, Leg, LegStage
from stasis_app.calls.transition import Change, Transitions

# Legs come up


def _dialling(state: CallState, intent: i.Dialling) -> Change:
    if intent.leg in state.legs:
        return state, []
    return state.with_leg(Leg(intent.leg, intent.party, ours=intent.ours)), []


def _taking_over(state: CallState, intent: i.TakingOver) -> Change:
    if intent.leg in state.legs:
        return state, []
    state = state.with_leg(Leg(intent.leg, intent.party, ours=False, in_stasis=True))
    return _up(state, intent.leg, intent.at)


def _stasis_start(state: CallState, event: e.StasisStart) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None:
        return state, []
    state = state.with_leg(replace(leg, in_stasis=True))
    return _up(state, leg.id, event.timestamp) if event.channel.state == "Up" else (state, [])


def _state_change(state: CallState, event: e.ChannelStateChange) -> Change:
    if event.channel.id not in state.legs:
        return state, []
    if event.channel.state == "Ringing":
        return _ringing(state, event.channel.id, event.timestamp)
    if event.channel.state == "Up":
        return _up(state, event.channel.id, event.timestamp)
    return state, []


def _dial(state: CallState, event: e.Dial) -> Change:
    leg = state.legs.get(event.peer.id)
    if state.handed_over:
        return followed(state, event)
    if leg is None or leg.over:
        return state, []
    state, told = told_dialled(state, leg, event.timestamp)
    if event.forwarded is not None:
        return state.with_leg(replace(state.legs[leg.id], sent_on=True)), told
    if event.dialstatus == "RINGING":
        state, more = _ringing(state, leg.id, event.timestamp)
        return state, told + more
    if event.dialstatus == "PROGRESS" and leg.stage is not LegStage.UP:
        state = state.with_leg(replace(state.legs[leg.id], reached=True))
        told.append(f.EarlyMedia(call_id=state.call_id, at=event.timestamp, leg=leg.id, party=leg.party))
    return state, told


def told_dialled(state: CallState, leg: Leg, at: datetime) -> Change:
    if leg.dialled:
        return state, []
    state = state.with_leg(replace(leg, dialled=True))
    return state, [f.Dialled(call_id=state.call_id, at=at, leg=leg.id, party=leg.party)]


def _ringing(state: CallState, leg_id: str, at: datetime) -> Change:
    leg = state.legs[leg_id]
    if leg.stage is not LegStage.SETUP or leg.over:
        return state, []
    state, facts = told_dialled(state, leg, at)
    state = state.with_leg(replace(state.legs[leg_id], stage=LegStage.RINGING, reached=True))
    return state, [*facts, f.Ringing(call_id=state.call_id, at=at, leg=leg.id, party=leg.party)]


def _up(state: CallState, leg_id: str, at: datetime) -> Change:
    leg = state.legs[leg_id]
    if leg.stage not in (LegStage.SETUP, LegStage.RINGING) or leg.over:
        return state, []
    state, facts = told_dialled(state, leg, at)
    leg = replace(state.legs[leg_id], stage=LegStage.UP)
    facts.append(f.Answered(call_id=state.call_id, at=at, leg=leg.id, party=leg.party))
    state, more = _told_joined(state.with_leg(leg), leg, at)
    return state, facts + more


# Bridges and keys


def _entered(state: CallState, event: e.ChannelEnteredBridge) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None or leg.over:
        return state, []
    if leg.bridge == event.bridge.id:
        return state, []
    state, facts = told_left(state, leg, event.timestamp)
    leg = replace(state.legs[leg.id], bridge=event.bridge.id)
    state, more = _told_joined(state.with_leg(leg), leg, event.timestamp)
    return state, facts + more


def _told_joined(state: CallState, leg: Leg, at: datetime) -> Change:
    """In a bridge before the answer there is only early media; a party has joined once it is up and in a bridge."""
    if leg.joined or not is_bridge_of_call(leg.bridge, state.call_id) or leg.stage is not LegStage.UP:
        return state, []
    state = _goes_on(state.with_leg(replace(leg, joined=True)))
    return state, [f.Joined(call_id=state.call_id, at=at, leg=leg.id, party=leg.party, bridge=leg.bridge)]


def _goes_on(state: CallState) -> CallState:
    """Somebody joins: whoever left before did not end the call, he moved it on."""
    if state.anchor.leaving or state.first_hangup is EndedBy.SERVICE:
        return state
    return replace(state, first_hangup=None)


def _left(state: CallState, event: e.ChannelLeftBridge) -> Change:
    leg = state.legs.get(event.channel.id)
    # He may be in the next bridge already when the event about the last one comes.
    if leg is None or leg.bridge != event.bridge.id:
        return state, []
    return told_left(state, leg, event.timestamp)


def told_left(state: CallState, leg: Leg, at: datetime) -> Change:
    if not leg.bridge:
        return state, []
    facts: list[f.Fact] = []
    if leg.joined:
        facts.append(f.Left(call_id=state.call_id, at=at, leg=leg.id, party=leg.party, bridge=leg.bridge))
    return state.with_leg(replace(leg, bridge="", joined=False)), facts


def _hold(state: CallState, event: e.ChannelHold | e.ChannelUnhold) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None or leg.over:
        return state, []
    return _held(state, leg, replace(leg, held=isinstance(event, e.ChannelHold)), event.timestamp)


def _holding(state: CallState, intent: i.Holding) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or leg.over:
        return state, []
    return _held(state, leg, replace(leg, held_by_us=intent.held), intent.at)


def _held(state: CallState, before: Leg, leg: Leg, at: datetime) -> Change:
    """An unhold without a hold comes before every transfer: only changes count."""
    state = state.with_leg(leg)
    held = leg.held or leg.held_by_us
    if held == (before.held or before.held_by_us):
        return state, []
    common: dict[str, Any] = {"call_id": state.call_id, "at": at, "leg": leg.id, "party": leg.party}
    return state, [f.Held(**common, by_phone=leg.held) if held else f.Resumed(**common)]


def _dtmf(state: CallState, event: e.ChannelDtmfReceived) -> Change:
    # In a conversation keys are for the other side (a bank's menu, a card number): they are nobody else's business.
    if event.channel.id != state.anchor_leg or state.ended or state.anchor.joined:
        return state, []
    return state, [f.Pressed(call_id=state.call_id, at=event.timestamp, digit=event.digit)]


TRANSITIONS: Transitions = {
    i.Dialling: _dialling,
    i.TakingOver: _taking_over,
    i.Holding: _holding,
    e.StasisStart: _stasis_start,
    e.ChannelStateChange: _state_change,
    e.Dial: _dial,
    e.ChannelEnteredBridge: _entered,
    e.ChannelLeftBridge: _left,
    e.ChannelDtmfReceived: _dtmf,
    e.ChannelHold: _hold,
    e.ChannelUnhold: _hold,
}
"""What comes and stays."""
