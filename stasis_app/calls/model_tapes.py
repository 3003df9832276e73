"""Recordings of a call begin and end. Part of the model: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.routing import recording_of_file
from stasis_app.calls.state import CallState, Tape
from stasis_app.calls.transition import Change, Transitions


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


TRANSITIONS: Transitions = {
    i.Taping: _taping,
    i.TapingFailed: _taping_failed,
    i.RecordingOver: _recording_over,
    e.RecordingStarted: _recording_started,
    e.RecordingFinished: _recording_finished,
    e.RecordingFailed: _recording_failed,
}
"""What is recorded."""
