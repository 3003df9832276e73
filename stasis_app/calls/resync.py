"""After a gap in the events: what must have happened meanwhile, told as the events that were missed.

The world as the server describes it is compared with what a call knows. Everything that follows goes the ordinary way
through the model, so a lost connection, a restart and a take-over need no code of their own.
"""

from __future__ import annotations

from datetime import datetime

from stasis_app.ari import events as e
from stasis_app.ari.world import World
from stasis_app.calls.facts import RecordingKind
from stasis_app.calls.state import CallState, Leg, LegStage


def missed_events(state: CallState, world: World, at: datetime) -> list[e.Event]:
    """The events that bring a call up to date with the world, in the order of their times.

    When a channel ended, the dialplan may have noted. The time of everything else is `at`, the best guess there is.
    """
    missed: list[e.Event] = []
    for leg in (leg for leg in state.legs.values() if leg.alive):
        channel = world.channel(leg.id)
        if channel is None:
            ended = min(world.ended.get(leg.id, at), at)
            missed.append(e.ChannelDestroyed(timestamp=ended, channel=e.Channel(id=leg.id)))
        else:
            missed += _of_leg(leg, channel, world.bridge_of(leg.id), at)
    missed.sort(key=lambda event: event.timestamp)
    return missed + [
        e.RecordingFinished(timestamp=at, recording=e.Recording(name=file, format="wav"))
        for tape in state.tapes.values()
        if tape.kind is RecordingKind.TALK
        for file in sorted(tape.files)
        if world.channel(file) is None  # a snoop channel has the name of the file it records
    ]


def _of_leg(leg: Leg, channel: e.Channel, bridge: e.Bridge | None, now: datetime) -> list[e.Event]:
    missed: list[e.Event] = []
    if channel.state == "Ringing" and leg.stage is LegStage.SETUP:
        missed.append(e.ChannelStateChange(timestamp=now, channel=channel))
    in_stasis = channel.dialplan.app_name == "Stasis"
    if in_stasis and not leg.in_stasis:
        missed.append(e.StasisStart(timestamp=now, channel=channel))
    elif channel.state == "Up" and leg.stage is not LegStage.UP:
        missed.append(e.ChannelStateChange(timestamp=now, channel=channel))
    if leg.in_stasis and not in_stasis:
        missed.append(e.StasisEnd(timestamp=now, channel=channel))
    if leg.bridge and (bridge is None or bridge.id != leg.bridge):
        missed.append(e.ChannelLeftBridge(timestamp=now, channel=channel, bridge=e.Bridge(id=leg.bridge)))
    if bridge is not None and bridge.id != leg.bridge:
        missed.append(e.ChannelEnteredBridge(timestamp=now, channel=channel, bridge=bridge))
    return missed
