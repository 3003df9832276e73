"""Does the CRM hold what the phones saw? And was anybody dropped by us?

How it is counted:

* A call that reached the service has to be in the CRM once, finished, with all its cards closed. A call that began
  while the service was away or had no link may be the dialplan's alone; then the CRM need not know it.
* Who talked is what the customer heard: every phone has a tone of its own. What began and ended while the service could
  not know of it (it was away for the whole of the talk) may be in the CRM or not; so may who answered meanwhile and was
  connected for too short a moment to be heard when it came back, and reception, which the dialplan rings.
* A finish the portal refused counts as a second one unless the answer to the first may have been lost (decision 14).
* A call that was ordered of the service is made once the service has taken the order, also when no phone rings for it.
* The call belongs to who talked last; of those who talked to the end, who joined last.
* Dropped by us: the exchange ended a call that neither a person nor the plan ended, or let a customer wait in vain.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.chaos.attempt import SILENCE_S, Attempt
from lab.chaos.company import RECEPTION, Offices
from lab.chaos.faults import Reach, Strike
from lab.chaos.sight import (
    EDGE_S,
    connected_for_a_moment,
    desks,
    is_muted,
    last_to_talk,
    talked_to_the_end,
    together,
)
from lab.chaos.verdict import Deviation, Verdict
from lab.chaos.weather import Weather
from lab.truth import Talk

Crm = Mapping[str, Any]

SHORTEST_RECORDED_S = 1.0
ON_ITS_WAY_S = 65.0  # how long a request whose answer was lost may still come (decision 14)


@dataclass
class Judge:
    """Compares. `strikes` are the faults that were."""

    offices: Offices
    strikes: Sequence[Strike]

    def __post_init__(self) -> None:
        self._weather = Weather(self.strikes)

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
        for attempt in attempts:
            if attempt.ordered and attempt.ordered.taken is None:  # nobody knows whether the service took the order
                held.pop(attempt.customer[-10:], None)
        for number, extra in held.items():
            verdict.deviations += [Deviation("doubled", 0, f"the CRM has a call nobody made: {number}") for _ in extra]
        return verdict

    def judge(self, attempt: Attempt, held: Sequence[Crm]) -> list[Deviation]:
        """Everything about one call."""
        found = [*self._served(attempt)]
        if attempt.asked_back_at:
            found += self._rung_off(attempt, held)
            held = held[-1:] if self._struck(attempt, Reach.SERVICE, Reach.ASTERISK) else [*held[-1:], *held[1:-1]]
        if attempt.customer:
            found += self._in_crm(attempt, held)
        return [Deviation(column, attempt.serial, text) for column, text in found]

    # ---------------------------------------- the caller

    def _served(self, attempt: Attempt) -> Iterator[tuple[str, str]]:
        yield from self._silent(attempt)
        for number in attempt.left_over:
            yield "", f"the phone {number} stayed connected although the customer was gone"
        faulty = self._struck(attempt, Reach.SERVICE, Reach.ASTERISK)
        for heard in attempt.heard:
            hidden = heard.number == attempt.office.chief and not faulty
            if hidden and not attempt.may_hear_supervisor(heard.began_at, heard.ended_at - EDGE_S):
                yield "", f"the customer heard the supervisor for {heard.seconds:.1f} s, who had not barged in"
        for hushed in attempt.hushed:
            seconds = max((together(heard, hushed) for heard in attempt.heard), default=0.0)
            if seconds > 0:
                what = "held the call" if hushed.music else "was muted"
                told = f"the customer heard {hushed.number} for {seconds:.1f} s, who {what}"
                yield "", told + ("" if not faulty else " (a fault struck)")
        for number in attempt.not_to_ring & {leg.number for leg in attempt.legs if leg.dialog.called_here}:
            yield "", f"the phone {number} rang although its owner had said that it should not"
        struck = self._struck(attempt, *Reach)
        for move in attempt.stalled:
            yield "", f"{move}: nothing came of it" + (" (a fault struck)" if struck else "")
        if self._struck(attempt, Reach.ASTERISK):
            return
        if attempt.out_of_patience and not attempt.gives_up and not talked_to_the_end(attempt):
            yield "dropped", f"the customer waited in vain, {attempt.over_at - attempt.began_at:.0f} s"
        yield from self._dropped(attempt)

    def _silent(self, attempt: Attempt) -> Iterator[tuple[str, str]]:
        """Nobody can play anything while Asterisk is down, nor to those whose call went down with it."""
        if attempt.leaves_message:
            return
        longest = max(
            (
                ended - began
                for began, ended in attempt.silences
                if not self._weather.met(began, ended, Reach.ASTERISK) and not is_muted(attempt, began, ended)
            ),
            default=0.0,
        )
        if longest > SILENCE_S:
            yield "silent", f"the customer heard nothing for {longest:.1f} s"

    def _dropped(self, attempt: Attempt) -> Iterator[tuple[str, str]]:
        if attempt.ended_by or attempt.plan_ends or attempt.out_of_patience:
            return
        for who, call in (("the customer", attempt.outside), ("the caller", attempt.caller)):
            if call is None or (who == "the caller" and call is attempt.outside):
                continue
            dialog = call.dialog
            if who == "the caller" and attempt.gives_away and attempt.over_at > (dialog.ended_at or math.inf) + EDGE_S:
                continue  # the call went on without him
            if call is attempt.caller and 0 < attempt.asked_back_at <= (dialog.ended_at or 0.0):
                continue  # he waits to be called back
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
        if crm["finishes_refused"] and not self._may_be_told_twice(attempt, crm):
            yield "doubled", f"it was finished {1 + crm['finishes_refused']} times"
        yield from self._cards(crm)
        if not crm["finish"]:
            yield "lost", "it was never finished"
            return
        yield from self._credit(attempt, crm)
        yield from self._recording(attempt, crm)

    def _rung_off(self, attempt: Attempt, held: Sequence[Crm]) -> Iterator[tuple[str, str]]:
        """The calls of somebody who asked to be called back, but the last: his own, and attempts a fault struck."""
        if len(held) == 1 and not self._struck(attempt, Reach.SERVICE, Reach.ASTERISK):
            yield "lost", "the customer asked to be called back, and nobody did"
        for crm in held[:-1]:
            yield from self._cards(crm)
            if not crm["finish"]:
                yield "lost", "a call before the one he was called back with was never finished"
        if len(held) > 1 and held[0]["finish"] and not self._struck(attempt, Reach.ASTERISK):
            yield from self._missed(attempt, held[0])

    def _missed(self, attempt: Attempt, crm: Crm) -> Iterator[tuple[str, str]]:
        finish = crm["finish"]
        if finish["status_code"] != "304":
            yield "wrong_credit", f"he asked to be called back, and that call has the status {finish['status_code']}"
        elif finish["user_id"] not in self._of_nobody(attempt, crm):
            yield "wrong_credit", f"he asked to be called back of {self.offices.company.who(finish['user_id'])}"

    def _cards(self, crm: Crm) -> Iterator[tuple[str, str]]:
        for card in crm["cards"]:
            if card["hidden_at"] is None:
                yield "cards_open", f"a card is still open for {self.offices.company.who(card['user_id'])}"

    def _credit(self, attempt: Attempt, crm: Crm) -> Iterator[tuple[str, str]]:
        if self._struck(attempt, Reach.ASTERISK):
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
        seconds = sum(heard.seconds for heard in certain) + sum(one.seconds for one in attempt.hushed)
        off = certain and not doubtful and abs(finish["duration"] - seconds) > 3.0
        if off and not self._struck(attempt, Reach.SERVICE):
            yield "", f"duration {finish['duration']} s, and the phones talked for {seconds:.1f} s"

    def _recording(self, attempt: Attempt, crm: Crm) -> Iterator[tuple[str, str]]:
        silence = attempt.recorded_silence_s
        for since, until in attempt.paused:
            if silence is not None and silence < until - since - EDGE_S:
                yield (
                    "",
                    f"the recording was paused for {until - since:.1f} s, and is silent for {silence:.1f} s at most",
                )
        if crm["record"] or self._struck(attempt, Reach.ASTERISK):
            return
        certain, _ = self._talks(attempt)
        seconds = sum(heard.seconds for heard in certain)
        if seconds >= SHORTEST_RECORDED_S:
            yield "recordings_missing", f"no recording of a talk of {seconds:.1f} s"

    # ---------------------------------------- what can be known

    def _struck(self, attempt: Attempt, *reaches: Reach) -> bool:
        """Whether such a fault was on at some moment of the call."""
        return self._weather.met(attempt.began_at, attempt.over_at, *reaches)

    def _talks(self, attempt: Attempt) -> tuple[list[Talk], list[Talk]]:
        """Talks the service must know, and those it may: it was away for all of them, or they are reception's."""
        certain: list[Talk] = []
        doubtful: list[Talk] = []
        for heard in attempt.heard:
            if heard.number == attempt.office.chief:  # no party of it
                continue
            unseen = heard.number == RECEPTION or self._weather.unseen(heard.began_at, heard.ended_at)
            (doubtful if unseen else certain).append(heard)
        return certain, doubtful

    def _answered_unseen(self, attempt: Attempt) -> set[str]:
        """Who answered while the service was away and was gone again hardly a moment after it came back."""
        answered = (call for call in desks(attempt) if call.dialog.answered_at)
        unseen = self._weather.unseen
        return {c.number for c in answered if unseen(c.dialog.answered_at or 0.0, c.dialog.ended_at or math.inf)}

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
        restarted = crm["created_lead"] and self._struck(attempt, Reach.SERVICE)
        return {company.default_user, *([crm["user_id"]] if restarted else [])}

    def _is_excused(self, attempt: Attempt) -> bool:
        """Whether the service need not know of a call: it began while the service was away."""
        began = attempt.placed_at or attempt.began_at
        # What was ordered of the service it has to know, whatever Asterisk says to it.
        taken = attempt.ordered is not None and attempt.ordered.taken
        reaches = [Reach.SERVICE] if taken else [Reach.SERVICE, Reach.ASTERISK]
        return any(s.at - EDGE_S <= began <= (s.over_at or began) for s in self._weather.of(*reaches))

    def _may_be_told_twice(self, attempt: Attempt, crm: Crm) -> bool:
        """Whether the answer to its finish may have been lost: it is repeated then, and the portal refuses it."""
        finish = crm["finish"]
        since, until = attempt.over_at - ON_ITS_WAY_S, (finish["at"] if finish else math.inf) + ON_ITS_WAY_S
        return self._weather.loses_answers(since, until)


def _last_ten(number: str) -> str:
    return "".join(c for c in number if c.isdigit())[-10:]
