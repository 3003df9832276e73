"""A plain reader of ARI for checks: it has to work just when the real link does not."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

from stasis_app.ari.errors import AriError
from stasis_app.ari.transport import basic_auth
from stasis_app.crm import local_call
from stasis_app.settings import AsteriskSettings

SECONDS = 8.0


class UnreachableError(Exception):
    """Asterisk's HTTP server does not answer; the text says in what way."""


@dataclass(frozen=True, slots=True)
class AriReply:
    """Status and decoded body (None when it was not JSON)."""

    status: int
    body: Any


class AriProbe:
    """Asks ARI single questions.

    async with AriProbe(settings) as ari:
        reply = await ari.get("asterisk/info")
    """

    def __init__(self, settings: AsteriskSettings) -> None:
        self._base = settings.url.rstrip("/") + "/ari/"
        self._headers = basic_auth(settings.username, settings.password.get_secret_value())
        self._ca_file = settings.ca_file
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context(cafile=str(self._ca_file)) if self._ca_file else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, ssl=context),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def get(self, *path: str) -> AriReply:
        """GET of a path given in parts. Raises `UnreachableError`."""
        return await self._ask("GET", path)

    async def variable(self, name: str) -> str:
        """A global variable of Asterisk's, "" when it is not set. Raises `UnreachableError`."""
        reply = await self._ask("GET", ("asterisk", "variable"), {"variable": name})
        return str(reply.body.get("value", "")) if isinstance(reply.body, dict) else ""

    async def global_variable(self, name: str, /) -> str:
        """The same, as `stasis_app.crm.FreePbx` asks for it. Raises `AriError`."""
        try:
            return await self.variable(name)
        except UnreachableError as error:
            raise AriError("GET asterisk/variable", str(error)) from error

    async def run(self, exten: str, context: str, variables: dict[str, str], /) -> None:
        """Run an extension of the dialplan, with nobody on the line. Raises `AriError`."""
        try:
            await self._ask("POST", ("channels",), body=local_call(exten, context, variables))
        except UnreachableError as error:
            raise AriError("POST channels", str(error)) from error

    async def try_to_write(self) -> int:
        """The status of a write that changes nothing: hanging up a channel that does not exist."""
        reply = await self._ask("DELETE", ("channels", "stasis-app-check-no-such-channel"))
        return reply.status

    async def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> AriReply:
        assert self._session is not None
        url = self._base + "/".join(quote(part, safe="") for part in path)
        try:
            async with self._session.request(method, url, params=query, json=body, allow_redirects=False) as response:
                raw = await response.read()
                return AriReply(response.status, _decoded(raw))
        except aiohttp.ClientConnectorCertificateError as error:
            raise UnreachableError("its certificate is not trusted") from error
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno
            raise UnreachableError(os.strerror(number) if number else "no connection") from error
        except TimeoutError as error:
            raise UnreachableError(f"no answer within {SECONDS:g} s") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise UnreachableError(f"no HTTP answer ({type(error).__name__})") from error


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
