"""What goes over the API: requests and answers as pydantic models, the source of the OpenAPI document."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from stasis_app.calls.facts import Direction, EndedBy, Fact, Party, PartyKind, TransferKind, TransferResult, Unanswered
from stasis_app.calls.record import CallRecord, Ring, Talk, Transfer
from stasis_app.http.dependencies import Component, OutboxItem, State
from stasis_app.incidents import Incident, Severity

_WRITTEN = re.compile(r"[ ()\-.\u00a0]")
_DIALLABLE = re.compile(r"\+?[0-9*#]{2,20}")


def diallable(number: str) -> str:
    """The number without spaces, brackets and dashes; nothing but digits, + * # may reach a dial string."""
    bare = _WRITTEN.sub("", number)
    if not _DIALLABLE.fullmatch(bare):
        raise ValueError("must be a phone number: 2 to 20 digits, * or #, with an optional + before them")
    return bare


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Originate(_Request):
    """A call to be set up: the employee's phone rings first, then the number is called."""

    extension: str = Field(pattern=r"^\d{1,11}$", description="the employee's extension", examples=["101"])
    number: Annotated[str, AfterValidator(diallable)] = Field(
        max_length=40, description="the number to call then", examples=["+79161234567"]
    )
    line: str = Field(
        default="",
        max_length=60,
        description="the line the call goes out by: one of the plan, or a trunk's name",
    )
    caller_id: str = Field(
        default="", pattern=r"^(\+?\d{2,20})?$", description="the number to show, one of the company's own"
    )
    auto_answer: bool | None = Field(
        default=None, description="whether the employee's phone answers by itself; null: as is configured"
    )


class CallsState(StrEnum):
    """Which calls."""

    LIVE = "live"
    ENDED = "ended"


class CallsQuery(_Request):
    """Filters of the list of calls. All but `state` and `portal_call_id` are for ended calls."""

    state: CallsState = Field(default=CallsState.LIVE, description="live calls, or those that are over")
    portal_call_id: str = Field(
        default="", max_length=200, description="the live call that is this one (CALL_ID) in the portal"
    )
    limit: int = Field(default=50, ge=1, le=500, description="calls on a page")
    cursor: str = Field(default="", max_length=200, description="`next` of the page before")
    since: datetime | None = Field(default=None, description="started at this moment or later (ISO 8601 with zone)")
    until: datetime | None = Field(default=None, description="started before this moment")
    number: str = Field(default="", pattern=r"^\+?\d{0,20}$", description="the customer's number, or how it ends")
    extension: str = Field(default="", pattern=r"^\d{0,11}$", description="an employee who was rung or talked")
    direction: Direction | None = Field(default=None, description="which way")
    answered: bool | None = Field(default=None, description="whether an employee talked")


def _flag(value: Any) -> Any:
    """A parameter that is there without a value is meant."""
    return True if value == "" else value


class RecordingsQuery(_Request):
    """Which recordings."""

    day: date | None = Field(default=None, description="the day their calls began (ISO 8601); today")
    missing: Annotated[bool, BeforeValidator(_flag)] = Field(
        default=False, description="only those the portal does not have"
    )


class OutboxQuery(_Request):
    """How much of the outbox."""

    limit: int = Field(default=100, ge=1, le=1000, description="entries at most")


class IncidentsState(StrEnum):
    """Which incidents."""

    OPEN = "open"
    ALL = "all"


class IncidentsQuery(_Request):
    """Which incidents, and how many."""

    state: IncidentsState = Field(
        default=IncidentsState.OPEN, description="those going on, or also those that are over"
    )
    limit: int = Field(default=100, ge=1, le=1000, description="incidents at most")


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PartyOut(_Answer):
    """One side of a call."""

    kind: PartyKind
    number: str = Field(description="an extension for an employee; empty when withheld")
    name: str = ""

    @classmethod
    def of(cls, party: Party) -> PartyOut:
        return cls(kind=party.kind, number=party.number, name=party.name)


class RingOut(_Answer):
    """An attempt to reach somebody."""

    party: PartyOut
    dialled_at: datetime
    ringing_at: datetime | None = Field(description="when the phone really rang")
    answered_at: datetime | None
    ended_at: datetime | None
    why: Unanswered | None = Field(description="why nobody answered")
    cause: int = Field(description="Q.850 cause, 0 while unknown")

    @classmethod
    def of(cls, ring: Ring) -> RingOut:
        return cls(
            party=PartyOut.of(ring.party),
            dialled_at=ring.dialled_at,
            ringing_at=ring.ringing_at,
            answered_at=ring.answered_at,
            ended_at=ring.ended_at,
            why=ring.why,
            cause=ring.cause,
        )


class TalkOut(_Answer):
    """A conversation."""

    party: PartyOut
    began_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, talk: Talk) -> TalkOut:
        return cls(party=PartyOut.of(talk.party), began_at=talk.began_at, ended_at=talk.ended_at)


class TransferOut(_Answer):
    """An attempt to move the call to somebody else."""

    party: PartyOut = Field(description="who transferred")
    kind: TransferKind
    to: str
    began_at: datetime
    ended_at: datetime | None
    result: TransferResult | None = Field(description="null while it is under way")

    @classmethod
    def of(cls, transfer: Transfer) -> TransferOut:
        return cls(
            party=PartyOut.of(transfer.party),
            kind=transfer.kind,
            to=transfer.to,
            began_at=transfer.began_at,
            ended_at=transfer.ended_at,
            result=transfer.result,
        )


class ParticipantOut(_Answer):
    """Somebody who is in the call now."""

    id: str = Field(description="of his leg; with it, or his number, he can be held, muted, dismissed ...")
    party: PartyOut
    since: datetime = Field(description="when he called or answered")
    held: bool = Field(description="he has put the others on hold")
    muted: bool = Field(description="the others do not hear him")

    @classmethod
    def of(cls, record: CallRecord, leg: str, party: Party) -> ParticipantOut:
        answered = (ring.answered_at for ring in record.rings if ring.leg == leg and ring.answered_at)
        return cls(
            id=leg,
            party=PartyOut.of(party),
            since=next(answered, record.started_at),
            held=leg in record.held,
            muted=leg in record.muted,
        )


class ClientOut(_Answer):
    """Whose number it is, as the CRM says."""

    entity_type: str
    entity_id: int
    name: str
    extension: str = Field(description="of the responsible employee")


class CallStage(StrEnum):
    """What goes on in a call."""

    WAITING = "waiting"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class CallOut(_Answer):
    """A call."""

    id: str
    direction: Direction
    stage: CallStage
    caller: PartyOut
    customer_number: str = Field(description="the outside number; empty when withheld")
    line: str = Field(description="the DID it came in on, or the line it goes out by")
    dialled: str
    client: ClientOut | None
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    cause: int = Field(description="Q.850 cause of the end")
    tech_cause: int | None = Field(description="SIP status of the end, if Asterisk told it")
    answered: bool = Field(description="an employee and the other side talked")
    talk_seconds: float = Field(description="length of ended conversations")
    element: str = Field(description="where in the plan it is, or was last")
    rings: list[RingOut]
    talks: list[TalkOut]
    transfers: list[TransferOut]
    participants: list[ParticipantOut] = Field(description="who is in it now")
    parked: str = Field(description="the number to dial for it while it is parked; empty otherwise")
    recordings: list[str]
    recording: str = Field(description="the recording under way; empty without one")
    recording_paused: bool

    @classmethod
    def of(cls, record: CallRecord) -> CallOut:
        known = record.identified
        return cls(
            id=record.call_id,
            direction=record.direction,
            stage=_stage(record),
            caller=PartyOut.of(record.caller),
            customer_number=record.customer_number,
            line=record.line,
            dialled=record.dialled,
            client=ClientOut.model_validate(known) if known else None,
            started_at=record.started_at,
            ended_at=record.ended_at,
            ended_by=record.ended_by,
            cause=record.cause,
            tech_cause=record.tech_cause,
            answered=record.answered,
            talk_seconds=round(record.talk_seconds, 3),
            element=record.visited[-1].element if record.visited else record.element,
            rings=[RingOut.of(ring) for ring in record.rings],
            talks=[TalkOut.of(talk) for talk in record.talks],
            transfers=[TransferOut.of(transfer) for transfer in record.transfers],
            participants=[ParticipantOut.of(record, leg, party) for leg, party in record.participants.items()],
            parked=record.parked.slot if record.parked else "",
            recordings=[recorded.name for recorded in record.recordings],
            recording=record.recording,
            recording_paused=record.recording_paused,
        )


def _stage(record: CallRecord) -> CallStage:
    if record.ended_at:
        return CallStage.ENDED
    if record.talking_now:
        return CallStage.TALKING
    return CallStage.RINGING if record.ringing_now else CallStage.WAITING


class FactOut(BaseModel):
    """Something that happened to a call."""

    fact: str = Field(description="its kind", examples=["Ringing"])
    at: datetime = Field(description="when, by Asterisk's clock")
    call_id: str
    details: dict[str, Any] = Field(description="the rest of the fact, by kind")

    @classmethod
    def of(cls, fact: Fact) -> FactOut:
        details = dataclasses.asdict(fact)
        for known in ("at", "call_id"):
            del details[known]
        return cls(fact=type(fact).__name__, at=fact.at, call_id=fact.call_id, details=details)


class CallPage(BaseModel):
    """A page of calls."""

    calls: list[CallOut]
    next: str | None = Field(description="`cursor` of the next page; null on the last")


class CallStory(BaseModel):
    """A call and everything that happened to it."""

    call: CallOut
    facts: list[FactOut]


class Originated(BaseModel):
    """A call being set up."""

    call_id: str


class TransferOrder(BaseModel):
    """Where a call is to go, and for whom."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(
        min_length=1, max_length=40, description="an extension, an outside number, or an element or number of the plan"
    )
    kind: TransferKind = Field(
        default=TransferKind.BLIND, description="blind: at once; attended: the employee asks first, the customer waits"
    )
    extension: str = Field(
        default="", pattern=r"^\d{0,11}$", description="the employee whose call it is, where several talk"
    )


class LiveFact(BaseModel):
    """An entry of the live stream: a fact, and the call after it."""

    fact: FactOut
    call: CallOut


class OutboxItemOut(_Answer):
    """An operation on its way to the portal."""

    id: str
    call_id: str
    operation: str
    state: str
    attempts: int
    created_at: datetime
    error: str

    @classmethod
    def of(cls, item: OutboxItem) -> OutboxItemOut:
        return cls.model_validate(item)


class OutboxPage(BaseModel):
    """The outbox, newest first."""

    items: list[OutboxItemOut]


class RecordingOut(_Answer):
    """A recording and what became of it."""

    call_id: str
    name: str = Field(description="of its file on the PBX; a stereo one is two files, name-in and name-out")
    kind: str = Field(description="talk, or message: left by the caller")
    at: datetime = Field(description="when it was complete")
    seconds: int
    stereo: bool
    state: str = Field(description="delivered, waiting, refused, failed, or kept on the PBX alone")
    why: str = Field(description="what keeps it from the portal")


class RecordingsPage(BaseModel):
    """The recordings of a day."""

    recordings: list[RecordingOut]


class IncidentOut(BaseModel):
    """Something an operator has to know of."""

    code: str = Field(description="stable name of the kind of trouble")
    subject: str = Field(description="what it is about, an extension for instance; empty where there is only one")
    severity: Severity
    count: int = Field(description="how often it happened")
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None = Field(description="when it was over; null while it goes on")
    detail: str = Field(description="what happened, the last time")
    meaning: str = Field(description="what it means for calls")
    remedy: str = Field(description="what mends it")

    @classmethod
    def of(cls, incident: Incident) -> IncidentOut:
        return cls(
            code=incident.kind.code,
            subject=incident.subject,
            severity=incident.kind.severity,
            count=incident.count,
            first_at=datetime.fromtimestamp(incident.first_at, UTC),
            last_at=datetime.fromtimestamp(incident.last_at, UTC),
            closed_at=datetime.fromtimestamp(incident.closed_at, UTC) if incident.closed_at is not None else None,
            detail=incident.detail,
            meaning=incident.kind.meaning,
            remedy=incident.kind.remedy,
        )


class IncidentPage(BaseModel):
    """Incidents, what happened last first."""

    incidents: list[IncidentOut]


class Alive(BaseModel):
    """The process answers. `incidents` are the codes of those that are open."""

    status: str = "alive"
    version: str
    incidents: list[str] = []


class ComponentOut(_Answer):
    """The health of one component. `detail` is only for bearers of a token."""

    name: str
    state: State
    essential: bool
    detail: str = ""

    @classmethod
    def of(cls, component: Component, *, with_detail: bool) -> ComponentOut:
        return cls(
            name=component.name,
            state=component.state,
            essential=component.essential,
            detail=component.detail if with_detail else "",
        )


class Readiness(StrEnum):
    """Whether calls can be served."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not ready"


class Ready(BaseModel):
    """Whether calls can be served, by component."""

    status: Readiness
    version: str
    components: list[ComponentOut]
