"""What hang-up causes mean.

Q.850 causes are those of ITU-T Q.850 as Asterisk reports them; SIP statuses those of RFC 3261. Where Asterisk tells
both, the SIP status is the more exact one: a declined call (603) comes as dial status NOANSWER but with cause 21.
"""

from __future__ import annotations

from stasis_app.calls.facts import Unanswered

NORMAL = 16
BUSY = 17
NO_ANSWER = 19
REJECTED = 21
ANSWERED_ELSEWHERE = 26
CONGESTION = 34

_BY_STATUS = {
    480: Unanswered.NO_ANSWER,
    486: Unanswered.BUSY,
    487: Unanswered.CANCELLED,
    600: Unanswered.BUSY,
    603: Unanswered.DECLINED,
}
_BY_CAUSE = {
    BUSY: Unanswered.BUSY,
    18: Unanswered.NO_ANSWER,
    NO_ANSWER: Unanswered.NO_ANSWER,
    REJECTED: Unanswered.DECLINED,
    ANSWERED_ELSEWHERE: Unanswered.ANSWERED_ELSEWHERE,
}


def is_redirect(tech_cause: int | None) -> bool:
    """Whether a phone sent the call on to another number (SIP 300 to 399)."""
    return 300 <= (tech_cause or 0) < 400


def why_unanswered(cause: int, tech_cause: int | None, *, rang: bool) -> Unanswered:
    """Why a leg ended without an answer. A phone that never rang was not unanswered but out of reach."""
    why = _BY_STATUS.get(tech_cause or 0) or _BY_CAUSE.get(cause, Unanswered.UNREACHABLE)
    if why is Unanswered.NO_ANSWER and not rang:
        return Unanswered.UNREACHABLE
    return why


def cause_for(reasons: list[Unanswered]) -> int:
    """The Q.850 cause to end a caller's call with when these are the reasons why nobody answered."""
    if reasons and all(reason is Unanswered.BUSY for reason in reasons):
        return BUSY
    if reasons and all(reason is Unanswered.DECLINED for reason in reasons):
        return REJECTED
    if reasons and all(reason is Unanswered.UNREACHABLE for reason in reasons):
        return CONGESTION
    return NO_ANSWER
