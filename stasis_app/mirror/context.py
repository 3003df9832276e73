"""What all calls on their way to the portal share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stasis_app.incidents import Incidents
from stasis_app.mirror.deliveries import Deliveries
from stasis_app.mirror.gate import Gate
from stasis_app.mirror.operations import Rules
from stasis_app.mirror.people import People
from stasis_app.store import Outbox


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who answers for a number in the CRM; `user_id` is None when that is nobody in particular."""

    user_id: int | None


@dataclass(frozen=True, slots=True)
class Context:
    """What all lanes share."""

    outbox: Outbox
    deliveries: Deliveries
    gate: Gate
    people: People
    rules: Rules
    spell: Callable[[str], str]
    observe: Callable[[str, float], None]
    responsible_of: Callable[[str], Awaitable[Responsible | None]]
    incidents: Incidents
    owners: dict[str, str] = field(default_factory=dict)
    """The portal's calls that go on, and which call of ours each is."""
