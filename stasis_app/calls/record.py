"""The record of a call: everything its facts so far add up to.

One function, `after(record, fact)`, is the only place where facts are added up; the mirror, the journal, the API and
`stasis-app replay` all read its result, so they can't disagree about who talked to whom and for how long.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from stasis_app.calls import facts as f
from stasis_app.calls.facts import Direction, EndedBy, Party, PartyKind, TransferKind, TransferResult, Unanswered

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ring:
    """One attempt to reach a party."""

    leg: str
    party: Party
    dialled_at: datetime
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    why: Unanswered | None = None  # set when it ended without an answer
    cause: int = 0
    tech_cause: int | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """An interval in which an employee and the other side were in one bridge.

    `among_us`: only employees were there. In a call that went outside that is no conversation with the client.
    """

    leg: str
    party: Party
    began_at: datetime
    ended_at: datetime | None = None
    among_us: bool = False

    def seconds(self, now: datetime | None = None) -> float:
        """Length in seconds; an interval still open lasts until `now` (0 without one)."""
        until = self.ended_at or now
        return max(0.0, (until - self.began_at).total_seconds()) if until else 0.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """One attempt of an employee to move the call to somebody else; open while `result` is None."""

    leg: str
    party: Party
    kind: TransferKind
    to: str
    began_at: datetime
    target_leg: str = ""
    ended_at: datetime | None = None
    result: TransferResult | None = None
    to_party: Party | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call. `customer` is the outside party (for internal calls: the extension that was called)."""

    call_id: str
    direction: Direction
    started_at: datetime
    caller: Party
    line: str = ""
    wished_line: str | None = None
    dialled: str = ""
    element: str = ""
    caller_id: str = ""
    ordered: bool = False
    callback: bool = False
    went_outside: f.WentOutside | None = None  # it was between employees until then
    identified: f.Identified | None = None
    rings: tuple[Ring, ...] = ()
    talks: tuple[Talk, ...] = ()
    visited: tuple[f.Visited, ...] = ()
    in_bridge: dict[str, Party] = field(default_factory=dict)  # leg -> party; replaced, never mutated
    bridges: dict[str, str] = field(default_factory=dict)  # leg -> the bridge it is in; replaced, never mutated
    anchor: str = ""  # the leg the call lives for, once it is not the caller's any more
    caller_left: bool = False  # who began the call is gone, and the call goes on
    transfers: tuple[Transfer, ...] = ()
    held: dict[str, bool] = field(default_factory=dict)  # legs that hold the others -> whether their phone does it
    muted: tuple[str, ...] = ()  # legs
    parked: f.Parked | None = None  # while it waits in a parking slot
    supervisors: dict[str, str] = field(default_factory=dict)  # extension -> how he follows the call
    recordings: tuple[f.Recorded, ...] = ()
    recordings_now: tuple[f.RecordingStarted, ...] = ()
    recordings_failed: tuple[f.RecordingFailed, ...] = ()
    recordings_begun: int = 0  # how many there have been, whatever became of them
    recordings_inside: tuple[str, ...] = ()  # the names of those from before it went outside
    recording_pause: f.RecordingPaused | None = None  # while one is on
    recording_chosen: f.RecordingMode | None = None  # in this call, instead of what the configuration says
    consent_announced: bool = False
    handed_over_to: str | None = None
    call_back_to: str = ""  # the number he wants to be called back at instead of waiting
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    cause: int = 0
    tech_cause: int | None = None

    @property
    def recording(self) -> str:
        """The name of the recording under way, "" without one."""
        return self.recordings_now[0].name if self.recordings_now else ""

    @property
    def participants(self) -> dict[str, Party]:
        """Who is in a bridge of the call now, by leg; while it is parked, who waits."""
        waits = self.anchor or self.call_id
        if self.parked is None or waits in self.in_bridge:
            return self.in_bridge
        party = next((ring.party for ring in self.rings if ring.leg == waits), self.caller)
        return {waits: party, **self.in_bridge}

    @property
    def recording_paused(self) -> bool:
        """Whether nothing that is said is recorded."""
        return self.recording_pause is not None

    @property
    def customer_number(self) -> str:
        """The outside number, "" when withheld."""
        return self.caller.number if self.direction is Direction.INBOUND else self.dialled

    @property
    def placed_by(self) -> Party:
        """Who called: who began the call, or let it go on to the outside number."""
        return self.went_outside.by if self.went_outside is not None else self.caller

    @property
    def placed_at(self) -> datetime:
        """When the call to (or of) the outside number began."""
        return self.went_outside.at if self.went_outside is not None else self.started_at

    @property
    def chosen_line(self) -> str:
        """The line somebody chose for the call: who called, or who ordered it; "" when the number plan did."""
        return self.line if self.wished_line is None else self.wished_line

    @property
    def ringing_now(self) -> tuple[Ring, ...]:
        """The attempts whose phone rings at this moment."""
        return tuple(r for r in self.rings if r.ringing_at and not r.answered_at and not r.ended_at)

    @property
    def talking_now(self) -> tuple[Talk, ...]:
        """The conversations under way."""
        return tuple(t for t in self.talks if t.ended_at is None)

    @property
    def transfer_now(self) -> Transfer | None:
        """The transfer under way."""
        return next((t for t in reversed(self.transfers) if t.result is None), None)

    @property
    def conversations(self) -> tuple[Talk, ...]:
        """The talks that make the call: with the client, or in a call between employees all of them."""
        if self.direction is Direction.INTERNAL:
            return self.talks
        return tuple(talk for talk in self.talks if not talk.among_us)

    @property
    def answered(self) -> bool:
        """Whether an employee and the other side really talked."""
        return bool(self.conversations)

    @property
    def talk_seconds(self) -> float:
        """Seconds of conversation: holes between two employees left out, what several said at a time counted once."""
        total, counted = 0.0, datetime.min.replace(tzinfo=UTC)
        for talk in sorted(self.conversations, key=lambda talk: talk.began_at):
            ended_at = talk.ended_at or talk.began_at
            total += max(0.0, (ended_at - max(talk.began_at, counted)).total_seconds())
            counted = max(counted, ended_at)
        return total


def begin(fact: f.Started) -> CallRecord:
    """The record of a call that has just started."""
    return CallRecord(
        call_id=fact.call_id,
        direction=fact.direction,
        started_at=fact.at,
        caller=fact.caller,
        line=fact.line,
        wished_line=fact.wished_line,
        dialled=fact.dialled,
        element=fact.element,
        caller_id=fact.caller_id,
        ordered=fact.ordered,
        callback=fact.callback,
    )


def after(record: CallRecord, fact: f.Fact) -> CallRecord:
    """The record once `fact` is added. Facts it does not know leave it as it is."""
    match fact:
        case f.WentOutside():
            return _gone_outside(record, fact)
        case f.Identified():
            return replace(record, identified=fact)
        case f.Visited():
            return replace(record, visited=(*record.visited, fact))
        case f.CallBackOrdered():
            return replace(record, call_back_to=fact.number)
        case f.Dialled():
            return replace(record, rings=(*record.rings, Ring(fact.leg, fact.party, fact.at)))
        case f.Ringing():
            return _ring(record, fact.leg, ringing_at=fact.at)
        case f.Answered():
            return _ring(record, fact.leg, answered_at=fact.at)
        case f.NotAnswered():
            return _ring(record, fact.leg, ended_at=fact.at, why=fact.why, cause=fact.cause, tech_cause=fact.tech_cause)
        case f.LegEnded():
            record = replace(
                record,
                held=_without(record.held, fact.leg),
                muted=tuple(leg for leg in record.muted if leg != fact.leg),
            )
            if fact.leg == record.call_id:
                return replace(record, caller_left=True)
            return _ring(record, fact.leg, ended_at=fact.at, cause=fact.cause, tech_cause=fact.tech_cause)
        case f.Joined():
            inside, bridges = {**record.in_bridge, fact.leg: fact.party}, {**record.bridges, fact.leg: fact.bridge}
            return _talks_settled(replace(record, in_bridge=inside, bridges=bridges), fact.at)
        case f.Left():
            inside, bridges = _without(record.in_bridge, fact.leg), _without(record.bridges, fact.leg)
            return _talks_settled(replace(record, in_bridge=inside, bridges=bridges), fact.at)
        case f.Held():
            return replace(record, held={**record.held, fact.leg: fact.by_phone})
        case f.Resumed():
            return replace(record, held=_without(record.held, fact.leg))
        case f.Muted():
            return replace(record, muted=(*record.muted, fact.leg))
        case f.Unmuted():
            return replace(record, muted=tuple(leg for leg in record.muted if leg != fact.leg))
        case f.Parked():
            return replace(record, parked=fact)
        case f.Unparked():
            return replace(record, parked=None)
        case f.Supervised():
            return replace(record, supervisors={**record.supervisors, fact.extension: fact.mode})
        case f.SupervisionEnded():
            return replace(record, supervisors=_without(record.supervisors, fact.extension))
        case f.Anchored():
            return replace(record, anchor=fact.leg)
        case f.TransferStarted():
            begun = Transfer(fact.leg, fact.party, fact.kind, fact.to, fact.at, fact.target_leg)
            return replace(record, transfers=(*record.transfers, begun))
        case f.Consulting():
            transfers = tuple(replace(t, target_leg=fact.leg) if t.result is None else t for t in record.transfers)
            return replace(record, transfers=transfers)
        case f.TransferEnded():
            return _transferred(record, fact)
        case f.RecordingStarted():
            now = (*_others(record.recordings_now, fact.name), fact)
            return replace(record, recordings_now=now, recordings_begun=record.recordings_begun + 1)
        case f.Recorded():
            # The second word on a stereo recording one side of which came late takes the place of the first.
            recordings = (*(r for r in record.recordings if r.name != fact.name), fact)
            return replace(record, recordings_now=_others(record.recordings_now, fact.name), recordings=recordings)
        case f.RecordingDiscarded():
            return replace(record, recordings_now=_others(record.recordings_now, fact.name))
        case f.RecordingFailed():
            count = record.recordings_begun + (not any(r.name == fact.name for r in record.recordings_now))
            rest = _others(record.recordings_now, fact.name)
            failed = (*record.recordings_failed, fact)
            return replace(record, recordings_now=rest, recordings_failed=failed, recordings_begun=count)
        case f.RecordingPaused() | f.RecordingResumed():
            return replace(record, recording_pause=fact if isinstance(fact, f.RecordingPaused) else None)
        case f.RecordingChosen():
            return replace(record, recording_chosen=fact.mode)
        case f.ConsentAnnounced():
            return replace(record, consent_announced=True)
        case f.HandedOver():
            return replace(record, handed_over_to=fact.to)
        case f.Ended():
            settled = _talks_settled(replace(record, in_bridge={}, bridges={}), fact.at)
            settled = replace(settled, transfers=tuple(_abandoned(t, fact.at) for t in settled.transfers))
            return replace(settled, ended_at=fact.at, ended_by=fact.by, cause=fact.cause, tech_cause=fact.tech_cause)
        case _:
            return record


def _gone_outside(record: CallRecord, fact: f.WentOutside) -> CallRecord:
    """Whose client it is now, and by which line, is another matter than it was between employees."""
    inside = *(recorded.name for recorded in record.recordings), *(now.name for now in record.recordings_now)
    return replace(
        record,
        went_outside=fact,
        direction=Direction.OUTBOUND,
        dialled=fact.number,
        line=fact.line,
        wished_line="",
        identified=None,
        recordings_inside=inside,
    )


def _ring(record: CallRecord, leg: str, **change: object) -> CallRecord:
    rings = tuple(replace(r, **change) if r.leg == leg else r for r in record.rings)  # type: ignore[arg-type]
    return replace(record, rings=rings)


def _others(open_ones: tuple[f.RecordingStarted, ...], name: str) -> tuple[f.RecordingStarted, ...]:
    return tuple(recording for recording in open_ones if recording.name != name)


def _transferred(record: CallRecord, fact: f.TransferEnded) -> CallRecord:
    return replace(
        record,
        transfers=tuple(
            replace(t, ended_at=fact.at, result=fact.result, to_party=fact.to_party)
            if t.result is None and t.leg == fact.leg
            else t
            for t in record.transfers
        ),
    )


def _abandoned(transfer: Transfer, at: datetime) -> Transfer:
    """One the end of the call overtook."""
    if transfer.result is not None:
        return transfer
    return replace(transfer, ended_at=at, result=TransferResult.ABANDONED)


def _company(record: CallRecord, employee: str) -> bool | None:
    """Whom he talks with: a customer (False), only employees (True), or nobody who counts (None).

    Employees count in a call that began between them; one who asks a colleague about his customer talks to nobody.
    """
    bridge = record.bridges.get(employee)
    others = [party for leg, party in record.in_bridge.items() if leg != employee and record.bridges.get(leg) == bridge]
    if any(party.kind is PartyKind.CUSTOMER for party in others):
        return False
    began_inside = record.direction is Direction.INTERNAL or record.went_outside is not None
    return True if others and began_inside else None


def _without(table: dict[str, T], leg: str) -> dict[str, T]:
    return {key: value for key, value in table.items() if key != leg}


def _talks_settled(record: CallRecord, at: datetime) -> CallRecord:
    """Open and close conversations to match who is in which bridge."""
    talkers = {
        leg: (party, among_us)
        for leg, party in record.in_bridge.items()
        if party.kind is PartyKind.EMPLOYEE and (among_us := _company(record, leg)) is not None
    }

    def goes_on(talk: Talk) -> bool:
        return talk.leg in talkers and talkers[talk.leg][1] is talk.among_us

    kept = tuple(replace(t, ended_at=at) if t.ended_at is None and not goes_on(t) else t for t in record.talks)
    open_legs = {t.leg for t in kept if t.ended_at is None}
    begun = tuple(
        Talk(leg, party, at, among_us=among_us) for leg, (party, among_us) in talkers.items() if leg not in open_legs
    )
    return replace(record, talks=kept + begun)
