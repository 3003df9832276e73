"""Waiting for what nobody tells."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(ready: Callable[[], Awaitable[object]] | Callable[[], object], seconds: float) -> None:
    """Wait until `ready` gives something true; `TimeoutError` otherwise."""
    async with asyncio.timeout(seconds):
        while True:
            answer = ready()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.1)
