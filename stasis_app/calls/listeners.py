"""Who is told what becomes of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stasis_app.calls.facts import Fact, Party
from stasis_app.calls.intents import Intent
from stasis_app.calls.record import CallRecord

FactSink = Callable[[CallRecord, Fact], None]
IntentSink = Callable[[str, Intent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who is told of calls: one for all of them. Each must return at once.

    Args:
        on_fact: called with the record and each fact, in order.
        adopt: called with each channel that joins a call, its party and the call's id, so that its events are brought
            there.
        finished: called with a call's id when nothing more is to come.
        on_intent: called with everything the service is about to do, for recordings.
    """

    on_fact: FactSink
    adopt: Callable[[str, Party, str], None]
    finished: Callable[[str], None]
    on_intent: IntentSink | None = None
