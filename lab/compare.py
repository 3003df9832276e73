"""Does the CRM hold what really happened? One sentence for every difference.

The judge knows the phones' traces, the company's people and the portal's own record; of the service it knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from lab import cards
from lab.company import Company
from lab.ear import CUSTOMER_TONE, employee_tone
from lab.recordings import Heard
from lab.stage import RealCall
from lab.story import Story

Crm = Mapping[str, Any]

START_S = 1.0  # how far the CRM's start may be from the real one
DURATION_S = 1.0  # and its duration
SILENCE_S = 2.0  # how long a customer may hear nothing at all while his call is moved
LOOKUP_S = 2.2  # what a caller may wait for the first phone to ring when the plan asks the CRM first

INBOUND, OUTBOUND = 2, 1  # TYPE of telephony.externalcall.register


@dataclass(frozen=True, slots=True)
class Evidence:
    """One real call and what the CRM has on it; `recording` is what was heard on the attached file."""

    call: RealCall
    crm: Crm
    recording: Heard | None


def belongs(story: Story, crm: Crm) -> bool:
    """Whether a call of the CRM is one of this story's: by its line, or by a number of its people."""
    numbers = [call.to if call.outbound else call.by for call in story.calls]
    if any(number and _same_number(str(crm["phone_number"]), number) for number in numbers):
        return True
    return any(_same_number(str(crm["line_number"]), line) for line in story.lines)


def pair(
    story: Story, calls: Sequence[RealCall], crm_calls: Sequence[Crm]
) -> tuple[list[tuple[RealCall, Crm]], list[str]]:
    """Put together real calls and the CRM's by number and order of beginning, and say what is missing or too many."""
    pairs: list[tuple[RealCall, Crm]] = []
    differences: list[str] = []
    left = sorted((c for c in crm_calls), key=lambda c: float(c["call_start_date"]))
    for call in sorted(calls, key=lambda c: c.caller.invited_at):
        mine = [c for c in left if _same_number(str(c["phone_number"]), _outside_number(call))]
        if mine:
            pairs.append((call, mine[0]))
            left.remove(mine[0])
        else:
            number = _outside_number(call) or "anonymous"
            differences.append(f"{_label(story, call)}: the CRM has no call with {number}")
    for extra in left:
        differences.append(f"the CRM has a call too many: {extra['phone_number']} on {extra['line_number']}")
    return pairs, differences


def differences(story: Story, evidence: Evidence, company: Company) -> list[str]:
    """Everything in which the CRM, or the service's handling, differs from what the phones saw."""
    label = _label(story, evidence.call)
    found = [
        *_served(story, evidence.call),
        *_identity(evidence, company),
        *_times(evidence),
        *_outcome(evidence, company),
        *_recording(evidence),
        *cards.differences(story, evidence.call, evidence.crm, company),
    ]
    return [f"{label}: {text}" for text in found]


# ---------------------------------------- the caller is served


def _served(story: Story, call: RealCall) -> Iterator[str]:
    planned, talk = call.planned, call.talk
    yield from _moved(call) if planned.moves else _answered(call)
    rang = {leg.number for leg in call.legs if leg.ringing_at}
    rang -= {planned.to} if planned.outbound else set()
    if (planned.moves or not planned.outbound) and rang != set(planned.rings):
        yield f"phones {_list(rang)} rang instead of {_list(set(planned.rings))}"
    if talk and not call.caller_heard:
        yield "the caller did not hear the other side"
    for number in {talk.number for talk in call.talks} - ({planned.by} if planned.outbound else set()):
        if not call.heard_caller.get(number):
            yield f"{number} did not hear the caller"
    both = [leg.number for leg in call.legs if leg.answered_at and leg.ended_at is None and leg.refused_at is None]
    if both:
        yield f"phones {_list(set(both))} were never released"
    first = min((leg.invited_at for leg in call.legs), default=None)
    if first and first < (call.caller.answered_at or first + 1) and first - call.caller.invited_at > LOOKUP_S:
        yield f"the first phone was called only {first - call.caller.invited_at:.1f} s after the call came"


def _answered(call: RealCall) -> Iterator[str]:
    wanted = set(call.planned.one_of) or ({call.planned.talks_to} if call.planned.talks_to else set())
    got = call.talk.number if call.talk else ""
    if (wanted and got not in wanted) or (not wanted and got):
        yield f"talked with {got or 'nobody'} instead of {' or '.join(sorted(wanted)) or 'nobody'}"


def _moved(call: RealCall) -> Iterator[str]:
    """Whether the moves came out as planned, and led the customer from one to the next."""
    for move, done in zip_longest(call.planned.moves, call.done):
        what = f"{move.by or 'the customer'}: {move.do} {move.to}".rstrip()
        if done is None:
            yield f"{what}: did not come to it"
        elif bool(done.failed) != move.refused:
            yield f"{what}: {done.failed or 'worked, and should not have'}"
    got = list(dict.fromkeys(talk.number for talk in call.talks))
    if got != list(call.planned.talks):
        yield f"the customer talked with {' and then '.join(got) or 'nobody'} instead of {list(call.planned.talks)}"
    if call.silence > SILENCE_S:
        yield f"the customer heard nothing for {call.silence:.1f} s"


# ---------------------------------------- what the CRM has


def _identity(evidence: Evidence, company: Company) -> Iterator[str]:
    call, crm = evidence.call, evidence.crm
    kind = OUTBOUND if call.planned.outbound else INBOUND
    if crm["type"] != kind:
        yield f"type {crm['type']} instead of {kind}"
    if not call.planned.outbound and not _same_number(str(crm["line_number"]), call.planned.to):
        yield f"line {crm['line_number'] or 'none'} instead of {call.planned.to}"
    number = _outside_number(call)
    client = company.client_of(number)
    held = (crm["crm_entity_type"], crm["crm_entity_id"])
    if client and held != ("CONTACT", client.id):
        yield f"client {held[0]} {held[1]} instead of CONTACT {client.id} ({client.name})"
    if not client and crm["crm_entity_id"] and crm["created_lead"] is None:
        yield f"client {held[0]} {held[1]} for a number nobody has"
    if not client and number and crm["created_lead"] is None and not crm["crm_entity_id"]:
        yield "no lead was created for an unknown number"


def _times(evidence: Evidence) -> Iterator[str]:
    off = float(evidence.crm["call_start_date"]) - evidence.call.caller.invited_at
    if abs(off) > START_S:
        yield f"started {abs(off):.1f} s too {'late' if off > 0 else 'early'}"
    finish, (shortest, longest) = evidence.crm["finish"], evidence.call.talk_seconds
    if finish and not shortest - DURATION_S <= finish["duration"] <= longest + DURATION_S:
        yield f"duration {finish['duration']} s instead of {_span(shortest, longest)}"


def _outcome(evidence: Evidence, company: Company) -> Iterator[str]:
    call, crm = evidence.call, evidence.crm
    finish = crm["finish"]
    if not finish:
        yield "was never finished"
        return
    if crm["finishes_refused"]:
        yield f"was finished {1 + crm['finishes_refused']} times"
    wanted = status_of(call)
    if finish["status_code"] != wanted:
        yield f"status {finish['status_code']} instead of {wanted}"
    person = credited(call, company)
    if finish["user_id"] != person:
        yield f"credited to {company.who(finish['user_id'])} instead of {company.who(person)}"


def status_of(call: RealCall) -> str:
    """The status code a call deserves (telephony.externalcall.finish, table of STATUS_CODE)."""
    if call.talk:
        return "200"
    if not call.planned.outbound:
        return "304"
    if call.caller.cancelled_at:
        return "603-S"
    refused = next((leg.refused_with for leg in call.legs if leg.refused_with), call.caller.refused_with)
    return str(refused) if refused in (403, 404, 480, 484, 486, 503, 603) else "OTHER"


def credited(call: RealCall, company: Company) -> int:
    """Whose call it is: who talked last; else who placed it, the client's responsible, who answers for lost calls."""
    if call.planned.outbound and not call.planned.moves:
        return company.user_of(call.planned.by)
    if call.talk:
        return company.user_of(call.talk.number)
    if call.planned.outbound:
        return company.user_of(call.planned.by)
    client = company.client_of(_outside_number(call))
    return company.user_of(client.responsible) if client else company.default_user


def _recording(evidence: Evidence) -> Iterator[str]:
    call, heard = evidence.call, evidence.recording
    if not call.talk:
        if heard:
            yield "has a recording though nobody talked"
        return
    if not heard:
        yield "has no recording"
        return
    shortest, longest = call.talk_seconds
    if not shortest - DURATION_S <= heard.seconds <= longest + DURATION_S:
        yield f"the recording lasts {heard.seconds:.1f} s instead of {_span(shortest, longest)}"
    if call.planned.moves:
        people = {"customer": CUSTOMER_TONE, **{talk.number: employee_tone(talk.number) for talk in call.talks}}
        absent = [who for who, hertz in people.items() if hertz not in heard.tones]
        if absent:
            yield f"on the recording {' and '.join(absent)} can't be heard"
        return
    missing = [who for who, is_there in (("customer", heard.customer), ("employee", heard.employee)) if not is_there]
    if missing:
        yield f"on the recording the {' and the '.join(missing)} can't be heard"


# ---------------------------------------- words


def _outside_number(call: RealCall) -> str:
    return call.customer


def _span(shortest: float, longest: float) -> str:
    return f"{shortest:.1f} s" if longest - shortest < 0.1 else f"{shortest:.1f} s to {longest:.1f} s"


def _same_number(one: str, other: str) -> bool:
    """Whether two spellings mean one number: +7, 7 and 8 before the same ten digits. A withheld one has no digits."""
    left, right = ("".join(c for c in text if c.isdigit())[-10:] for text in (one, other))
    return left == right


def _label(story: Story, call: RealCall) -> str:
    return f"call {story.calls.index(call.planned) + 1}" if len(story.calls) > 1 else "the call"


def _list(numbers: set[str]) -> str:
    return ", ".join(sorted(numbers)) or "none"
