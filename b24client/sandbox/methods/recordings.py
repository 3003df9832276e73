"""`telephony.externalCall.attachRecord` and the upload that may follow it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import wave
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from b24client.sandbox.calls import Call, Record
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.state import Sandbox
from b24client.sandbox.wire import RestError, core_error

_NEITHER = "Required parameters are not set. Request should contain either URL or FILENAME parameter"
_NOT_FINISHED = "Call is not found in the statistic table. It looks like it is not finished yet."


@method("telephony.externalCall.attachRecord", "telephony")
async def attach_record(context: Context) -> Any:
    """A recording: in the request, by address, or by an upload to follow."""
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
        filename = Path(urlsplit(address).path).name
    check_filename(filename)
    if address:
        return {"FILE_ID": await keep(sandbox, call, filename, await _fetched(address))}
    content = params.get("FILE_CONTENT")
    if content is None:
        return _upload_form(context, call, filename)
    if not isinstance(content, str) or not content:
        raise core_error("File content is empty.")
    try:
        audio = await asyncio.to_thread(base64.b64decode, content, validate=True)
    except ValueError:
        raise core_error("File content is not properly encoded. Base64 encoding is expected.") from None
    return {"FILE_ID": await keep(sandbox, call, filename, audio)}


def check_filename(filename: str) -> None:
    """Raises RestError unless it is the name of a WAV or MP3 file."""
    if not filename:
        raise core_error("File name is empty")
    if not filename.lower().endswith((".wav", ".mp3")):
        raise core_error("Wrong file extension. Only wav and mp3 are allowed")


async def keep(sandbox: Sandbox, call: Call, filename: str, audio: bytes) -> int:
    """Keep a recording and give it to a call; its file id."""
    if not audio:
        raise core_error("File content is empty.")
    file_id = sandbox.calls.next_file()
    path = sandbox.records / f"{file_id}{Path(filename).suffix.lower()}"
    digest, seconds = await asyncio.to_thread(_write, path, audio)
    sandbox.calls.attach(call, Record(file_id, filename, len(audio), digest, str(path), seconds))
    return file_id


def _write(path: Path, audio: bytes) -> tuple[str, int]:
    path.write_bytes(audio)
    seconds = 0
    if path.suffix == ".wav":
        try:
            with wave.open(str(path)) as sound:
                seconds = sound.getnframes() // max(1, sound.getframerate())
        except (wave.Error, EOFError):
            pass
    return hashlib.sha256(audio).hexdigest(), seconds


def _upload_form(context: Context, call: Call, filename: str) -> dict[str, str]:
    if context.in_batch:
        raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    token = quote(context.sandbox.access.new_upload(call.call_id, filename), safe="")
    return {"uploadUrl": f"{context.base}/rest/upload.json?token={token}", "fieldName": "file"}


async def _fetched(address: str) -> bytes:
    """One GET, as the portal makes it."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.get(address) as got,
        ):
            if got.status != 200:
                raise core_error(f"Server returns HTTP error code {got.status}")
            return await got.read()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        raise core_error("Server returns HTTP error code 0") from None
