"""After a database that refused: when the next fault may strike."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp

from lab.chaos.faults.fault import Ground

WRITTEN_S = 20.0


async def until_written(ground: Ground) -> None:
    """Wait until the service has written what it kept in memory: were it killed before, that would be lost, as told."""
    deadline = time.monotonic() + WRITTEN_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{ground.service.url}/readyz") as answer:
                    parts = {part["name"]: part["state"] for part in (await answer.json())["components"]}
                    if parts["storage"] == "ok":
                        return
            await asyncio.sleep(0.2)
    raise RuntimeError(f"the service does not write again:\n{ground.service.last_words()}")
