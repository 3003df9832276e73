"""A call's mailbox. There is one for each live call, so it weighs next to nothing while nothing comes."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """What came, in order, for one task that reads it. An `asyncio.Queue` does the same in 3 KB."""

    __slots__ = ("_items", "_reader")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._reader: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """One more; never waits."""
        self._items.append(item)
        self.nudge()

    def nudge(self) -> None:
        """Let the reader look up, though nothing came."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def take(self) -> list[T]:
        """Everything there is; waits for something, or a nudge, when there is nothing."""
        if not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        items, self._items = self._items, []
        return items
