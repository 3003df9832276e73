"""The portal as the mirror sees it: five requests, two pairs of which travel together."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from b24client import (
    AccessDenied,
    BadReply,
    Command,
    FinishCall,
    Portal,
    Priority,
    Refused,
    RegisterCall,
    RegisteredCall,
    reference,
)
from b24client import card_params as card

_REGISTER = "telephony.externalCall.register"
_SHOW = "telephony.externalCall.show"
_HIDE = "telephony.externalCall.hide"

CARD_SECONDS = 15.0
"""How long a request about a card may take, the wait for the budget included: a later card helps nobody."""
FINISH_SECONDS = 60.0
"""How long a finish may take: the portal itself gives up after a minute."""


class PortalCalls(Protocol):
    """What the portal is told. Every method raises `b24client.B24Error`."""

    async def register(self, call: RegisterCall, show_to: Collection[int]) -> tuple[str, bool]:
        """Register a call and, in the same request, show its card to these users.

        Returns the portal's CALL_ID and whether the card was shown.
        """
        ...

    async def cards(self, call_id: str, show: Collection[int], hide: Collection[int]) -> None:
        """Open and close the card, in one request."""
        ...

    async def finish(self, call: FinishCall, *, closes_cards: bool) -> None:
        """Write a call down; one that still has cards open goes before those that have none."""
        ...

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        """Attach a recording. Raises also ValueError and OSError for a file that can't be sent."""
        ...

    async def finished_before(self, external_call_id: str) -> str:
        """The CALL_ID under which a call is in the portal's statistics, "" when it is not."""
        ...


class B24PortalCalls:
    """The portal behind `b24client`."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._telephony = portal.telephony

    async def register(self, call: RegisterCall, show_to: Collection[int]) -> tuple[str, bool]:
        if not show_to:
            registered = await self._telephony.register(call, timeout=CARD_SECONDS)
            return registered.call_id, False
        show = Command("show", _SHOW, card(reference("reg", "CALL_ID"), sorted(show_to)))
        results = await self._portal.batch(
            [Command("reg", _REGISTER, call.to_params()), show], halt=True, timeout=CARD_SECONDS
        )
        try:
            registered = RegisteredCall.model_validate(results["reg"].unwrap())
        except ValidationError:
            raise BadReply(_REGISTER, "", "result: no CALL_ID") from None
        return registered.call_id, results["show"].error is None and bool(results["show"].value)

    async def cards(self, call_id: str, show: Collection[int], hide: Collection[int]) -> None:
        if show and hide:
            commands = [
                Command("hide", _HIDE, card(call_id, sorted(hide))),
                Command("show", _SHOW, card(call_id, sorted(show))),
            ]
            for result in (await self._portal.batch(commands, timeout=CARD_SECONDS)).values():
                result.unwrap()
        elif show:
            await self._telephony.show(call_id, sorted(show), timeout=CARD_SECONDS)
        elif hide:
            await self._telephony.hide(call_id, sorted(hide), timeout=CARD_SECONDS)

    async def finish(self, call: FinishCall, *, closes_cards: bool) -> None:
        priority = Priority.CARD if closes_cards else Priority.FINISH
        await self._telephony.finish(call, priority=priority, timeout=FINISH_SECONDS)

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        await self._telephony.attach_record(call_id, filename, path)

    async def finished_before(self, external_call_id: str) -> str:
        try:
            rows = await self._telephony.statistic({"EXTERNAL_CALL_ID": external_call_id}, priority=Priority.FINISH)
        except (AccessDenied, BadReply, Refused):
            return ""  # we may not look there: as if nothing were found
        return rows[0].call_id if rows else ""
