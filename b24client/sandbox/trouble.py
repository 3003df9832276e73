"""What trouble does to a request: before the work, instead of it, or to its answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from urllib.parse import urlsplit

from aiohttp import web

from b24client.sandbox.faults import Fault
from b24client.sandbox.state import SANDBOX
from b24client.sandbox.wire import json_response

_EXPIRED = {"error": "expired_token", "error_description": "The access token provided has expired."}


def moved(request: web.Request) -> web.Response | None:
    """The way to the portal's new address, when a request comes to an old one."""
    new = request.app[SANDBOX].access.renamed_to
    if not new or request.host.lower() == urlsplit(new).netloc.lower():
        return None
    return web.Response(status=302, headers={"Location": new + request.path_qs})


async def stricken(request: web.Request, faults: list[Fault], *, by_token: bool = False) -> web.StreamResponse | None:
    """Suffer trouble that comes before the work; an answer if there is to be no work."""
    for fault in faults:
        match fault.kind:
            case "down" | "reset":
                return reset(request)
            case "refuse":
                return hang_up(request)
            case "timeout":
                await asyncio.sleep(fault.seconds)
                return hang_up(request)
            case "hang":
                await asyncio.sleep(fault.seconds)
            case "moved":
                return web.Response(status=302, headers={"Location": fault.to.rstrip("/") + request.path_qs})
            case "expired_token" if by_token:
                return json_response(_EXPIRED, 401)
            case "error":
                return _error(fault)
    return None


def spoiled(request: web.Request, faults: list[Fault], answer: web.Response) -> web.Response:
    """What is left of an answer after trouble that comes behind the work."""
    for fault in faults:
        match fault.kind:
            case "lose_reply":
                return reset(request)
            case "truncated":
                assert isinstance(answer.body, bytes)
                return web.Response(body=answer.body[: len(answer.body) // 2], content_type="application/json")
            case "garbage":
                return web.Response(body=bytes(range(256)), content_type="application/json")
            case "late_error":
                return _error(fault)
    return answer


def _error(fault: Fault) -> web.Response:
    if fault.body is not None:
        return web.Response(text=fault.body, status=fault.status, content_type="text/html")
    return json_response({"error": fault.code, "error_description": fault.description}, fault.status)


def reset(request: web.Request) -> web.Response:
    """Break the connection as a crashing server does. The returned response goes nowhere."""
    if request.transport is not None:
        plug = request.transport.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=500)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without a word. The returned response goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


def fault_names(faults: list[Fault]) -> str:
    """What a request met, for the journal."""
    return f"fault: {', '.join(fault.kind for fault in faults)}"
