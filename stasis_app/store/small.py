"""Small things on disk: the portal's OAuth tokens and named values."""

from __future__ import annotations

import time
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select

from b24client.tokens import OAuthTokens
from stasis_app.store.database import Database
from stasis_app.store.errors import StoreError
from stasis_app.store.statements import Put
from stasis_app.store.tables import meta, portal_tokens
from stasis_app.store.writer import Writer

THE_PORTAL = 1


class SqlTokenStore:
    """The tokens of the one portal: secrets that go to the database and nowhere else. A `b24client.TokenStore`."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put = Put(portal_tokens, database.dialect)

    async def load(self) -> OAuthTokens | None:
        """The tokens last saved, None when the application was never installed. Raises SQLAlchemyError."""
        query = select(portal_tokens.c.tokens).where(portal_tokens.c.id == THE_PORTAL)
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return OAuthTokens(**orjson.loads(found)) if found else None

    async def save(self, tokens: OAuthTokens) -> None:
        """Keep the tokens in place of the former ones; returns when they are on disk.

        Raises `StoreError` when the disk refuses for now: a refresh token works once, so losing the new one cuts the
        connection to the portal at the next restart. They stay in memory and are written as soon as possible.
        """
        row = {"id": THE_PORTAL, "tokens": orjson.dumps(tokens.reveal()).decode(), "saved_at": time.time()}
        if not await self._writer.write(self._put, [row]):
            raise StoreError("the portal's new tokens are not on disk yet: free space or unlock the database")

    async def clear(self) -> None:
        """Forget the tokens, in turn with what was saved before. Raises `StoreError` when the disk refuses for now."""
        if not await self._writer.run(_no_tokens):
            raise StoreError("the portal's tokens are still on disk: free space or unlock the database")


def _no_tokens(connection: Connection) -> None:
    connection.execute(delete(portal_tokens).where(portal_tokens.c.id == THE_PORTAL))


class SqlMeta:
    """Named values."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._put = Put(meta, database.dialect)

    async def get(self, name: str) -> Any:
        """The value, None when it was never set. Raises SQLAlchemyError."""
        query = select(meta.c.value).where(meta.c.name == name)
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return orjson.loads(found) if found else None

    async def set(self, name: str, value: Any) -> bool:
        """Keep a value that JSON can express; True when it is on disk."""
        return await self._writer.write(self._put, [{"name": name, "value": orjson.dumps(value).decode()}])
