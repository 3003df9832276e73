"""`telephony.externalCall.attachRecord`: a recording in the request, by address, or by an upload to follow.

https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import socket
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from b24client.sandbox.calls import Call, Record
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.state import Sandbox
from b24client.sandbox.wire import RestError, core_error

_NEITHER = "Required parameters are not set. Request should contain either URL or FILENAME parameter"
_NOT_FINISHED = "Call is not found in the statistic table. It looks like it is not finished yet."
_NOT_PUBLIC = "Record URL resolves to a non-public address and was blocked."
_PIECE = 256 * 1024


class TooLarge(Exception):
    """More bytes than the portal's web server takes."""


@method("telephony.externalCall.attachRecord", "telephony")
async def attach_record(context: Context) -> Any:
    """A recording, in place of an earlier one of the same call."""
    params, sandbox = context.params, context.sandbox
    context.call_id = params.text("CALL_ID")
    address, filename = params.text("RECORD_URL"), params.text("FILENAME")
    if not address and params.get("FILENAME") is None:
        raise core_error(_NEITHER)
    call = sandbox.calls.get(context.call_id)
    if call is None or call.finish is None:
        if call is not None:
            call.records_refused += 1
        raise core_error(_NOT_FINISHED)
    if address:
        return await _by_address(sandbox, call, address, filename)
    _check_filename(filename)
    content = params.get("FILE_CONTENT")
    if content is None:
        return _upload_form(context, call, filename)
    if not isinstance(content, str) or not content:
        raise core_error("File content is empty.")
    try:
        audio = await asyncio.to_thread(base64.b64decode, content, validate=True)
    except ValueError:
        raise core_error("File content is not properly encoded. Base64 encoding is expected.") from None
    return {"FILE_ID": await keep(sandbox, call, filename, _whole(audio))}


def _check_filename(filename: str) -> None:
    if not filename:
        raise core_error("File name is empty")
    if not filename.lower().endswith((".wav", ".mp3")):
        raise core_error("Wrong file extension. Only wav and mp3 are allowed")


async def keep(sandbox: Sandbox, call: Call, filename: str, pieces: AsyncGenerator[bytes]) -> int:
    """Write a recording to disk as it comes and give it to its call; its file id. Raises RestError, TooLarge."""
    file_id = sandbox.calls.next_file()
    path = sandbox.records / f"{file_id}{Path(filename).suffix.lower()}"
    digest, size = hashlib.sha256(), 0
    file = await asyncio.to_thread(path.open, "wb")
    try:
        with file:
            async with aclosing(pieces):
                async for piece in pieces:
                    size += len(piece)
                    if size > sandbox.config.recordings.max_bytes:
                        raise TooLarge
                    digest.update(piece)
                    await asyncio.to_thread(file.write, piece)
        if not size:
            raise core_error("File content is empty.")
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    seconds = await asyncio.to_thread(_seconds, path)
    replaced = sandbox.calls.attach(call, Record(file_id, filename, size, digest.hexdigest(), str(path), seconds))
    if replaced is not None:
        await asyncio.to_thread(Path(replaced.path).unlink, missing_ok=True)
    return file_id


def _seconds(path: Path) -> int:
    """How long a WAV file plays, 0 for anything else."""
    if path.suffix != ".wav":
        return 0
    try:
        with wave.open(str(path)) as sound:
            return int(sound.getnframes() // max(1, sound.getframerate()))
    except (wave.Error, EOFError):
        return 0


async def _whole(audio: bytes) -> AsyncGenerator[bytes]:
    yield audio


def _upload_form(context: Context, call: Call, filename: str) -> dict[str, str]:
    if context.in_batch:
        raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    auth, token = context.sandbox.uploads.announce(call.call_id, filename)
    url = f"{context.base}/rest/upload.json?auth={auth}&token={quote(token, safe='')}"
    return {"uploadUrl": url, "fieldName": "file"}


async def _by_address(sandbox: Sandbox, call: Call, address: str, filename: str) -> dict[str, int]:
    """One GET while the caller waits; the name is the given one, or the last part of the address's path."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _answered(0) from None
    filename = filename or unquote(parts.path.rpartition("/")[2])
    _check_filename(filename)
    if sandbox.config.switches.refuse_private_urls and not await _is_public(host, port or 443):
        raise core_error(_NOT_PUBLIC)
    try:
        return {"FILE_ID": await keep(sandbox, call, filename, _fetched(sandbox, address))}
    except (aiohttp.ClientError, TimeoutError, ValueError, TooLarge):
        raise _answered(0) from None


async def _fetched(sandbox: Sandbox, address: str) -> AsyncGenerator[bytes]:
    timeout = aiohttp.ClientTimeout(total=sandbox.config.recordings.request_seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as got:
        if got.status != 200:
            raise _answered(got.status)
        async for piece in got.content.iter_chunked(_PIECE):
            yield piece


def _answered(status: int) -> RestError:
    """0 stands for no answer at all."""
    return core_error(f"Server returns HTTP error code {status}")


async def _is_public(host: str, port: int) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return True  # left to the request, which fails in its own words
    return all(ipaddress.ip_address(where[4][0]).is_global for where in found)
