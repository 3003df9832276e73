"""Calls, live and ended: who takes part in them and what happened."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from stasis_app.calls.facts import Direction, EndedBy, Fact, Party, PartyKind, TransferKind, TransferResult, Unanswered
from stasis_app.calls.record import CallRecord
from stasis_app.http.models.base import Answer, Request


class CallsState(StrEnum):
    """Which calls."""

    LIVE = "live"
    ENDED = "ended"


class CallsQuery(Request):
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


class PartyOut(Answer):
    """One side of a call."""

    kind: PartyKind
    number: str = Field(description="an extension for an employee; empty when withheld")
    name: str = ""


class RingOut(Answer):
    """An attempt to reach somebody."""

    party: PartyOut
    dialled_at: datetime
    ringing_at: datetime | None = Field(description="when the phone really rang")
    answered_at: datetime | None
    ended_at: datetime | None
    why: Unanswered | None = Field(description="why nobody answered")
    cause: int = Field(description="Q.850 cause, 0 while unknown")


class TalkOut(Answer):
    """A conversation."""

    party: PartyOut
    began_at: datetime
    ended_at: datetime | None
    among_us: bool = Field(description="of employees alone: no conversation with the client if the call went outside")


class TransferOut(Answer):
    """An attempt to move the call to somebody else."""

    party: PartyOut = Field(description="who transferred")
    kind: TransferKind
    to: str
    began_at: datetime
    ended_at: datetime | None
    result: TransferResult | None = Field(description="null while it is under way")


class ParticipantOut(BaseModel):
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


class ClientOut(Answer):
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


class CallOut(BaseModel):
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
            client=ClientOut.of(known) if known else None,
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


class LiveFact(BaseModel):
    """An entry of the live stream: a fact, and the call after it."""

    fact: FactOut
    call: CallOut
