"""What follows from what the phones of one call saw and what its customer heard."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.attempt import SILENCE_S, Attempt, Hushed
from lab.sip_call import SipCall
from lab.truth import Talk

EDGE_S = 1.0  # around a fault; what happened so close to its beginning may not have been noted any more
TOGETHER_S = 0.5  # who left within so short a time left together


def last_to_talk(talks: Sequence[Talk]) -> set[str]:
    """Who talked last: of several who talked to the end, who joined last; two who joined together are both right."""
    if not talks:
        return set()
    end = max(heard.ended_at for heard in talks)
    at_the_end = [heard for heard in talks if heard.ended_at >= end - TOGETHER_S]
    joined = max(heard.began_at for heard in at_the_end)
    return {heard.number for heard in at_the_end if heard.began_at >= joined - TOGETHER_S}


def connected_for_a_moment(attempt: Attempt) -> set[str]:
    """Who answered, be it for so short a moment that the customer heard nothing of him."""
    return {call.number for call in desks(attempt) if call.dialog.answered_at}


def talked_to_the_end(attempt: Attempt) -> bool:
    """Whether the customer was in conversation when he left: a move that failed leaves two who know no end."""
    return any(heard.ended_at > attempt.over_at - SILENCE_S for heard in attempt.heard)


def desks(attempt: Attempt) -> list[SipCall]:
    """The calls at the phones of those who may have been a party of it: not of who placed it, not of a supervisor."""
    others = {attempt.office.chief, *attempt.bystanders}
    return [call for call in attempt.legs if call is not attempt.caller and call.number not in others]


def together(heard: Talk, hushed: Hushed) -> float:
    """For how long somebody was heard when he should not have been; it may take a moment to begin and to end."""
    if heard.number != hushed.number:
        return 0.0
    return min(heard.ended_at, hushed.until - EDGE_S / 2) - max(heard.began_at, hushed.since + EDGE_S / 2)


def is_muted(attempt: Attempt, since: float, until: float) -> bool:
    """Whether a silence is that of somebody who was muted meanwhile."""
    return any(
        hushed.since - EDGE_S <= since and until <= hushed.until + EDGE_S
        for hushed in attempt.hushed
        if not hushed.music
    )
