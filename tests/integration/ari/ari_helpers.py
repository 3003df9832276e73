"""What the tests of the link wait for: things told, lines logged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stasis_app.ari import AriLink, World
from stasis_app.ari.events import Event

T = TypeVar("T")
Connect = Callable[..., AriLink]


async def soon(something: Awaitable[T]) -> T:
    """Wait for it, but not for ever."""
    return await asyncio.wait_for(something, 5)


class Log:
    """What was logged, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def write(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    def saying(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    async def says(self, text: str) -> str:
        async with asyncio.timeout(5):
            while not self.saying(text):
                self._more.clear()
                await self._more.wait()
        return self.saying(text)[0]


class Told:
    """What a link told: worlds and events in one queue, in order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | World] = asyncio.Queue()
        self.failing: Exception | None = None
        self.then: Callable[[], object] = lambda: None

    def __call__(self, told: Event | World) -> None:
        self.queue.put_nowait(told)
        self.then()
        if self.failing is not None:
            raise self.failing

    async def next(self) -> Event | World:
        return await soon(self.queue.get())
