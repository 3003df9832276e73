"""The ARI events the service uses, as typed models.

Fields are ARI's own (https://docs.asterisk.org/Latest_API/API_Documentation/Asterisk_REST_Interface/); models are
lenient about additions and strict about what we rely on. `parse` takes one websocket message and yields an event, a
`RestResponse`, or `None` for a type we do not know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Model(BaseModel):
    """Unknown fields are passed over: newer servers add some with each release."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CallerId(Model):
    """A name and a number, each "" when there is none."""

    name: str = ""
    number: str = ""


class Dialplan(Model):
    """Where in the dialplan a channel is; in Stasis, `app_data` still holds the arguments it came with."""

    context: str = ""
    exten: str = ""
    priority: int = 0
    app_name: str = ""
    app_data: str = ""


class Channel(Model):
    """A snapshot of a channel. `state` is Down, Ring, Ringing, Up ..."""

    id: str
    name: str = ""
    state: str = ""
    caller: CallerId = CallerId()
    connected: CallerId = CallerId()
    dialplan: Dialplan = Dialplan()
    creationtime: AwareDatetime | None = None


class Bridge(Model):
    """A snapshot of a bridge."""

    id: str
    bridge_type: str = ""
    channels: tuple[str, ...] = ()
    creationtime: AwareDatetime | None = None


class Playback(Model):
    """A prompt being played. `target_uri` is `channel:ID` or `bridge:ID`; `state` ends as done or failed."""

    id: str
    media_uri: str = ""
    target_uri: str = ""
    state: str = ""


class Recording(Model):
    """A live recording. Durations are in whole seconds, truncated; None while unknown.

    `talking_duration` is told where silence ends the recording.
    """

    name: str
    format: str = ""
    target_uri: str = ""
    state: str = ""
    duration: int | None = None
    talking_duration: int | None = None
    cause: str = ""


class Event(Model):
    """What every event has."""

    timestamp: AwareDatetime
    application: str = ""


class StasisStart(Event):
    """A channel entered the application. For a leg we originated: it answered."""

    type: Literal["StasisStart"] = "StasisStart"
    channel: Channel
    args: tuple[str, ...] = ()
    replace_channel: Channel | None = None


class StasisEnd(Event):
    """A channel left the application: hung up, or went on in the dialplan."""

    type: Literal["StasisEnd"] = "StasisEnd"
    channel: Channel


class ChannelStateChange(Event):
    """A channel's state changed (Ringing, Up ...)."""

    type: Literal["ChannelStateChange"] = "ChannelStateChange"
    channel: Channel


class ChannelDestroyed(Event):
    """A channel is gone. `cause` is Q.850, `tech_cause` the SIP status (22.7+)."""

    type: Literal["ChannelDestroyed"] = "ChannelDestroyed"
    channel: Channel
    cause: int = 0
    tech_cause: int | None = None


class ChannelHangupRequest(Event):
    """Somebody wants a channel to end. `soft` means the wish came from inside Asterisk; then `cause` is not Q.850."""

    type: Literal["ChannelHangupRequest"] = "ChannelHangupRequest"
    channel: Channel
    cause: int = 0
    tech_cause: int | None = None
    soft: bool = False


class Dial(Event):
    """Progress of a dialled channel; `dialstatus` is "" at the start, then RINGING, PROGRESS, ANSWER, BUSY ...

    `forwarded` is the Local channel Asterisk calls instead, when the phone sent the call on (SIP 3xx).
    """

    type: Literal["Dial"] = "Dial"
    peer: Channel
    caller: Channel | None = None
    forwarded: Channel | None = None
    dialstatus: str = ""


class ChannelEnteredBridge(Event):
    """A channel entered a bridge."""

    type: Literal["ChannelEnteredBridge"] = "ChannelEnteredBridge"
    channel: Channel
    bridge: Bridge


class ChannelLeftBridge(Event):
    """A channel left a bridge."""

    type: Literal["ChannelLeftBridge"] = "ChannelLeftBridge"
    channel: Channel
    bridge: Bridge


class ChannelDtmfReceived(Event):
    """A key was pressed (sent at its end)."""

    type: Literal["ChannelDtmfReceived"] = "ChannelDtmfReceived"
    channel: Channel
    digit: str


class ChannelHold(Event):
    """The channel's phone put the other side on hold."""

    type: Literal["ChannelHold"] = "ChannelHold"
    channel: Channel


class ChannelUnhold(Event):
    """The channel's phone took the other side back; also comes, unpaired, before a transfer."""

    type: Literal["ChannelUnhold"] = "ChannelUnhold"
    channel: Channel


class ReferTo(Model):
    """Whom a phone transfers to. For an attended transfer `destination_channel` is its second channel, and
    `connected_channel` whom it talks to there."""

    class Requested(Model):
        """What the phone asked for."""

        destination: str = ""
        protocol_id: str = ""

    requested_destination: Requested = Requested()
    destination_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class ReferredBy(Model):
    """Who transfers: the channel whose phone sent the REFER, and whom it is connected to."""

    source_channel: Channel
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class ChannelTransfer(Event):
    """A phone asks for a transfer and Asterisk leaves it to us (`PJSIP_TRANSFER_HANDLING()=ari-only`, 22.3+).

    With a `state` it is only the echo of our own transfer_progress.
    """

    type: Literal["ChannelTransfer"] = "ChannelTransfer"
    refer_to: ReferTo
    referred_by: ReferredBy
    state: str = ""


class BridgeBlindTransfer(Event):
    """Asterisk carried out a blind transfer: `replace_channel`, a Local channel, is where `channel` was."""

    type: Literal["BridgeBlindTransfer"] = "BridgeBlindTransfer"
    channel: Channel
    replace_channel: Channel | None = None
    transferee: Channel | None = None
    exten: str = ""
    context: str = ""
    result: str = ""


class BridgeAttendedTransfer(Event):
    """Asterisk carried out an attended transfer; `destination_type` link: two Local channels join both bridges."""

    type: Literal["BridgeAttendedTransfer"] = "BridgeAttendedTransfer"
    transferer_first_leg: Channel
    transferer_second_leg: Channel
    transferee: Channel | None = None
    transfer_target: Channel | None = None
    replace_channel: Channel | None = None
    destination_type: str = ""
    result: str = ""


class PlaybackFinished(Event):
    """A prompt ended: played, stopped (both `done`) or `failed`."""

    type: Literal["PlaybackFinished"] = "PlaybackFinished"
    playback: Playback


class RecordingStarted(Event):
    """A recording runs."""

    type: Literal["RecordingStarted"] = "RecordingStarted"
    recording: Recording


class RecordingFinished(Event):
    """A recording ended; at this event its file is complete."""

    type: Literal["RecordingFinished"] = "RecordingFinished"
    recording: Recording


class RecordingFailed(Event):
    """A recording came to nothing."""

    type: Literal["RecordingFailed"] = "RecordingFailed"
    recording: Recording


class ApplicationReplaced(Event):
    """Another connection took over our application name; nothing more will come on this one."""

    type: Literal["ApplicationReplaced"] = "ApplicationReplaced"


class ApplicationRegistered(Event):
    """An outbound websocket serves this application; events of the time before it came already."""

    type: Literal["ApplicationRegistered"] = "ApplicationRegistered"


class ApplicationUnregistered(Event):
    """An outbound websocket serves this application no more."""

    type: Literal["ApplicationUnregistered"] = "ApplicationUnregistered"


class RestResponse(Model):
    """The reply to a request sent over the websocket (20.14+, 21.9+, 22.4+); `message_body` is text."""

    type: Literal["RESTResponse"] = "RESTResponse"
    request_id: str = ""
    status_code: int = 0
    reason_phrase: str = ""
    message_body: str = ""


_AnyEvent = (
    StasisStart
    | StasisEnd
    | ChannelStateChange
    | ChannelDestroyed
    | ChannelHangupRequest
    | Dial
    | ChannelEnteredBridge
    | ChannelLeftBridge
    | ChannelDtmfReceived
    | ChannelHold
    | ChannelUnhold
    | ChannelTransfer
    | BridgeBlindTransfer
    | BridgeAttendedTransfer
    | PlaybackFinished
    | RecordingStarted
    | RecordingFinished
    | RecordingFailed
    | ApplicationReplaced
    | ApplicationRegistered
    | ApplicationUnregistered
)
_message: TypeAdapter[Event | RestResponse] = TypeAdapter(
    Annotated[_AnyEvent | RestResponse, Field(discriminator="type")]
)

# Event types that could reach us and that nothing here uses: filtered at the server, where it saves both sides the
# work. A list of what is allowed would be shorter but would also stop the websocket's own RESTResponse.
UNUSED_EVENTS = (
    "ApplicationMoveFailed",
    "BridgeCreated",
    "BridgeDestroyed",
    "BridgeMerged",
    "BridgeVideoSourceChanged",
    "ChannelCallerId",
    "ChannelConnectedLine",
    "ChannelCreated",
    "ChannelDialplan",
    "ChannelTalkingFinished",
    "ChannelTalkingStarted",
    "ChannelToneDetected",
    "ChannelUserevent",
    "ChannelVarset",
    "ContactStatusChange",
    "DeviceStateChanged",
    "EndpointStateChange",
    "PeerStatusChange",
    "PlaybackContinuing",
    "PlaybackStarted",
    "TextMessageReceived",
)


class UnreadableMessage(ValueError):
    """A websocket message that is no event we can use. `kind` says what it was, fit for counting and logging once."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind = kind
        self.why = why


def parse(message: str | bytes) -> Event | RestResponse:
    """Read one websocket message.

    Raises:
        UnreadableMessage: not JSON, an event type unknown to us, or one without the fields we rely on.
    """
    try:
        return _message.validate_json(message)
    except ValidationError as error:
        raise unreadable("", error) from None


def unreadable(what: str, error: ValidationError) -> UnreadableMessage:
    """What was wrong with a message or an object, without its values: they may be phone numbers."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "union_tag_invalid":
        return UnreadableMessage(str(first.get("ctx", {}).get("tag", "?"))[:60], "unknown event type")
    where = ".".join(str(part) for part in ((what,) if what else ()) + first["loc"]) or "message"
    return UnreadableMessage(where[:120], str(first["msg"])[:200])
