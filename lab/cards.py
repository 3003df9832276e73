"""Did the right people see the card, at the right moment? One sentence for every difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lab.company import Company
from lab.stage import RealCall
from lab.story import Story, Weather
from lab.truth import Dialog

CARD_S = 1.5  # how long after the ringing a card may open, and after the end of the ringing close
SLOW_CARD_S = 12.0  # the same with a portal that takes seconds for each request
EARLY_S = 0.05  # SIPp notes the time of a 180 after sending it; on a busy machine that is some milliseconds late


def differences(story: Story, call: RealCall, crm: Mapping[str, Any], company: Company) -> Iterator[str]:
    """Everything in which the cards of a call differ from what the phones did."""
    for card in crm["cards"]:
        if card["hidden_at"] is None:
            yield f"a card is still open for {company.who(card['user_id'])}"
    rings = [leg for leg in call.legs if leg.ringing_at and call.asked.get(leg.number, 0.0) < math.inf]
    bound = SLOW_CARD_S if story.weather is Weather.SLOW else CARD_S
    if call.planned.outbound:
        rings = [leg for leg in rings if leg.number != call.planned.to]
        people = {company.user_of(call.planned.by), *(company.user_of(leg.number) for leg in rings)}
        first = company.user_of(call.planned.by)
        # Who is told "busy" at once may be through before his card's request could leave.
        is_due = story.weather is not Weather.DOWN and call.ended_at - call.caller.invited_at > bound
        if is_due and not any(c["user_id"] == first for c in crm["cards"]):
            yield f"no card opened for {company.who(first)}, who dialled"
    else:
        people = {company.user_of(leg.number) for leg in rings}
    for card in crm["cards"]:
        if card["user_id"] not in people:
            yield f"a card opened for {company.who(card['user_id'])}, whose phone did not ring"
    if story.weather is Weather.DOWN:
        return  # in an outage cards come late or not at all; which ones, nobody can demand
    for leg in rings:
        yield from _card_of(leg, call, crm, company, bound)


def _card_of(leg: Dialog, call: RealCall, crm: Mapping[str, Any], company: Company, bound: float) -> Iterator[str]:
    """The card of one phone's ringing: opened while it rang, closed when it fell silent or the talk was over."""
    user = company.user_of(leg.number)
    rang, silent = max(leg.ringing_at or 0.0, call.asked.get(leg.number, 0.0)), leg.stopped_ringing_at or call.ended_at
    cards = [c for c in crm["cards"] if c["user_id"] == user and (c["hidden_at"] or silent) >= rang - 0.05]
    if call.planned.moves:  # who moves the call on, or is asked, sees it as long as he is on the phone
        due = until = min(leg.ended_at or call.ended_at, call.ended_at) if leg.answered_at else silent
    else:
        talks = call.talk is not None and call.talk.number == leg.number
        due, until = call.talk.ended_at if talks and call.talk else silent, silent
    if not cards:
        if until - rang > bound:
            yield f"no card opened for {company.who(user)}, whose phone rang {until - rang:.1f} s"
        return
    card = min(cards, key=lambda c: abs(float(c["shown_at"]) - rang))
    early, late = rang - card["shown_at"], card["shown_at"] - rang
    if early > EARLY_S:
        yield f"the card of {company.who(user)} opened {early * 1000:.0f} ms before his phone rang"
    if late > bound:
        yield f"the card of {company.who(user)} opened {late:.1f} s after his phone rang"
    closed = card["hidden_at"]
    if closed is not None and closed < due - 0.1:
        yield f"the card of {company.who(user)} closed {due - closed:.1f} s too early"
    if closed is not None and closed > due + bound:
        yield f"the card of {company.who(user)} closed {closed - due:.1f} s too late"
