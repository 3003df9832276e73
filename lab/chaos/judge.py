"""Does the CRM hold what the phones saw? And was anybody dropped by us?

How it is counted:

* A call that reached the service has to be in the CRM once, finished, with all its cards closed. A call that began
  while the service was away or had no link may be the dialplan's alone; then the CRM need not know it.
* Who talked is what the customer heard: every phone has a tone of its own. What began and ended while the service could
  not know of it (it was away for the whole of the talk) may be in the CRM or not; so may who answered meanwhile and was
  connected for too short a moment to be heard when it came back, and reception, which the dialplan rings.
* The call belongs to who talked last; of those who talked to the end, who joined last.
* Dropped by us: the exchange ended a call that neither a person nor the plan ended, or let a customer wait in vain.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.chaos.attempt import Attempt
from lab.chaos.company import RECEPTION, Offices
from lab.chaos.faults import Reach, Strike
from lab.sip_call import SipCall
from lab.truth import Talk

Crm = Mapping[str, Any]

COLUMNS = ("lost", "doubled", "wrong_credit", "cards_open", "recordings_missing", "silent", "dropped")
REQUIRED = tuple(column for column in COLUMNS if column != "silent")
SILENCE_S = 2.0
EDGE_S = 1.0  # around a fault; what happened so close to its beginning may not have been noted any more
TOGETHER_S = 0.5  # who left within so short a time left together
SHORTEST_RECORDED_S = 1.0


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that should not be."""

    column: str  # one of COLUMNS, "" for a remark that is not counted
    serial: int
    text: str


@dataclass
class Verdict:
    """The table, and everything that led to it."""

    calls: int
    talks: int = 0
    deviations: list[Deviation] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The table: calls, then each column with the number of calls concerned."""
        serials = {column: {(d.serial, d.text) for d in self.deviations if d.column == column} for column in COLUMNS}
        return {"calls": self.calls, **{column: len(found) for column, found in serials.items()}}

    @property
    def is_clean(self) -> bool:
        """Whether every column is zero that has to be."""
        counts = self.counts()
        return not any(counts[column] for column in REQUIRED)


@dataclass
class Judge:
    """Compares. `strikes` are the faults that were."""

    offices: Offices
    strikes: Sequence[Strike]

    def verdict(self, attempts: Sequence[Attempt], crm_calls: Sequence[Crm]) -> Verdict:
        """Judge a whole run."""
        made = [attempt for attempt in attempts if attempt.placed_at]
        verdict = Verdict(len(made), sum(bool(attempt.heard) for attempt in made))
        held: defaultdict[str, list[Crm]] = defaultdict(list)
        for crm in sorted(crm_calls, key=lambda c: float(c["call_start_date"])):
            held[_last_ten(str(crm["phone_number"]))].append(crm)
        for attempt in made:
            mine = held.pop(attempt.customer[-10:], []) if attempt.customer else []
            verdict.deviations += self.judge(attempt, mine)
        for number, extra in held.items():
            verdict.deviations += [Deviation("doubled", 0, f"the CRM has a call nobody made: {number}") for _ in extra]
        return verdict

    def judge(self, attempt: Attempt, held: Sequence[Crm]) -> list[Deviation]:
        """Everything about one call."""
        found = [*self._served(attempt)]
        if attempt.customer:
            found += self._in_crm(attempt, held)
        return [Deviation(column, attempt.serial, text) for column, text in found]

    # ---------------------------------------- the caller

    def _served(self, attempt: Attempt) -> Iterator[tuple[str, str]]:
        if attempt.silence_s > SILENCE_S and not attempt.leaves_message:
            yield "silent", f"the customer heard nothing for {attempt.silence_s:.1f} s"
        for number in attempt.left_over:
            yield "", f"the phone {number} stayed connected although the customer was gone"
        faulty = self._met(attempt.began_at, attempt.over_at, Reach.SERVICE, Reach.ASTERISK)
        for heard in attempt.heard:
            hidden = heard.number == attempt.office.chief and not faulty
            if hidden and not attempt.may_hear_supervisor(heard.began_at, heard.ended_at - EDGE_S):
                yield "", f"the customer heard the supervisor for {heard.seconds:.1f} s, who had not barged in"
        for move in attempt.stalled:
            yield "", f"{move}: nothing came of it" + ("" if not faulty else " (a fault struck)")
        if self._met(attempt.began_at, attempt.over_at, Reach.ASTERISK):
            return
        if attempt.out_of_patience and not attempt.gives_up and not _talked_to_the_end(attempt):
            yield "dropped", f"the customer waited in vain, {attempt.over_at - attempt.began_at:.0f} s"
        yield from self._dropped(attempt)

    def _dropped(self, attempt: Attempt) -> Iterator[tuple[str, str]]:
        if attempt.ended_by or attempt.plan_ends or attempt.out_of_patience:
            return
        for who, call in (("the customer", attempt.outside), ("the caller", attempt.caller)):
            if call is None or (who == "the caller" and call is attempt.outside):
                continue
            dialog = call.dialog
            if dialog.ended_at and not dialog.hung_up_here:
                yield "dropped", f"{who} was hung up on after {dialog.ended_at - dialog.invited_at:.1f} s"
            elif dialog.refused_at and not dialog.called_here:
                yield "dropped", f"{who} was refused with {dialog.refused_with}"

    # ---------------------------------------- the CRM

    def _in_crm(self, attempt: Attempt, held: Sequence[Crm]) -> Iterator[tuple[str, str]]:
        if len(held) > 1:
            yield "doubled", f"the CRM has it {len(held)} times"
        if not held:
            if not self._is_excused(attempt):
                yield "lost", "the CRM does not have it"
            return
        crm = held[0]
        if crm["finishes_refused"]:
            yield "doubled", f"it was finished {1 + crm['finishes_refused']} times"
        for card in crm["cards"]:
            if card["hidden_at"] is None:
                yield "cards_open", f"a card is still open for {self.offices.company.who(card['user_id'])}"
        if not crm["finish"]:
            yield "lost", "it was never finished"
            return
        yield from self._credit(attempt, crm)
        yield from self._recording(attempt, crm)

    def _credit(self, attempt: Attempt, crm: Crm) -> Iterator[tuple[str, str]]:
        if self._met(attempt.began_at, attempt.over_at, Reach.ASTERISK):
            return
        certain, doubtful = self._talks(attempt)
        company = self.offices.company
        finish = crm["finish"]
        people = {company.user_of(number) for number in last_to_talk(certain)}
        people |= {company.user_of(heard.number) for heard in doubtful}
        people |= {company.user_of(number) for number in self._answered_unseen(attempt)}
        if not certain:
            people |= self._of_nobody(attempt, crm)
            people |= {company.user_of(number) for number in connected_for_a_moment(attempt)}
        if finish["user_id"] not in people:
            right = " or ".join(sorted(company.who(user) for user in people))
            yield "wrong_credit", f"credited to {company.who(finish['user_id'])} instead of {right}"
        talked = finish["status_code"] == "200"
        if certain and not talked:
            yield "wrong_credit", f"status {finish['status_code']} although they talked"
        if talked and not certain and not doubtful and not connected_for_a_moment(attempt):
            yield "wrong_credit", "status 200 although nobody talked"
        seconds = sum(heard.seconds for heard in certain)
        off = certain and not doubtful and abs(finish["duration"] - seconds) > 3.0
        if off and not self._met(attempt.began_at, attempt.over_at, Reach.SERVICE):
            yield "", f"duration {finish['duration']} s, and the phones talked for {seconds:.1f} s"

    def _recording(self, attempt: Attempt, crm: Crm) -> Iterator[tuple[str, str]]:
        if crm["record"] or self._met(attempt.began_at, attempt.over_at, Reach.ASTERISK):
            return
        certain, _ = self._talks(attempt)
        seconds = sum(heard.seconds for heard in certain)
        if seconds >= SHORTEST_RECORDED_S:
            yield "recordings_missing", f"no recording of a talk of {seconds:.1f} s"

    # ---------------------------------------- what can be known

    def _talks(self, attempt: Attempt) -> tuple[list[Talk], list[Talk]]:
        """Talks the service must know, and those it may: it was away for all of them, or they are reception's."""
        certain: list[Talk] = []
        doubtful: list[Talk] = []
        for heard in attempt.heard:
            if heard.number == attempt.office.chief:  # no party of it
                continue
            unseen = heard.number == RECEPTION or self._unseen(heard.began_at, heard.ended_at)
            (doubtful if unseen else certain).append(heard)
        return certain, doubtful

    def _answered_unseen(self, attempt: Attempt) -> set[str]:
        """Who answered while the service was away and was gone again hardly a moment after it came back."""
        answered = (call for call in desks(attempt) if call.dialog.answered_at)
        return {c.number for c in answered if self._unseen(c.dialog.answered_at or 0.0, c.dialog.ended_at or math.inf)}

    def _of_nobody(self, attempt: Attempt, crm: Crm) -> set[int]:
        """Whose a call is in which nobody talked.

        An unknown caller becomes a lead of whom the call was registered for; a service that is started again in the
        middle of the call finds a client then, and his responsible.
        """
        company = self.offices.company
        if attempt.outbound:
            return {company.user_of(attempt.placed_by)}
        client = company.client_of(attempt.customer)
        if client:
            return {company.user_of(client.responsible)}
        restarted = crm["created_lead"] and self._met(attempt.began_at, attempt.over_at, Reach.SERVICE)
        return {company.default_user, *([crm["user_id"]] if restarted else [])}

    def _is_excused(self, attempt: Attempt) -> bool:
        """Whether the service need not know of a call: it began while the service was away."""
        began = attempt.placed_at or attempt.began_at
        for strike in self._of(Reach.SERVICE, Reach.ASTERISK):
            if strike.at - EDGE_S <= began <= (strike.over_at or began):
                return True
        return False

    def _unseen(self, since: float, until: float) -> bool:
        return any(began <= since and until <= ended for began, ended in self._absences())

    def _absences(self) -> list[tuple[float, float]]:
        """When the service could note nothing: what it saw in the moment between two faults may not be on disk."""
        found: list[tuple[float, float]] = []
        for strike in sorted(self._of(Reach.SERVICE, Reach.ASTERISK), key=lambda strike: strike.at):
            began, ended = strike.at - EDGE_S, (strike.over_at or math.inf) + EDGE_S
            if found and strike.at <= found[-1][1]:
                began, _ = found.pop()
            found.append((began, ended))
        return found

    def _met(self, since: float, until: float, *reaches: Reach) -> bool:
        """Whether such a fault was on at some moment."""
        return any(s.at - EDGE_S <= until and since <= (s.over_at or until) + EDGE_S for s in self._of(*reaches))

    def _of(self, *reaches: Reach) -> Iterator[Strike]:
        return (strike for strike in self.strikes if strike.reach in reaches)


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


def _talked_to_the_end(attempt: Attempt) -> bool:
    """Whether the customer was in conversation when he left: a move that failed leaves two who know no end."""
    return any(heard.ended_at > attempt.over_at - SILENCE_S for heard in attempt.heard)


def desks(attempt: Attempt) -> list[SipCall]:
    """The calls at the phones of those who may have been a party of it: not of who placed it, not of a supervisor."""
    return [call for call in attempt.legs if call is not attempt.caller and call.number != attempt.office.chief]


def _last_ten(number: str) -> str:
    return "".join(c for c in number if c.isdigit())[-10:]
