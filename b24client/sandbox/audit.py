"""What a well-behaved telephone system would not have left behind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson

from b24client.sandbox.calls import Call
from b24client.sandbox.journal import Entry
from b24client.sandbox.state import Sandbox

INVARIANTS = {
    "registered twice": "one EXTERNAL_CALL_ID, or one real call without it, has several calls",
    "not finished": "a call was registered and never finished",
    "finished twice": "a call was finished again",
    "card after the end": "a card was asked for, or stayed open, after the call had ended",
    "recording twice": "a call got another recording in place of its first",
    "recording too early": "a recording was offered before the call was finished",
    "rejected request": "the portal refused a request",
    "limit overrun": "the portal refused a request because of its limits",
    "lookup burst": "the same question was asked again and again within seconds",
}
"""What is looked for."""
BURST, BURST_SECONDS = 5, 10.0
"""How many equal questions in how many seconds are too many."""
_LIMIT_CODES = ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT")
_USUAL = ("expired_token",)  # tokens are meant to expire
_LOOKUPS = (".get", ".list", ".search", ".findbycomm", "searchcrmentities")


def audit(sandbox: Sandbox, since: float = 0.0) -> list[dict[str, Any]]:
    """The broken invariants: `{"invariant", "call_id", "external_call_id", "at", "detail"}` each.

    `since` (unix seconds) leaves out calls and requests that began earlier.
    """
    calls = [call for call in sandbox.calls.calls.values() if call.registered_at >= since]
    entries = [entry for entry in sandbox.journal.entries if entry.at >= since]
    return [*_twice(calls), *_calls(calls), *_requests(entries), *_bursts(entries)]


def _twice(calls: list[Call]) -> Iterator[dict[str, Any]]:
    """Calls that are one to the outside world."""
    by_external: dict[str, list[Call]] = defaultdict(list)
    by_number: dict[tuple[str, bool], list[Call]] = defaultdict(list)
    for call in calls:
        if call.external_call_id:
            by_external[call.external_call_id].append(call)
        by_number[call.digits or call.phone_number, call.type in (1, 4)].append(call)
    for same in by_external.values():
        if len(same) > 1:
            names = ", ".join(call.call_id for call in same)
            yield _finding("registered twice", f"one EXTERNAL_CALL_ID has {len(same)} calls: {names}", same[-1])
    for same in by_number.values():
        for earlier, later in pairwise(same):
            if _one_talk(earlier, later):
                text = f"looks like the same call as {earlier.call_id}, which was not over yet"
                yield _finding("registered twice", text, later)


def _one_talk(earlier: Call, later: Call) -> bool:
    """Whether two calls of one number are one real call: one has no id of its own, and they were on at once."""
    if earlier.external_call_id and later.external_call_id:
        return False
    ended = earlier.finish.at if earlier.finish else earlier.registered_at + 60
    return later.registered_at < ended


def _calls(calls: list[Call]) -> Iterator[dict[str, Any]]:
    for call in calls:
        if call.finish is None:
            cards = [card.user_id for card in call.open_cards()]
            yield _finding("not finished", f"the call was never finished; cards open for {cards or 'nobody'}", call)
        if call.finishes_refused:
            yield _finding("finished twice", f"{call.finishes_refused} more finish after the first", call)
        if call.shows_refused:
            yield _finding("card after the end", f"{call.shows_refused} times a card was asked for too late", call)
        if call.finish and call.open_cards():
            yield _finding("card after the end", "a card is still open", call)
        if call.records > 1:
            yield _finding("recording twice", f"{call.records} recordings were attached; the last one counts", call)
        if call.records_refused:
            yield _finding("recording too early", f"{call.records_refused} times before the call was finished", call)


def _requests(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if not entry.failed or entry.error in _USUAL or entry.error.startswith("fault"):
            continue
        kind = "limit overrun" if entry.error in _LIMIT_CODES else "rejected request"
        yield _about(kind, f"{entry.method}: {entry.error} {entry.description}".strip(), entry)


def _bursts(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    """Equal questions close together, told once per burst."""
    recent: dict[bytes, deque[float]] = defaultdict(deque)
    for entry in entries:
        if entry.failed or not entry.method.lower().endswith(_LOOKUPS):
            continue
        key = entry.method.lower().encode() + orjson.dumps(
            entry.params, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        )
        times = recent[key]
        times.append(entry.at)
        while times[0] < entry.at - BURST_SECONDS:
            times.popleft()
        if len(times) >= BURST:
            yield _about("lookup burst", f"{entry.method}: {len(times)} times the same in {BURST_SECONDS:g} s", entry)
            times.clear()


def _finding(invariant: str, detail: str, call: Call) -> dict[str, Any]:
    return {
        "invariant": invariant,
        "call_id": call.call_id,
        "external_call_id": call.external_call_id,
        "at": call.registered_at,
        "detail": detail,
    }


def _about(invariant: str, detail: str, entry: Entry) -> dict[str, Any]:
    return {
        "invariant": invariant,
        "call_id": entry.call_id,
        "external_call_id": "",
        "at": entry.at,
        "detail": detail,
    }
