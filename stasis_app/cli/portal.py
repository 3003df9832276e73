"""The portal and the store for commands that do one thing and leave."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from sqlalchemy.engine import make_url

from b24client import MemoryTokenStore, Portal, TokenStore
from stasis_app.portal import connect
from stasis_app.settings import Settings
from stasis_app.store import Store, StoreError, open_store

SECONDS = 10.0  # a request to the portal may take


async def opened_store(stack: AsyncExitStack, settings: Settings) -> Store | None:
    """The service's store; None when there is none yet. A command makes none: it would belong to the wrong user."""
    url = make_url(settings.storage.url)
    is_file = url.drivername.startswith("sqlite") and bool(url.database)
    if is_file and not await asyncio.to_thread(Path(url.database or "").is_file):
        return None
    store = await open_store(settings.storage)
    stack.push_async_callback(store.close)
    return store


async def opened_portal(stack: AsyncExitStack, settings: Settings) -> tuple[Portal | None, str]:
    """The portal, ready to be asked; or None, and why."""
    tokens: TokenStore = MemoryTokenStore()
    if settings.bitrix24.is_application:
        try:
            store = await opened_store(stack, settings)
        except StoreError as error:
            return None, f"the application's tokens can't be read: {error}"
        if store is not None:
            tokens = store.tokens
    portal = connect(settings.bitrix24, tokens, timeout=SECONDS)
    await stack.enter_async_context(portal)
    return portal, ""
