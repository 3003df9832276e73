"""Which call an event is about: by its channel, or by the name of a bridge of ours."""

from __future__ import annotations

import re
import secrets

from stasis_app.ari import events as e

_BRIDGE = "-bridge"
_HOLDING = "holding-"
_SIDE = re.compile(r"-(?:in|out)$")
_NUMBER = re.compile(r"-m?\d+$")
_LEG = re.compile(r".-p[0-9a-f]{8}$")
_HALF = re.compile(r"^(?P<pair>Local/.+);[12]$")


def bridge_of_call(call_id: str, name: str = "") -> str:
    """The id of a call's bridge: the one its parties talk in, or a side bridge (`consult`)."""
    return f"{call_id}{_BRIDGE}-{name}" if name else f"{call_id}{_BRIDGE}"


def new_leg(call_id: str) -> str:
    """An id for another leg of a call.

    The letter keeps a recording's id (`call_id-1`) from being the beginning of a leg's: Asterisk takes a channel whose
    id merely begins with the one that is wanted for a duplicate and refuses (seen on 22.10: "Snoop channel could not be
    created").
    """
    return f"{call_id}-p{secrets.token_hex(4)}"


def is_leg(channel: str) -> bool:
    """Whether a channel is named as `new_leg` names those we set up."""
    return _LEG.search(channel) is not None


def holding_bridge(line: str) -> str:
    """The id of the bridge in which the callers of a waiting line hear music."""
    return f"{_HOLDING}{line}"


def is_holding_bridge(bridge: str) -> bool:
    """Whether a bridge is that of a waiting line."""
    return bridge.startswith(_HOLDING)


def is_bridge_of_call(bridge: str, call_id: str) -> bool:
    """Whether a bridge is one of this call's: who is in another (a waiting line) talks to nobody."""
    return bridge.startswith(f"{call_id}{_BRIDGE}")


def call_of_bridge(bridge: str) -> str:
    """The call a bridge was made for, "" for a bridge that is not named as ours are."""
    call, found, _ = bridge.partition(_BRIDGE)
    return call if found else ""


def channel_of_event(event: e.Event) -> str:
    """The channel an event is about, "" if it is about none."""
    match event:
        case e.Dial():
            return event.peer.id
        case e.PlaybackFinished():
            return event.playback.target_uri.removeprefix("channel:")
        case _:
            channel = getattr(event, "channel", None)
            return channel.id if isinstance(channel, e.Channel) else ""


def channel_is_snoop(event: e.Event) -> bool:
    """Whether an event is about a snoop channel: those take no part in a call, they listen to it."""
    channel = getattr(event, "channel", None)
    return isinstance(channel, e.Channel) and channel.name.startswith("Snoop/")


def local_pair(channel: e.Channel) -> str:
    """What the names of the two halves of a Local channel (`...;1`, `...;2`) have in common; "" for other channels."""
    half = _HALF.match(channel.name)
    return half["pair"] if half else ""


def dialling_channel(event: e.Event) -> str:
    """The channel that dials in a Dial event, "" for other events: it leads to a call handed over to the dialplan."""
    return event.caller.id if isinstance(event, e.Dial) and event.caller else ""


def call_of_event(event: e.Event) -> str:
    """The call whose bridge or recording an event is about, "" if it is about none."""
    if isinstance(event, e.PlaybackFinished):
        return event.playback.target_uri.removeprefix("bridge:").partition(_BRIDGE)[0]
    recording = getattr(event, "recording", None)
    return call_of_recording(recording.name) if isinstance(recording, e.Recording) else ""


def files_of_recording(name: str, *, stereo: bool) -> tuple[str, ...]:
    """The files of a recording, left channel first: what comes from the leg, what it hears; or both in one."""
    return (f"{name}-in", f"{name}-out") if stereo else (name,)


def recording_of_file(file: str) -> str:
    """The recording a file belongs to."""
    return _SIDE.sub("", file)


def call_of_recording(name: str) -> str:
    """The call a recording or a file of it belongs to: they are numbered within their call."""
    return _NUMBER.sub("", recording_of_file(name))
