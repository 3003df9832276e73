"""Posting events to the applications that asked for them: form fields, once, never again if it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from loguru import logger

from b24client.forms import encode_form
from b24client.sandbox.access import Access

_PATIENCE = aiohttp.ClientTimeout(total=15)


@dataclass(frozen=True, slots=True)
class Binding:
    """An address that wants an event."""

    id: int
    event: str
    handler: str
    auth_type: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an event: the handler's HTTP status, 0 when it could not be reached."""

    handler: str
    status: int


class Postman:
    """Keeps the bindings and delivers."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.bindings: list[Binding] = []
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[Delivery]] = set()
        self._next_id = 1000

    def bind(self, event: str, handler: str, auth_type: int) -> Binding:
        """A new binding."""
        self._next_id += 1
        binding = Binding(self._next_id, event, handler, auth_type)
        self.bindings.append(binding)
        return binding

    def bound(self, event: str) -> list[Binding]:
        """Who wants an event."""
        return [binding for binding in self.bindings if binding.event == event]

    def emit(self, event: str, data: Mapping[str, Any], user_id: int, base: str) -> None:
        """Post an event to all who want it, without waiting for them."""
        for binding in self.bound(event):
            task = asyncio.create_task(self.deliver(binding, data, user_id, base))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def deliver(self, binding: Binding, data: Mapping[str, Any], user_id: int, base: str) -> Delivery:
        """Post an event to one handler and wait for its answer."""
        fields = {
            "event": binding.event,
            "event_handler_id": binding.id,
            "data": data,
            "ts": int(time.time()),
            "auth": self.auth_block(user_id, base),
        }
        return await self.post(binding.handler, fields)

    def auth_block(self, user_id: int, base: str, *, install: bool = False) -> dict[str, Any]:
        """The `auth` part of an event; only an installation hands over a refresh token."""
        block = self._access.grant(user_id, base)
        block["domain"] = base.partition("://")[2]
        if not install:
            del block["refresh_token"]
        block["application_token"] = self._access.application_token
        return block

    async def post(self, handler: str, fields: Mapping[str, Any]) -> Delivery:
        """Post form fields, brackets and all percent-encoded as PHP does."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        body = encode_form(fields).replace("[", "%5B").replace("]", "%5D")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
        try:
            async with self._session.post(handler, data=body.encode(), headers=headers) as response:
                await response.read()
                return Delivery(handler, response.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            logger.warning("event {} was not delivered: {}", fields.get("event"), type(error).__name__)
            return Delivery(handler, 0)

    async def aclose(self) -> None:
        """Drop what is under way and close the session."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
