"""The pure model of a call: ARI events and our own intents in, facts out.

No I/O and no clock: every time comes with the event. So a recorded event stream is a test, and a bug report a fixture.
Each transition is a function `(state, event) -> (state, facts)`; events may come in any order, twice, or not at all,
and never raise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NORMAL, why_unanswered
from stasis_app.calls.dialplan_legs import followed
from stasis_app.calls.facts import Direction, EndedBy, Party, PartyKind, Unanswered
from stasis_app.calls.routing import is_bridge_of_call, recording_of_file
from stasis_app.calls.state import CallState, Leg, LegStage, Tape

# What a DELETE over ARI comes back as (AST_SOFTHANGUP_EXPLICIT, seen on 22.10); other flags only move the channel.
_SOFT_HANGUP_EXPLICIT = 32
_MAY_FOLLOW_THE_END = (f.RecordingStarted, f.Recorded, f.RecordingDiscarded, f.RecordingFailed)

Change = tuple[CallState, list[f.Fact]]


def start(
    call_id: str,
    channel: e.Channel,
    direction: Direction,
    caller: Party,
    at: datetime,
    *,
    line: str = "",
    dialled: str = "",
    element: str = "",
    caller_id: str = "",
    ordered: bool = False,
    callback: bool = False,
) -> Change:
    """A new call, begun by this channel."""
    stage = {"Up": LegStage.UP, "Ringing": LegStage.RINGING}.get(channel.state, LegStage.SETUP)
    leg = Leg(channel.id, caller, stage, in_stasis=True, dialled=True)
    state = CallState(call_id, direction, channel.id, channel.id, {channel.id: leg})
    fact = f.Started(
        call_id=call_id,
        at=at,
        direction=direction,
        caller=caller,
        line=line,
        dialled=dialled,
        element=element,
        channel=channel.name,
        caller_id=caller_id,
        ordered=ordered,
        callback=callback,
    )
    return state, [fact]


def apply(state: CallState, event: e.Event | i.Intent) -> Change:
    """What an event changes. One the model has no use for changes nothing."""
    transition = _TRANSITIONS.get(type(event))
    if transition is None:
        return state, []
    had_ended = state.ended
    state, facts = transition(state, event)
    # After the end only the recording is still to come; legs are seen off in silence.
    return state, [fact for fact in facts if isinstance(fact, _MAY_FOLLOW_THE_END)] if had_ended else facts


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


def _vanished(state: CallState, intent: i.Vanished) -> Change:
    leg = state.legs.get(intent.leg)
    return _leg_gone(state, leg, intent.at) if leg is not None and leg.alive else (state, [])


def _dial_failed(state: CallState, intent: i.DialFailed) -> Change:
    leg = state.legs.get(intent.leg)
    if leg is None or not leg.alive:
        return state, []
    return _leg_gone(state, replace(leg, cause=intent.cause), intent.at)


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
    state, told = _told_dialled(state, leg, event.timestamp)
    if event.dialstatus == "RINGING":
        state, more = _ringing(state, leg.id, event.timestamp)
        return state, told + more
    if event.dialstatus == "PROGRESS" and leg.stage is not LegStage.UP:
        state = state.with_leg(replace(state.legs[leg.id], reached=True))
        told.append(f.EarlyMedia(call_id=state.call_id, at=event.timestamp, leg=leg.id, party=leg.party))
    return state, told


def _told_dialled(state: CallState, leg: Leg, at: datetime) -> Change:
    if leg.dialled:
        return state, []
    state = state.with_leg(replace(leg, dialled=True))
    return state, [f.Dialled(call_id=state.call_id, at=at, leg=leg.id, party=leg.party)]


def _ringing(state: CallState, leg_id: str, at: datetime) -> Change:
    leg = state.legs[leg_id]
    if leg.stage is not LegStage.SETUP or leg.over:
        return state, []
    state, facts = _told_dialled(state, leg, at)
    state = state.with_leg(replace(state.legs[leg_id], stage=LegStage.RINGING, reached=True))
    return state, [*facts, f.Ringing(call_id=state.call_id, at=at, leg=leg.id, party=leg.party)]


def _up(state: CallState, leg_id: str, at: datetime) -> Change:
    leg = state.legs[leg_id]
    if leg.stage not in (LegStage.SETUP, LegStage.RINGING) or leg.over:
        return state, []
    state, facts = _told_dialled(state, leg, at)
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
    state, facts = _told_left(state, leg, event.timestamp)
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
    return _told_left(state, leg, event.timestamp)


def _told_left(state: CallState, leg: Leg, at: datetime) -> Change:
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


# Legs and calls end


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
    return _leg_gone(state.with_leg(replace(leg, cause=NORMAL)), replace(leg, cause=NORMAL), intent.at)


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
    state = state.with_leg(replace(leg, leaving=True, cause=event.cause, tech_cause=event.tech_cause))
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
    state, facts = _told_left(state.with_leg(replace(leg, in_stasis=False)), leg, at)
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
    state, facts = _told_left(state, leg, at)
    common: dict[str, Any] = {"call_id": state.call_id, "at": at, "leg": leg.id, "party": leg.party}
    common |= {"cause": leg.cause, "tech_cause": leg.tech_cause}
    if was_up and not is_anchor:
        facts.append(f.LegEnded(**common))
    elif not was_up and not (is_anchor and leg.id == state.caller_leg):
        state, told = _told_dialled(state, state.legs[leg.id], at)
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


# Recordings and notes


def _taping(state: CallState, intent: i.Taping) -> Change:
    if intent.name in state.tapes:
        return state, []
    tape = Tape(intent.name, intent.kind, intent.leg, intent.talk, intent.stereo, intent.least)
    return state.with_tape(tape, running=False), []


def _taping_failed(state: CallState, intent: i.TapingFailed) -> Change:
    if intent.name not in state.tapes or state.tapes[intent.name].failed:
        return state, []
    fact = f.RecordingFailed(call_id=state.call_id, at=intent.at, name=intent.name, why=intent.why)
    failed = replace(state.tapes[intent.name], failed=True)
    return state.without_tape(intent.name).with_tape(failed, running=False), [fact]


def _tape_of(state: CallState, file: str) -> Tape:
    name = recording_of_file(file)
    return state.tapes.get(name) or Tape(name, stereo=name != file)


def _recording_started(state: CallState, event: e.RecordingStarted) -> Change:
    tape = _tape_of(state, event.recording.name)
    if tape.failed:
        return state, []
    runs = tape.name in state.recordings
    state = state.with_tape(replace(tape, files=tape.files | {event.recording.name}), running=True)
    if runs:
        return state, []
    fact = f.RecordingStarted(
        call_id=state.call_id,
        at=event.timestamp,
        name=tape.name,
        kind=tape.kind,
        leg=tape.leg,
        talk=tape.talk,
        stereo=tape.stereo,
    )
    return state, [fact]


def _recording_finished(state: CallState, event: e.RecordingFinished) -> Change:
    recording = event.recording
    tape = _tape_of(state, recording.name)
    if tape.name in state.taped and tape.name not in state.tapes:
        return state, []  # after a gap its end may be told twice: by Asterisk, and by what the world looks like
    # With silence detection Asterisk also tells how long there was something to be heard.
    heard = recording.duration if recording.talking_duration is None else recording.talking_duration
    tape = replace(tape, files=tape.files - {recording.name}, seconds=max(tape.seconds, heard or 0))
    if tape.files:
        return state.with_tape(tape, running=not tape.failed), []
    return _taped(state, tape, recording.format, event.timestamp)


def _taped(state: CallState, tape: Tape, audio_format: str, at: datetime) -> Change:
    """All files of a recording are complete."""
    state = state.without_tape(tape.name)
    if tape.failed:
        return state, []
    if tape.seconds < tape.least:
        return state, [f.RecordingDiscarded(call_id=state.call_id, at=at, name=tape.name, seconds=tape.seconds)]
    fact = f.Recorded(
        call_id=state.call_id,
        at=at,
        name=tape.name,
        format=audio_format,
        seconds=tape.seconds,
        kind=tape.kind,
        talk=tape.talk,
        stereo=tape.stereo,
    )
    return state, [fact]


def _recording_over(state: CallState, intent: i.RecordingOver) -> Change:
    if intent.name not in state.recordings:
        return state.without_tape(intent.name), []
    # How long it is, nobody knows: that is no reason to take it for too short.
    return _taped(state, replace(_tape_of(state, intent.name), least=0), intent.format, intent.at)


def _recording_failed(state: CallState, event: e.RecordingFailed) -> Change:
    tape = _tape_of(state, event.recording.name)
    state = state.without_tape(tape.name)
    why = event.recording.cause or "unknown"
    return state, [f.RecordingFailed(call_id=state.call_id, at=event.timestamp, name=tape.name, why=why)]


def _noted(state: CallState, intent: i.Noted) -> Change:
    return state, [] if state.ended else [intent.fact]


_TRANSITIONS: dict[type, Callable[[CallState, Any], Change]] = {
    i.Dialling: _dialling,
    i.TakingOver: _taking_over,
    i.DialFailed: _dial_failed,
    i.Vanished: _vanished,
    i.Releasing: _releasing,
    i.HangingUp: _hanging_up,
    i.Anchoring: _anchoring,
    i.Dismissing: _dismissing,
    i.Holding: _holding,
    i.HandingOver: _handing_over,
    i.ExchangeRestarted: _exchange_restarted,
    i.Taping: _taping,
    i.TapingFailed: _taping_failed,
    i.RecordingOver: _recording_over,
    i.Noted: _noted,
    e.StasisStart: _stasis_start,
    e.StasisEnd: _stasis_end,
    e.ChannelStateChange: _state_change,
    e.ChannelDestroyed: _destroyed,
    e.ChannelHangupRequest: _hangup_request,
    e.Dial: _dial,
    e.ChannelEnteredBridge: _entered,
    e.ChannelLeftBridge: _left,
    e.ChannelDtmfReceived: _dtmf,
    e.ChannelHold: _hold,
    e.ChannelUnhold: _hold,
    e.RecordingStarted: _recording_started,
    e.RecordingFinished: _recording_finished,
    e.RecordingFailed: _recording_failed,
}
