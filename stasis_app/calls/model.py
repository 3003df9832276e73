"""The pure model of a call: ARI events and our own intents in, facts out.

No I/O and no clock: every time comes with the event. So a recorded event stream is a test, and a bug report a fixture.
Each transition is a function `(state, event) -> (state, facts)`; events may come in any order, twice, or not at all,
and never raise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model_ends, model_legs, model_tapes
from stasis_app.calls.facts import Direction, Party
from stasis_app.calls.state import CallState, Leg, LegStage
from stasis_app.calls.transition import Change, Transitions

_MAY_FOLLOW_THE_END = (f.RecordingStarted, f.Recorded, f.RecordingDiscarded, f.RecordingFailed)


def start(
    call_id: str,
    channel: e.Channel,
    direction: Direction,
    caller: Party,
    at: datetime,
    *,
    line: str = "",
    wished_line: str | None = None,
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
        wished_line=wished_line,
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


def _noted(state: CallState, intent: i.Noted) -> Change:
    if state.ended:
        return state, []
    if isinstance(intent.fact, f.WentOutside):
        state = replace(state, direction=Direction.OUTBOUND)
    return state, [intent.fact]


_TRANSITIONS: Transitions = {
    **model_legs.TRANSITIONS,
    **model_ends.TRANSITIONS,
    **model_tapes.TRANSITIONS,
    i.Noted: _noted,
}
