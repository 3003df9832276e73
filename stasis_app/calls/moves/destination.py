"""Where a call can be moved to. The plan knows; calls only ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stasis_app.calls.facts import Party, Unanswered
from stasis_app.calls.verbs import Target

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes.

    `name` is how it was asked for: an extension, an outside number, an element of the plan. `party` is who is rung,
    None for an element, which decides that itself.
    """

    name: str
    party: Party | None = None


class Following(Protocol):
    """Whom a call to one party rings, one after another, as forwarding leads.

    `refused` is why somebody could not be rung at all (his phone is off, busy, not to be disturbed).
    """

    refused: Unanswered | None

    async def next(self, why: Unanswered | None = None, /) -> Target | None:
        """Who is rung first, or after the last one did not answer (`why`); None: nobody. Never raises."""
        ...


class Destinations(Protocol):
    """What leads to where (`stasis_app.flow.transfers`)."""

    async def find(self, to: str) -> Destination | None:
        """What an extension, an outside number, a number of the plan or the name of an element leads to.

        None when that is nowhere. Never raises, and never takes longer than a moment.
        """
        ...

    def following(self, call: Call, party: Party) -> Following:
        """Whom ringing this party for the call rings."""
        ...

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        """Lead a call there from now on; when nobody takes it, back to `by`, then to the plan."""
        ...

    async def bring_back(self, call: Call, by: Party) -> None:
        """Lead a call nobody took back to who gave it away, then to the plan."""
        ...
