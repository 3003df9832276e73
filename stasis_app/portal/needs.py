"""What the portal's side needs of the rest of the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from b24client import OAuthAuth, OAuthTokens, Portal
from stasis_app.portal.proof import InstallProof


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickOrder:
    """An employee clicked a number in the CRM. The portal has registered the call already, under `portal_call_id`.

    `ordered_at` is Unix time in seconds by the portal's clock, None when it did not say.
    """

    portal_call_id: str
    user_id: int
    number: str
    line: str = ""
    entity_type: str = ""
    entity_id: int | None = None
    ordered_at: float | None = None

    def age(self, now: float) -> float:
        """Seconds since the click."""
        return now - self.ordered_at if self.ordered_at is not None else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackOrder:
    """Somebody filled in a callback form of the CRM. The portal has not registered the call.

    `ordered_at` is Unix time in seconds by the portal's clock, None when it did not say.
    """

    number: str
    line: str = ""
    entity_type: str = ""
    entity_id: int | None = None
    ordered_at: float | None = None


class TakesCallBacks(Protocol):
    """Calls back whoever asked for it."""

    def take(self, order: CallBackOrder) -> None:
        """See to it that the customer is called; returns at once."""
        ...


class ClickToCall(Protocol):
    """Sets up calls ordered in the portal."""

    async def click_to_call(self, order: ClickOrder) -> None:
        """Ring the employee, then the number. When that can't be done, the portal's call is finished as failed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalNeeds:
    """All of it. `public_url` is where the portal reaches us ("" nowhere: no events are bound)."""

    auth: OAuthAuth
    portal: Portal
    proof: InstallProof
    control: ClickToCall
    call_backs: TakesCallBacks
    public_url: str = ""
    on_tokens: Callable[[OAuthTokens], None] = lambda _: None  # e.g. tell the log what to redact; not yet proved
    on_installed: Callable[[], None] = lambda: None  # the tokens are ours and kept: the portal may be asked
