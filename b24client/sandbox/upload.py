"""`/rest/upload.json`: where recordings are posted to after attachRecord has given the address.

What a live portal answers here is not documented; the sandbox answers as attachRecord does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import aiohttp
from aiohttp import web

from b24client.sandbox.faults import Fault
from b24client.sandbox.methods.recordings import TooLarge, keep
from b24client.sandbox.state import SANDBOX, Sandbox
from b24client.sandbox.trouble import fault_names, reset, spoiled, stricken
from b24client.sandbox.wire import RestError, core_error, json_response

FORM_BYTES = 64 * 1024
"""What a form may add to its file."""
_PIECE = 256 * 1024


class _Cut(Exception):
    """The connection shall break here."""


async def upload(request: web.Request) -> web.StreamResponse:
    """Take a recording; it goes to disk as it comes. The address stays good until one has come whole."""
    sandbox, started = request.app[SANDBOX], time.time()
    faults = sandbox.faults.hit(["upload"])
    call_id = ""
    if (early := await stricken(request, faults)) is not None:
        _note(sandbox, started, call_id, early.status, fault_names(faults))
        return early
    try:
        sandbox.gate.enter(request.remote or "")
        token = request.query.get("token", "")
        announced = sandbox.uploads.good(request.query.get("auth", ""), token)
        call = sandbox.calls.get(announced.call_id) if announced else None
        if announced is None or call is None:
            raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        call_id = call.call_id
        if (request.content_length or 0) > sandbox.config.recordings.max_bytes + FORM_BYTES:
            raise TooLarge
        async with asyncio.timeout(sandbox.config.recordings.request_seconds):
            await asyncio.sleep(sum(fault.seconds for fault in faults if fault.kind == "delay"))
            file_id = await keep(sandbox, call, announced.filename, _file(request, _cut_after(faults)))
        sandbox.uploads.used(token)
    except RestError as error:
        _note(sandbox, started, call_id, error.status, error.code)
        return json_response({"error": error.code, "error_description": error.text}, error.status)
    except TooLarge:
        _note(sandbox, started, call_id, 413, "413")
        return _page(413, "Request Entity Too Large")
    except TimeoutError:
        _note(sandbox, started, call_id, 504, "504")
        return _page(504, "Gateway Time-out")
    except (_Cut, ConnectionError, aiohttp.ClientError):
        _note(sandbox, started, call_id, 0, "fault: cut" if _cut_after(faults) is not None else "broken off")
        return reset(request)
    _note(sandbox, started, call_id, 200, None)
    return spoiled(request, faults, json_response({"result": {"FILE_ID": file_id}}))


async def _file(request: web.Request, cut_after: int | None) -> AsyncGenerator[bytes]:
    """The content of the form's field `file`. Raises RestError when there is none."""
    if request.content_type != "multipart/form-data":
        raise core_error("File content is empty.")
    came = 0
    try:
        async for part in await request.multipart():
            if not isinstance(part, aiohttp.BodyPartReader) or part.name != "file":
                continue
            while piece := await part.read_chunk(_PIECE):
                came += len(piece)
                if cut_after is not None and came > cut_after:
                    raise _Cut
                yield piece
            return
    except ValueError as error:
        raise RestError(400, "INVALID_REQUEST", f"The request can't be read: {error}") from None


def _cut_after(faults: list[Fault]) -> int | None:
    return next((fault.after_bytes for fault in faults if fault.kind == "cut"), None)


def _page(status: int, text: str) -> web.Response:
    """What the web server in front of the portal says by itself."""
    return web.Response(
        text=f"<html><body><h1>{status} {text}</h1></body></html>", status=status, content_type="text/html"
    )


def _note(sandbox: Sandbox, started: float, call_id: str, status: int, error: str | None) -> None:
    sandbox.journal.note("upload", started=started, status=status, error=error, call_id=call_id)
