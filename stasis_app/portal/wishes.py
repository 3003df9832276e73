"""Wishes to be called back, and how far each has come: kept until they are done, so that a restart loses none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from loguru import logger

from stasis_app.portal.needs import CallBackOrder

_KEPT_AS = "callback forms"


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish.

    Args:
        number: whom to call, as the trunk takes it.
        order: what the portal told.
        rounds: how often everybody was called in vain.
        tried: whether any employee was called; then a call in the CRM tells of the wish.
        call_id: the call that is being made for it.
    """

    number: str
    order: CallBackOrder
    rounds: int = 0
    tried: bool = False
    call_id: str = ""


class ValueStore(Protocol):
    """Where named values are kept (`Store.meta`)."""

    async def get(self, name: str) -> Any: ...

    async def set(self, name: str, value: Any) -> bool: ...


class WishBook:
    """All wishes that are not done, by number."""

    def __init__(self, store: ValueStore) -> None:
        self._store = store
        self._wishes: dict[str, Wish] = {}
        self._writing = asyncio.Lock()

    async def load(self) -> list[Wish]:
        """The wishes from before a restart. Raises what the store raises."""
        kept = await self._store.get(_KEPT_AS)
        self._wishes = {wish.number: wish for wish in map(_read, kept or ())}
        return list(self._wishes.values())

    async def keep(self, wish: Wish, **changes: Any) -> Wish:
        """The wish with these changes, once it is on disk (or the disk refuses: then it counts until a restart)."""
        changed = replace(wish, **changes)
        self._wishes[changed.number] = changed
        await self._write()
        return changed

    async def forget(self, wish: Wish) -> None:
        """It is done."""
        self._wishes.pop(wish.number, None)
        await self._write()

    async def _write(self) -> None:
        async with self._writing:
            try:
                await self._store.set(_KEPT_AS, [asdict(wish) for wish in self._wishes.values()])
            except Exception as error:
                logger.error("Wishes to be called back are not kept on disk: {}", type(error).__name__)


def _read(values: Mapping[str, Any]) -> Wish:
    return Wish(**{**values, "order": CallBackOrder(**values["order"])})
