"""Legs and calls end, or go on elsewhere. Part of the model: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL, why_unanswered
from stasis_app.calls.facts import EndedBy, PartyKind, Unanswered
from stasis_app.calls.model_legs import told_dialled, told_left
from stasis_app.calls.state import CallState, Leg, LegStage
from stasis_app.calls.transition import Change, Transitions

# What a DELETE over ARI comes back as (AST_SOFTHANGUP_EXPLICIT, seen on 22.10); other flags only move the channel.
_SOFT_HANGUP_EXPLICIT = 32


def _vanished(state: CallState, intent: i.Vanished) -> Change:
    leg = state.legs.get(intent.leg)
    return _leg_gone(state, leg, intent.at) if leg is not None and leg.alive else (state, [])


def _dial_failed(state: CallState, intent: i.DialFailed) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or not leg.alive:
        return state, []
    return _leg_gone(state, replace(leg, cause=intent.cause), intent.at)


def _releasing(state: CallState, intent: i.Releasing) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or leg.released is not None:
        return state, []
    return state.with_leg(replace(leg, released=intent.why)), []


def _anchoring(state: CallState, intent: i.Anchoring) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or not leg.alive or leg.id == state.anchor_leg or state.ended:
        return state, []
    fact = f.Anchored(call_id=state.call_id, at=intent.at, leg=leg.id, party=leg.party)
    return replace(state, anchor_leg=leg.id), [fact]


def _dismissing(state: CallState, intent: i.Dismissing) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or not leg.alive:
        return state, []
    leg = replace(leg, cause=NORMAL, elsewhere=True)
    return _leg_gone(state.with_leg(leg), leg, intent.at)


def _hanging_up(state: CallState, intent: i.HangingUp) -> Change:
    return replace(state, first_hangup=state.first_hangup or EndedBy.SERVICE), []


def _exchange_restarted(state: CallState, intent: i.ExchangeRestarted) -> Change:
    return replace(state, first_hangup=state.first_hangup or EndedBy.EXCHANGE), []


def _handing_over(state: CallState, intent: i.HandingOver) -> Change:
    return replace(state, handing_over=intent.to, watched=intent.watched), []


def _hangup_request(state: CallState, event: e.ChannelHangupRequest) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None:
        return state, []
    if event.soft:
        # A DELETE, mostly our own, coming back; its cause is a flag, not Q.850.
        return state.with_leg(replace(leg, leaving=leg.leaving or event.cause == _SOFT_HANGUP_EXPLICIT)), []
    tech_cause = event.tech_cause or leg.tech_cause
    state = state.with_leg(replace(leg, leaving=True, cause=event.cause, tech_cause=tech_cause))
    return _first_hangup(state, leg), []


def _first_hangup(state: CallState, leg: Leg) -> CallState:
    """Whoever of those in the call goes first, ends it; a phone that stops ringing, or has transferred, does not."""
    takes_part = leg.id == state.anchor_leg or (leg.stage is LegStage.UP and bool(leg.bridge))
    if state.first_hangup or not takes_part or leg.released:
        return state
    customer = leg.party.kind is PartyKind.CUSTOMER
    return replace(state, first_hangup=EndedBy.CUSTOMER if customer else EndedBy.EMPLOYEE)


def _stasis_end(state: CallState, event: e.StasisEnd) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None or not leg.alive:
        return state, []
    if leg.id != state.anchor_leg:
        if leg.id == state.caller_leg or not leg.ours:
            # One that came from the dialplan is not watched any further.
            return _leg_gone(state, leg, event.timestamp)
        # An answered leg leaves the application as it ends; ChannelDestroyed follows and brings the cause.
        return state.with_leg(replace(leg, in_stasis=False)), []
    taken_away = not leg.leaving and state.first_hangup is not EndedBy.SERVICE and not state.ended
    if taken_away:
        return _told_handed_over(state, leg, event.timestamp)
    return _leg_gone(state, leg, event.timestamp)


def _told_handed_over(state: CallState, leg: Leg, at: datetime) -> Change:
    """The caller goes on in the dialplan: sent there by us, or taken there by somebody else (then unwatched)."""
    state, facts = told_left(state.with_leg(replace(leg, in_stasis=False)), leg, at)
    facts.append(f.HandedOver(call_id=state.call_id, at=at, to=state.handing_over or ""))
    state = replace(state, handed_over=True)
    if state.watched:
        return state, facts
    state, more = _leg_gone(state, state.anchor, at)
    return state, facts + more


def _destroyed(state: CallState, event: e.ChannelDestroyed) -> Change:
    leg = state.legs.get(event.channel.id)
    if leg is None or not leg.alive:
        return state, []
    leg = replace(leg, cause=event.cause or leg.cause, tech_cause=event.tech_cause or leg.tech_cause)
    return _leg_gone(_first_hangup(state.with_leg(leg), leg), leg, event.timestamp)


def _leg_gone(state: CallState, leg: Leg, at: datetime) -> Change:
    was_up = leg.stage is LegStage.UP
    state, facts = _told_over(state, leg, at, was_up=was_up)
    state = state.with_leg(replace(state.legs[leg.id], stage=LegStage.GONE))
    if leg.id == state.anchor_leg and not state.ended:
        state, more = _ended(state, at)
        return state, facts + more
    return state, facts


def _told_over(state: CallState, leg: Leg, at: datetime, *, was_up: bool) -> Change:
    """The last fact about a leg.

    The anchor's own end is the end of the call, so it has none, unless it was called and has not answered.
    """
    if leg.over:
        return state, []
    is_anchor = leg.id == state.anchor_leg
    state, facts = told_left(state, leg, at)
    common: dict[str, Any] = {"call_id": state.call_id, "at": at, "leg": leg.id, "party": leg.party}
    common |= {"cause": leg.cause, "tech_cause": leg.tech_cause}
    if was_up and not is_anchor:
        facts.append(f.LegEnded(**common, elsewhere=leg.elsewhere))
    elif not was_up and not (is_anchor and leg.id == state.caller_leg):
        state, told = told_dialled(state, state.legs[leg.id], at)
        why = leg.released or why_unanswered(leg.cause, leg.tech_cause, rang=leg.reached)
        facts += [*told, f.NotAnswered(**common, why=why)]
    return state.with_leg(replace(state.legs[leg.id], over=True)), facts


def _ended(state: CallState, at: datetime) -> Change:
    """The call is over: everybody still in it is told off first, so that nothing follows the last fact."""
    facts: list[f.Fact] = []
    for leg in state.others:
        if leg.alive and not leg.over:
            leg = replace(leg, released=leg.released or Unanswered.CANCELLED)
            state, more = _told_over(state.with_leg(leg), leg, at, was_up=leg.stage is LegStage.UP)
            facts += more
            if state.handed_over and not leg.ours:
                # A leg of the dialplan's: nobody will tell us that it is gone.
                state = state.with_leg(replace(state.legs[leg.id], stage=LegStage.GONE))
    by = EndedBy.DIALPLAN if state.handed_over else state.first_hangup or EndedBy.UNKNOWN
    anchor = state.anchor
    facts.append(f.Ended(call_id=state.call_id, at=at, by=by, cause=anchor.cause, tech_cause=anchor.tech_cause))
    return replace(state, ended=True), facts


TRANSITIONS: Transitions = {
    i.DialFailed: _dial_failed,
    i.Vanished: _vanished,
    i.Releasing: _releasing,
    i.HangingUp: _hanging_up,
    i.Anchoring: _anchoring,
    i.Dismissing: _dismissing,
    i.HandingOver: _handing_over,
    i.ExchangeRestarted: _exchange_restarted,
    e.StasisEnd: _stasis_end,
    e.ChannelDestroyed: _destroyed,
    e.ChannelHangupRequest: _hangup_request,
}
"""What goes."""
