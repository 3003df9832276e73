"""How a call ended, in the portal's status codes: the one table.

The codes are those of `telephony.externalCall.finish`
(https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html); SIP statuses are those of
RFC 3261 and RFC 4412, causes those of ITU-T Q.850. Where Asterisk tells both, the SIP status is the more exact one.
"""

from __future__ import annotations

from dataclasses import dataclass

from b24client import StatusCode
from stasis_app.calls.facts import Direction, EndedBy, Unanswered
from stasis_app.calls.record import CallRecord, Ring

_BY_SIP = {
    402: StatusCode.NO_FUNDS,
    403: StatusCode.FORBIDDEN,
    404: StatusCode.BAD_NUMBER,
    408: StatusCode.TEMPORARILY_UNAVAILABLE,
    410: StatusCode.BAD_NUMBER,
    423: StatusCode.BLOCKED,
    480: StatusCode.TEMPORARILY_UNAVAILABLE,
    484: StatusCode.UNAVAILABLE_DIRECTION,
    486: StatusCode.BUSY,
    487: StatusCode.CANCELLED,
    500: StatusCode.SERVICE_UNAVAILABLE,
    502: StatusCode.SERVICE_UNAVAILABLE,
    503: StatusCode.SERVICE_UNAVAILABLE,
    504: StatusCode.SERVICE_UNAVAILABLE,
    600: StatusCode.BUSY,
    603: StatusCode.DECLINED,
    604: StatusCode.BAD_NUMBER,
}
_BY_CAUSE = {
    1: StatusCode.BAD_NUMBER,
    17: StatusCode.BUSY,
    18: StatusCode.TEMPORARILY_UNAVAILABLE,
    19: StatusCode.TEMPORARILY_UNAVAILABLE,
    20: StatusCode.TEMPORARILY_UNAVAILABLE,
    21: StatusCode.DECLINED,
    28: StatusCode.UNAVAILABLE_DIRECTION,
    34: StatusCode.SERVICE_UNAVAILABLE,
    38: StatusCode.SERVICE_UNAVAILABLE,
    41: StatusCode.SERVICE_UNAVAILABLE,
    42: StatusCode.SERVICE_UNAVAILABLE,
}
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
    tried = list(dict.fromkeys(ring.why.value for ring in record.rings if ring.why not in _NOT_THE_EMPLOYEES))
    if record.ended_by is EndedBy.CUSTOMER:
        return "the caller gave up" + (f" ({', '.join(tried)})" if tried else "")
    return ", ".join(tried) or "nobody was called"


_NOT_THE_EMPLOYEES = (None, Unanswered.CANCELLED, Unanswered.ANSWERED_ELSEWHERE)


def _of_dialled(record: CallRecord) -> Outcome:
    leg = record.rings[-1] if record.rings else None
    cancelled = leg is None or leg.why in (None, Unanswered.CANCELLED)
    if cancelled and record.ended_by in (EndedBy.EMPLOYEE, EndedBy.CUSTOMER):
        return Outcome(StatusCode.CANCELLED, 0, "cancelled before the answer")
    if leg is None:
        status = _of_causes(record.cause, record.tech_cause, None)
        return Outcome(status, 0, _with_cause("the number was not called", record.cause, record.tech_cause))
    status = _of_causes(leg.cause, leg.tech_cause, leg.why)
    return Outcome(status, 0, _reason(leg))


def _of_causes(cause: int, tech_cause: int | None, why: Unanswered | None) -> StatusCode:
    found = _BY_SIP.get(tech_cause or 0) or _BY_CAUSE.get(cause)
    return found or (_BY_REASON.get(why) if why else None) or StatusCode.OTHER


def _reason(leg: Ring) -> str:
    return _with_cause(leg.why.value if leg.why else "no answer", leg.cause, leg.tech_cause)


def _with_cause(text: str, cause: int, tech_cause: int | None) -> str:
    told = [f"SIP {tech_cause}"] if tech_cause else []
    told += [f"cause {cause}"] if cause else []
    return f"{text} ({', '.join(told)})" if told else text
