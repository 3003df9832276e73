"""The API aioari binds to: described by the server itself, read in one go and kept on disk by version.

No copy of the description lives here, so the service offers what the installed Asterisk offers. The description's own
base path is replaced by ours, since Asterisk always writes `http://` there, whatever the client came by.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from aioari.client import Client
from loguru import logger

from stasis_app.ari.errors import AriError
from stasis_app.ari.transport import TwoLaneTransport

_NOT_ARI = "the answer is not what ARI would say; does the URL lead to Asterisk?"


async def connect_api(transport: TwoLaneTransport, base_url: str, cache: Path | None) -> Client:
    """An aioari client bound to the server's API, using our transport.

    Args:
        transport: carries the requests.
        base_url: address of ARI, e.g. `http://127.0.0.1:8088/ari`.
        cache: folder for descriptions already read, or None to read them each time.

    Raises:
        AriError: the server can't be asked.
    """
    base = base_url.rstrip("/")
    version = await server_version(transport, base)
    kept = await asyncio.to_thread(_cached, cache, version)
    if kept is not None:
        try:
            return await _bind(transport, base, kept)
        except Exception as error:
            logger.warning("The API description kept for Asterisk {} is damaged and read anew: {!r}", version, error)
    description = await _read(transport, base)
    text = orjson.dumps(description)
    try:
        client = await _bind(transport, base, description)
    except Exception as error:
        raise AriError("GET api-docs", f"{_NOT_ARI} ({type(error).__name__})") from error
    await asyncio.to_thread(_keep, cache, version, text)
    return client


async def server_version(transport: TwoLaneTransport, base_url: str) -> str:
    """The version of the Asterisk behind the transport, e.g. "22.10.1"."""
    return (await server_identity(transport, base_url))[0]


async def server_identity(transport: TwoLaneTransport, base_url: str) -> tuple[str, datetime | None]:
    """The version of the Asterisk behind the transport, and when it was started (None when it does not tell)."""
    reply = await transport.request("GET", f"{base_url.rstrip('/')}/asterisk/info")
    info = _object(await reply.text(), "asterisk/info")
    system, status = info.get("system", {}), info.get("status", {})
    if not isinstance(system, dict):
        raise AriError("GET asterisk/info", _NOT_ARI)
    try:
        started_at = datetime.fromisoformat(status["startup_time"])
    except (KeyError, TypeError, ValueError):
        started_at = None
    return str(system.get("version", "unknown")), started_at


async def _read(transport: TwoLaneTransport, base: str) -> dict[str, Any]:
    async def read(path: str) -> dict[str, Any]:
        reply = await transport.request("GET", f"{base}/{path}")
        return _object(await reply.text(), path)

    listing = await read("api-docs/resources.json")
    try:
        paths = [str(api["path"]).replace("{format}", "json").strip("/") for api in listing["apis"]]
    except (KeyError, TypeError):
        raise AriError("GET api-docs/resources.json", _NOT_ARI) from None
    for api, declaration in zip(listing["apis"], await asyncio.gather(*map(read, paths)), strict=True):
        api["api_declaration"] = declaration
    return listing


def _object(text: str, path: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AriError(f"GET {path}", _NOT_ARI)
    return value


async def _bind(transport: TwoLaneTransport, base: str, description: dict[str, Any]) -> Client:
    """A client with the described operations, at our base path. Raises anything when the description is none."""
    description["basePath"] = base
    for api in description["apis"]:
        api["api_declaration"]["basePath"] = base
    client = Client(base + "/", transport)  # type: ignore[no-untyped-call]  # aioari is untyped
    client.swagger.url = description
    await client.init()  # type: ignore[no-untyped-call]
    return client


def _file(cache: Path, version: str) -> Path:
    return cache / f"ari-{''.join(c if c.isalnum() or c in '.-' else '_' for c in version)[:80]}.json"


def _cached(cache: Path | None, version: str) -> dict[str, Any] | None:
    if cache is None:
        return None
    try:
        found = orjson.loads(_file(cache, version).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _keep(cache: Path | None, version: str, description: bytes) -> None:
    if cache is None:
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = _file(cache, version).with_suffix(".part")
        partial.write_bytes(description)
        partial.replace(_file(cache, version))
    except OSError as error:
        logger.warning("The API description is not kept in {}: {}", cache, error)
