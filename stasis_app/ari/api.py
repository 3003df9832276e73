"""The API aioari binds to: described by the server itself, read in one go and kept on disk by version.

No copy of the description lives here, so the service offers what the installed Asterisk offers. The description's own
base path is replaced by ours, since Asterisk always writes `http://` there, whatever the client came by.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
from aioari.client import Client
from loguru import logger

from stasis_app.ari.errors import AriError
from stasis_app.ari.transport import TwoLaneTransport


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
    description = await asyncio.to_thread(_cached, cache, version)
    if description is None:
        description = await _read(transport, base)
        await asyncio.to_thread(_keep, cache, version, description)
    _rebase(description, base)
    client = Client(base + "/", transport)  # type: ignore[no-untyped-call]  # aioari is untyped
    client.swagger.url = description
    await client.init()  # type: ignore[no-untyped-call]
    return client


async def server_version(transport: TwoLaneTransport, base_url: str) -> str:
    """The version of the Asterisk behind the transport, e.g. "22.10.1"."""
    reply = await transport.request("GET", f"{base_url.rstrip('/')}/asterisk/info", {"only": "system"})
    info = _object(await reply.text(), "asterisk/info")
    return str(info.get("system", {}).get("version", "unknown"))


async def _read(transport: TwoLaneTransport, base: str) -> dict[str, Any]:
    async def read(path: str) -> dict[str, Any]:
        reply = await transport.request("GET", f"{base}/{path}")
        return _object(await reply.text(), path)

    listing = await read("api-docs/resources.json")
    paths = [str(api["path"]).replace("{format}", "json").strip("/") for api in listing["apis"]]
    for api, declaration in zip(listing["apis"], await asyncio.gather(*map(read, paths)), strict=True):
        api["api_declaration"] = declaration
    return listing


def _object(text: str, path: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AriError(f"GET {path}", "the answer is not what ARI would say; does the URL lead to Asterisk?")
    return value


def _rebase(description: dict[str, Any], base: str) -> None:
    description["basePath"] = base
    for api in description["apis"]:
        api["api_declaration"]["basePath"] = base


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


def _keep(cache: Path | None, version: str, description: dict[str, Any]) -> None:
    if cache is None:
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = _file(cache, version).with_suffix(".part")
        partial.write_bytes(orjson.dumps(description))
        partial.replace(_file(cache, version))
    except OSError as error:
        logger.warning("The API description is not kept in {}: {}", cache, error)
