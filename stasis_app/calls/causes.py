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
NO_ROUTE = 3
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


def why_unanswered(cause: int, tech_cause: int | None, *, rang: bool) -> Unanswered:
    """Why a leg ended without an answer. A phone that never rang was not unanswered but out of reach."""
    why = _BY_STATUS.get(tech_cause or 0) or _BY_CAUSE.get(cause, Unanswered.UNREACHABLE)
    if why is Unanswered.NO_ANSWER and not rang:
        return Unanswered.UNREACHABLE
    return why


# SIP statuses with which a carrier says that it can't or won't place the call, whoever is called (RFC 3261, section 21;
# 408: it does not answer at all); beside these all of 500 to 599.
_OF_THE_TRUNK = frozenset({401, 402, 403, 407, 408, 482, 483, 488, 606})
# The same where Asterisk tells no SIP status (Q.850): no route, congestion, network or equipment out of order.
_CAUSES_OF_THE_TRUNK = frozenset({2, NO_ROUTE, CONGESTION, 38, 41, 42, 43, 44, 47, 58, 63, 102})


def is_of_the_trunk(cause: int, tech_cause: int | None) -> bool:
    """Whether a call that reached nobody failed for the trunk's sake, so that another trunk may do better.

    Busy, declined, no such number, phone off are the called party's answers: every trunk would bring the same. With
    neither status nor cause Asterisk could not even begin to call.
    """
    if tech_cause:
        return tech_cause in _OF_THE_TRUNK or 500 <= tech_cause < 600
    return cause in _CAUSES_OF_THE_TRUNK or not cause


def cause_for(reasons: list[Unanswered]) -> int:
    """The Q.850 cause to end a caller's call with when these are the reasons why nobody answered."""
    if reasons and all(reason is Unanswered.BUSY for reason in reasons):
        return BUSY
    if reasons and all(reason is Unanswered.DECLINED for reason in reasons):
        return REJECTED
    if reasons and all(reason is Unanswered.UNREACHABLE for reason in reasons):
        return CONGESTION
    return NO_ANSWER
