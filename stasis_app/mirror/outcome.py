"""How a call ended, in the portal's status codes: the one table.

The codes are those of `telephony.externalCall.finish`
(https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html); SIP statuses are those of
RFC 3261 and its successors, causes those of ITU-T Q.850. Where Asterisk tells both, the SIP status is more exact.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from b24client import StatusCode
from stasis_app.calls.facts import Direction, EndedBy, PartyKind, Unanswered
from stasis_app.calls.record import CallRecord, Ring


@dataclass(frozen=True, slots=True)
class Row:
    """A status of the portal, and the SIP statuses and Q.850 causes that come to it."""

    status: StatusCode
    sip: Collection[int]
    causes: Collection[int]


TABLE = (
    # Who is called does not want the call; 607 and 608 (RFC 8197, RFC 8688): he or somebody on the way blocks us.
    Row(StatusCode.DECLINED, (603, 607, 608), (21,)),
    Row(StatusCode.BUSY, (486, 600), (17,)),
    # He was not reached, or did not answer: phone off, out of reach, nobody there. 408: nobody says anything.
    Row(StatusCode.TEMPORARILY_UNAVAILABLE, (408, 430, 480), (18, 19, 20)),
    # There is no such number (any more), or the one dialled is wrong.
    Row(StatusCode.BAD_NUMBER, (404, 410, 416, 485, 604), (1, 22)),
    # The number leads nowhere from here: incomplete, no route, the network at its end is out of order.
    Row(StatusCode.UNAVAILABLE_DIRECTION, (482, 483, 484), (2, 3, 25, 27, 28)),
    # We may not: wrong password at the carrier, a caller id he does not take, a direction that is barred.
    Row(StatusCode.FORBIDDEN, (401, 403, 407, 433), (50, 52, 54, 55, 57)),
    Row(StatusCode.NO_FUNDS, (402,), ()),
    Row(StatusCode.BLOCKED, (423,), ()),
    # The network can't now: congestion, out of order, no agreement about the sound. All of 5xx come to this as well.
    Row(
        StatusCode.SERVICE_UNAVAILABLE,
        (406, 415, 488, 606, *range(500, 600)),
        (29, 34, 38, 41, 42, 43, 44, 47, 58, 63, 65, 69, 79, 88, 102),
    ),
    Row(StatusCode.CANCELLED, (487,), ()),
)
"""Every status a dialled call that came to nothing may end with. What stands in no row is OTHER."""

_BY_SIP = {sip: row.status for row in TABLE for sip in row.sip}
_BY_CAUSE = {cause: row.status for row in TABLE for cause in row.causes}
_BY_REASON = {
    Unanswered.NO_ANSWER: StatusCode.TEMPORARILY_UNAVAILABLE,
    Unanswered.BUSY: StatusCode.BUSY,
    Unanswered.DECLINED: StatusCode.DECLINED,
}
_GAVE_UP_RINGING = 487  # SIP: request terminated by a CANCEL


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `finish` says of a call. `seconds` is the time somebody talked; `reason` is short and for people."""

    status: StatusCode
    seconds: int
    reason: str


def outcome(record: CallRecord) -> Outcome:
    """The outcome of a call that has ended."""
    if record.answered:
        return Outcome(StatusCode.SUCCESS, round(record.talk_seconds), "")
    if record.ended_by is EndedBy.EXCHANGE:
        # Nobody's doing, so nobody's missed call either.
        return Outcome(StatusCode.OTHER, 0, "the telephone exchange was restarted")
    if record.handed_over_to is not None and record.tech_cause != _GAVE_UP_RINGING:
        return Outcome(StatusCode.OTHER, 0, "handed over to the dialplan, what became of it there is not known")
    if record.direction is Direction.INBOUND:
        return Outcome(StatusCode.MISSED, 0, _why_missed(record))
    return _of_dialled(record)


def _why_missed(record: CallRecord) -> str:
    if record.call_back_to:
        return "the caller asked to be called back"
    tried = list(dict.fromkeys(ring.why.value for ring in record.rings if ring.why not in _NOT_THE_EMPLOYEES))
    if record.ended_by is EndedBy.CUSTOMER:
        return "the caller gave up" + (f" ({', '.join(tried)})" if tried else "")
    return ", ".join(tried) or "nobody was called"


_NOT_THE_EMPLOYEES = (None, Unanswered.CANCELLED, Unanswered.ANSWERED_ELSEWHERE)


def _of_dialled(record: CallRecord) -> Outcome:
    leg = _last_leg(record)
    cancelled = leg is None or leg.why in (None, Unanswered.CANCELLED)
    if record.ordered and leg is None and not record.visited:
        if record.ended_by is EndedBy.SERVICE and not record.cause and not record.tech_cause:
            # Asterisk would not even call him (it was down, or his phone is not registered): no phone rang in vain.
            return Outcome(StatusCode.SERVICE_UNAVAILABLE, 0, "the phone of the employee could not be called")
        # The phone of who ordered the call was not picked up: that says nothing about the client.
        why = _with_cause("the employee did not answer his own phone", record.cause, record.tech_cause)
        return Outcome(StatusCode.CANCELLED, 0, why)
    if cancelled and record.ended_by in (EndedBy.EMPLOYEE, EndedBy.CUSTOMER):
        return Outcome(StatusCode.CANCELLED, 0, "cancelled before the answer")
    if leg is None:
        status = _of_causes(record.cause, record.tech_cause, None)
        return Outcome(status, 0, _with_cause("the number was not called", record.cause, record.tech_cause))
    status = _of_causes(leg.cause, leg.tech_cause, leg.why)
    return Outcome(status, 0, _reason(leg))


def _last_leg(record: CallRecord) -> Ring | None:
    """The last attempt to reach who was dialled; colleagues in a call that went outside later were rung among us."""
    if record.went_outside is None:
        return record.rings[-1] if record.rings else None
    return next((ring for ring in reversed(record.rings) if ring.party.kind is PartyKind.CUSTOMER), None)


def _of_causes(cause: int, tech_cause: int | None, why: Unanswered | None) -> StatusCode:
    if why is Unanswered.UNREACHABLE and not cause and not tech_cause:
        return StatusCode.SERVICE_UNAVAILABLE  # Asterisk could not even begin to call
    found = _BY_SIP.get(tech_cause or 0) or _BY_CAUSE.get(cause)
    return found or (_BY_REASON.get(why) if why else None) or StatusCode.OTHER


def _reason(leg: Ring) -> str:
    return _with_cause(leg.why.value if leg.why else "no answer", leg.cause, leg.tech_cause)


def _with_cause(text: str, cause: int, tech_cause: int | None) -> str:
    told = [f"SIP {tech_cause}"] if tech_cause else []
    told += [f"cause {cause}"] if cause else []
    return f"{text} ({', '.join(told)})" if told else text
