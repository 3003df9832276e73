"""The state of phones, read from Asterisk over ARI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from stasis_app.ari import AriLink, Gone


class AriEndpoints:
    """Reads endpoints and device states (ARI `GET /endpoints/{tech}/{resource}`, `GET /deviceStates/{name}`).

    States are asked for when they are needed. Being told of every change would be cheaper to read but is not safe: an
    application that follows device states can deadlock Asterisk when its socket closes (asterisk/asterisk#2170).
    """

    def __init__(self, link: AriLink) -> None:
        self._link = link

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        """The endpoint as ARI describes it, None when Asterisk has none of that name. Raises `AriError`."""
        try:
            return await self._read(f"endpoints/{tech}/{resource}")
        except Gone:
            return None

    async def device_state(self, name: str, /) -> str:
        """The state of a device, e.g. NOT_INUSE; INVALID for one that nobody ever set. Raises `AriError`."""
        return str((await self._read(f"deviceStates/{name}")).get("state", ""))

    async def _read(self, path: str) -> Mapping[str, Any]:
        reply = await self._link.transport.request("GET", self._link.url(path))
        value = orjson.loads(await reply.text())
        return value if isinstance(value, dict) else {}
