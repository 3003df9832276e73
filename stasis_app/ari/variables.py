"""Asterisk's global variables and what a channel's dialplan functions answer, over ARI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import orjson

from stasis_app.ari.errors import Gone
from stasis_app.ari.transport import TwoLaneTransport


class Server(Protocol):
    """Who is asked: the link."""

    @property
    def transport(self) -> TwoLaneTransport: ...

    def url(self, path: str, /) -> str: ...


async def read_global(server: Server, name: str) -> str:
    """A global variable (`GET /asterisk/variable`), "" when there is none.

    Raises:
        AriError: Asterisk does not tell.
    """
    return await _read(server, "asterisk/variable", {"variable": name})


async def write_global(server: Server, name: str, value: str) -> None:
    """Set a global variable (`POST /asterisk/variable`), or remove it ("").

    Seen on 22.10.1: a request without a value removes the variable, one with an empty value leaves it there, empty.

    Raises:
        AriError: it could not be set.
    """
    said = orjson.dumps({"variable": name, **({"value": value} if value else {})}).decode()
    await server.transport.request("POST", server.url("asterisk/variable"), data=said)


async def ask_channel(server: Server, channel: str, expression: str) -> str:
    """A variable or function of a channel (`GET /channels/{id}/variable`), "" when there is none.

    Raises:
        AriError: Asterisk does not tell.
    """
    return await _read(server, f"channels/{channel}/variable", {"variable": expression})


async def _read(server: Server, path: str, asked: Mapping[str, str]) -> str:
    try:
        reply = await server.transport.request("GET", server.url(path), params=asked)
    except Gone:
        return ""
    value = orjson.loads(await reply.text())
    return str(value.get("value", "")) if isinstance(value, dict) else ""
