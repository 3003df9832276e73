"""What a well-behaved telephone system would not have left behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from b24client.sandbox.state import Sandbox

_LIMIT_CODES = ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT")
_USUAL = ("expired_token",)  # tokens are meant to expire


def audit(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The broken invariants: `{"invariant", "call_id", "external_call_id", "detail"}` each."""
    return [*_calls(sandbox), *_requests(sandbox)]


def _calls(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    for external, calls in sandbox.calls.by_external.items():
        if len(calls) > 1:
            names = ", ".join(call.call_id for call in calls)
            yield _finding(
                "registered twice", f"one EXTERNAL_CALL_ID has {len(calls)} calls: {names}", external=external
            )
    for call in sandbox.calls.calls.values():
        ids = {"call_id": call.call_id, "external": call.external_call_id}
        if call.finish is None:
            cards = [card.user_id for card in call.open_cards()]
            yield _finding("not finished", f"the call was never finished; cards open for {cards or 'nobody'}", **ids)
        if call.finishes_refused:
            yield _finding("finished twice", f"{call.finishes_refused} more finish after the first", **ids)
        if call.shows_refused:
            yield _finding("card after the end", f"{call.shows_refused} times a card was asked for too late", **ids)
        if call.finish and call.open_cards():
            yield _finding("card after the end", "a card is still open", **ids)


def _requests(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    for entry in sandbox.journal.entries:
        if not entry.failed or entry.error in _USUAL or entry.error.startswith("fault"):
            continue
        kind = "limit overrun" if entry.error in _LIMIT_CODES else "rejected request"
        detail = f"{entry.method}: {entry.error} {entry.description}".strip()
        yield _finding(kind, detail, call_id=entry.call_id)


def _finding(invariant: str, detail: str, *, call_id: str = "", external: str = "") -> dict[str, Any]:
    return {"invariant": invariant, "call_id": call_id, "external_call_id": external, "detail": detail}
