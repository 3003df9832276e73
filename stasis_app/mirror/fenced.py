"""The portal for an instance that may have been replaced without noticing: it looks before each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from b24client import FinishCall, RegisterCall
from stasis_app.mirror.portal_calls import Change, Note, Opening, PortalCalls, Registered, Reminder

MayAct = Callable[[], Awaitable[bool]]


class FencedPortalCalls:
    """`PortalCalls` for whoever holds the lease. For anybody else a request never ends: another instance makes it.

    Args:
        portal: the portal.
        may_act: whether we still are the one who serves calls.
    """

    def __init__(self, portal: PortalCalls, may_act: MayAct) -> None:
        self._portal = portal
        self._may_act = may_act

    @property
    def is_crowded(self) -> bool:
        return self._portal.is_crowded

    async def register(
        self, call: RegisterCall, opening: Callable[[], Opening | None], *, live: bool, since: float
    ) -> Registered | None:
        await self._pass()
        return await self._portal.register(call, opening, live=live, since=since)

    async def cards(self, call_id: str, expected: Change, change: Callable[[], Change | None], *, since: float) -> bool:
        await self._pass()
        return await self._portal.cards(call_id, expected, change, since=since)

    async def finish(self, call: FinishCall, *, since: float) -> None:
        await self._pass()
        await self._portal.finish(call, since=since)

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        await self._pass()
        await self._portal.attach(call_id, filename, path)

    async def attach_url(self, call_id: str, url: str) -> None:
        await self._pass()
        await self._portal.attach_url(call_id, url)

    async def remind(self, reminder: Reminder) -> None:
        await self._pass()
        await self._portal.remind(reminder)

    async def is_reminded(self, reminder: Reminder) -> bool:
        await self._pass()
        return await self._portal.is_reminded(reminder)

    async def note(self, note: Note) -> None:
        await self._pass()
        await self._portal.note(note)

    async def is_noted(self, note: Note) -> bool:
        await self._pass()
        return await self._portal.is_noted(note)

    async def finished_before(self, external_call_id: str) -> str:
        await self._pass()
        return await self._portal.finished_before(external_call_id)

    async def is_finished(self, call_id: str) -> bool:
        await self._pass()
        return await self._portal.is_finished(call_id)

    async def _pass(self) -> None:
        if not await self._may_act():
            await asyncio.get_running_loop().create_future()  # until this lane is stopped
