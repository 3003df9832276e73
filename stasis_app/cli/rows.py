"""What a command lists: asked of the running service, or else read from its store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from stasis_app.cli.common import WRONG, err, fail, quiet_logging, settings_or_exit
from stasis_app.cli.portal import opened_store
from stasis_app.settings import HttpSettings, Settings
from stasis_app.store import Store, StoreError

Row = Mapping[str, Any]
"""A call, an operation, an incident ... as the API tells it."""
Stored = Callable[[Store, Settings], Awaitable[list[Row]]]


def rows_of(config: Path | None, path: str, key: str, stored: Stored) -> list[Row]:
    """Rows from the service's API, of which `key` is the answer's part; when it does not run, what is `stored`."""
    settings = settings_or_exit(config)
    quiet_logging(settings)
    return asyncio.run(_rows(settings, path, key, stored))


async def _rows(settings: Settings, path: str, key: str, stored: Stored) -> list[Row]:
    answer = await _api(settings.http, path)
    if answer is not None:
        return list(answer[key])
    err().print("[dim]The service does not answer; this is from its store.[/]")
    async with AsyncExitStack() as stack:
        try:
            store = await opened_store(stack, settings)
        except StoreError as error:
            fail(str(error), WRONG)
        return await stored(store, settings) if store else []


async def _api(http: HttpSettings, path: str) -> Mapping[str, Any] | None:
    """The service's answer; None when nobody listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)
    host = f"[{host}]" if ":" in host else host
    headers = {"Authorization": f"Bearer {http.tokens[0].get_secret_value()}"} if http.tokens else {}
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(f"http://{host}:{http.port}{path}") as response,
        ):
            if response.status == 200:
                answer: Mapping[str, Any] = await response.json()
                return answer
            fail(f"The service at {host}:{http.port} answers {response.status}: is it another one?", WRONG)
    except (aiohttp.ClientError, TimeoutError):
        return None


def moment(text: str) -> str:
    """A time for people, in this machine's zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
