"""Facts: what happened to a call, each with its time from Asterisk.

The model (`stasis_app.calls.model`) turns ARI events into facts; everybody else (mirror, journal, live stream) only
reads facts. A fact is immutable and self-contained, so a list of facts is the whole story of a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Direction(StrEnum):
    """Which way a call goes, seen from the company."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class PartyKind(StrEnum):
    """What a party is to the company."""

    CUSTOMER = "customer"
    EMPLOYEE = "employee"


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a call: a customer (`number` is his, "" when withheld) or an employee (`number` is the extension)."""

    kind: PartyKind
    number: str
    name: str = ""


class Unanswered(StrEnum):
    """Why a leg stopped ringing without an answer."""

    NO_ANSWER = "no answer"
    BUSY = "busy"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    ANSWERED_ELSEWHERE = "answered elsewhere"
    CANCELLED = "cancelled"  # the caller gave up, or the call moved on


class EndedBy(StrEnum):
    """Who ended a call."""

    CUSTOMER = "customer"
    EMPLOYEE = "employee"
    SERVICE = "service"  # the plan hung up
    DIALPLAN = "dialplan"  # it ended after the call was handed over
    EXCHANGE = "exchange"  # Asterisk was restarted
    UNKNOWN = "unknown"  # it ended while nobody was watching


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What every fact has: the call it belongs to and when it happened (aware, Asterisk's clock)."""

    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Fact):
    """A call began. `caller` began it; `line` is the DID it came in on, or the line it goes out by ("" unknown).

    `wished_line` is the line or trunk an order chose, None where `line` is all there is to say.
    """

    direction: Direction
    caller: Party
    line: str = ""
    wished_line: str | None = None
    dialled: str = ""  # the number or extension dialled, "" for inbound calls
    element: str = ""  # the plan element named by the dialplan
    channel: str = ""
    caller_id: str = ""  # the number to be shown to the other side, when the order named one
    ordered: bool = False  # over the API or in the CRM: the employee's own phone is rung first
    callback: bool = False  # the customer asked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOutside(Fact):
    """A call between employees goes on to an outside number: from here on it is an outgoing call.

    `by` is who placed it there: who gave the call away, else who began it. `line` is the line it goes out by ("" when
    nobody can tell).
    """

    number: str
    by: Party
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified(Fact):
    """The CRM told whose number this is. `user_id` is the responsible employee's Bitrix24 id."""

    entity_type: str  # CONTACT, COMPANY or LEAD
    entity_id: int
    name: str = ""
    user_id: int | None = None
    extension: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited(Fact):
    """The call came to an element of the plan, and why: this is what the operator reads afterwards.

    `since` is when it really came there, if it stands there again after a restart: time limits count from then.
    """

    element: str
    kind: str
    why: str = ""
    since: datetime | None = None

    @property
    def entered_at(self) -> datetime:
        """When the call's stay at the element began."""
        return self.since or self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued(Fact):
    """The caller waits in the line of this element, at this position (1 is next). `since` is when he came to it."""

    element: str
    position: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackOrdered(Fact):
    """The caller would rather be called back at this number than wait; he keeps his place in the line."""

    element: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed(Fact):
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFact(Fact):
    """A fact about one leg of the call."""

    leg: str  # the ARI channel id
    party: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled(LegFact):
    """A leg was set up towards a party; nothing rings yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing(LegFact):
    """The party's phone really rings (180)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyMedia(LegFact):
    """The party's side sends sound before the answer (183)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(LegFact):
    """The party answered (200). For an inbound call's caller: we answered him."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnswered(LegFact):
    """A leg ended without an answer. `cause` is Q.850, `tech_cause` the SIP status (None when Asterisk tells none)."""

    why: Unanswered
    cause: int = 0
    tech_cause: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(LegFact):
    """A leg entered a bridge: from here its party hears whoever else is in it."""

    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(LegFact):
    """A leg left a bridge."""

    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(LegFact):
    """The party put the other side on hold, at his phone or through us."""

    by_phone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(LegFact):
    """The party took the other side back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted(LegFact):
    """The others hear the party no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmuted(LegFact):
    """The others hear the party again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(LegFact):
    """The party left the call waiting under a number anybody may dial to take it; `until` the time is over."""

    slot: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparked(Fact):
    """The call waits under its number no longer: somebody took it, or (`by` is None) the time was over."""

    slot: str
    by: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedUp(LegFact):
    """The party takes a call that rings at colleagues' phones (`rang`: their extensions)."""

    rang: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded(Fact):
    """An extension sends its calls on to another, or to an outside number (`why`: always, busy, no answer ...).

    Not `followed`: it names a number of the plan, which can't be rung among others; the phone itself rings.
    """

    extension: str
    to: str
    why: str
    followed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised(Fact):
    """A supervisor follows the call, or does so in another way from now on (`mode`: listen, whisper, barge)."""

    extension: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEnded(Fact):
    """A supervisor follows the call no longer."""

    extension: str


class TransferKind(StrEnum):
    """How a call is moved to somebody else."""

    BLIND = "blind"
    ATTENDED = "attended"


class TransferResult(StrEnum):
    """What came of a transfer."""

    COMPLETED = "completed"
    CONFERENCE = "conference"  # the three of them talk
    CANCELLED = "cancelled"  # whoever began it took the call back
    REFUSED = "refused"  # there is no such destination
    UNANSWERED = "unanswered"  # nobody took it: it comes back
    ABANDONED = "abandoned"  # the party to be transferred hung up


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(LegFact):
    """The party moves the call to somebody else (`to`: an extension, an outside number or an element of the plan).

    `target_leg` is the leg rung for an attended transfer, "" until `Consulting` tells it.
    """

    kind: TransferKind
    to: str
    target_leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulting(Fact):
    """In the attended transfer under way this leg is rung now: the first one, another trunk, whom he forwards to."""

    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEnded(LegFact):
    """What came of the transfer the party began. `to_party` is who has the call now, if he is known."""

    to: str
    result: TransferResult
    to_party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(LegFact):
    """From here the call lives for this leg: who placed it moves it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(LegFact):
    """An answered leg ended. `cause` is Q.850, `tech_cause` the SIP status (None when Asterisk tells none).

    `elsewhere`: only here is it over; it goes on in another call.
    """

    cause: int = 0
    tech_cause: int | None = None
    elsewhere: bool = False


class RecordingKind(StrEnum):
    """What is on a recording."""

    TALK = "talk"
    MESSAGE = "message"  # left by the caller, when nobody talked with him


class RecordingMode(StrEnum):
    """What is recorded of a call."""

    OFF = "off"
    CALL = "call"  # one file from the first conversation to the last
    TALK = "talk"  # each employee's conversation is a file of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(Fact):
    """Something is being recorded under this name.

    `leg` is the channel that is listened to; `talk` the leg of the employee whose conversation it is, "" when it is the
    whole call's; `stereo`: what comes from the leg and what it hears are files of their own.
    """

    name: str
    kind: RecordingKind = RecordingKind.TALK
    leg: str = ""
    talk: str = ""
    stereo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Fact):
    """A recording is complete on disk. `seconds` is Asterisk's figure (whole seconds, truncated)."""

    name: str
    format: str
    seconds: int
    kind: RecordingKind = RecordingKind.TALK
    talk: str = ""
    stereo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDiscarded(Fact):
    """A message was too short to be one; its file is not kept."""

    name: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFailed(Fact):
    """A recording came to nothing."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPaused(Fact):
    """From here nothing that is said is recorded: silence takes its place. It ends by itself at `until`, if told."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResumed(Fact):
    """The recording goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChosen(Fact):
    """What is to be recorded of this call from here on, whatever the configuration says."""

    mode: RecordingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnnounced(Fact):
    """The parties were told that the call is recorded."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Fact):
    """The call was given back to the dialplan (`context,exten,priority`, "" for the next priority)."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Fact):
    """The call is over; no fact about the conversation follows (a `Recorded` still may)."""

    by: EndedBy
    cause: int = 0
    tech_cause: int | None = None
