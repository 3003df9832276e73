"""A call found in the journal after a restart: its state as it was when the service last saw it.

Compared with the world (`stasis_app.calls.resync`) it becomes what it is now, by the same way a lost connection takes.
"""

from __future__ import annotations

from stasis_app.calls.record import CallRecord, Ring
from stasis_app.calls.routing import bridge_of_call, files_of_recording
from stasis_app.calls.state import CallState, Leg, LegStage, Tape


def restored_state(record: CallRecord) -> CallState:
    """The state of a call that had not ended, from its record."""
    caller = Leg(
        record.call_id,
        record.caller,
        _stage_of_caller(record),
        # An ordered call's phone is outside the application until it answers.
        in_stasis=record.handed_over_to is None and not (record.ordered and not record.visited),
        dialled=True,
        bridge=_bridge(record, record.call_id),
        joined=record.call_id in record.in_bridge,
        held=record.held.get(record.call_id, False),
        held_by_us=not record.held.get(record.call_id, True),
        over=record.caller_left,
    )
    legs = {ring.leg: _leg(record, ring) for ring in record.rings if ring.ended_at is None}
    tapes = [
        Tape(
            recording.name,
            recording.kind,
            recording.leg,
            recording.talk,
            recording.stereo,
            files=frozenset(files_of_recording(recording.name, stereo=recording.stereo)),
        )
        for recording in record.recordings_now
    ]
    return CallState(
        record.call_id,
        record.direction,
        record.call_id,
        record.anchor or record.call_id,
        {caller.id: caller, **legs},
        recordings=frozenset(tape.name for tape in tapes),
        tapes={tape.name: tape for tape in tapes},
        taped=frozenset(recorded.name for recorded in record.recordings),
        handing_over=record.handed_over_to,
        watched=record.handed_over_to is not None,
        handed_over=record.handed_over_to is not None,
    )


def _stage_of_caller(record: CallRecord) -> LegStage:
    if record.caller_left:
        return LegStage.GONE
    return LegStage.UP if record.call_id in record.in_bridge else LegStage.SETUP


def _leg(record: CallRecord, ring: Ring) -> Leg:
    stage = LegStage.UP if ring.answered_at else LegStage.RINGING if ring.ringing_at else LegStage.SETUP
    return Leg(
        ring.leg,
        ring.party,
        stage,
        in_stasis=stage is LegStage.UP,
        dialled=True,
        reached=ring.ringing_at is not None,
        bridge=_bridge(record, ring.leg),
        joined=ring.leg in record.in_bridge,
        held=record.held.get(ring.leg, False),
        held_by_us=not record.held.get(ring.leg, True),
    )


def _bridge(record: CallRecord, leg: str) -> str:
    if leg not in record.in_bridge:
        return ""
    return record.bridges.get(leg) or bridge_of_call(record.call_id)
