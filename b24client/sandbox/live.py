"""The employees' desktops: the page, and the stream of changes it lives on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from b24client.sandbox.calls import Call
from b24client.sandbox.cards import card_status
from b24client.sandbox.desks import Watcher
from b24client.sandbox.frames import shown_places
from b24client.sandbox.state import SANDBOX, Sandbox

_PAGE = Path(__file__).with_name("page")
_KINDS = {
    "desks.html": "text/html; charset=utf-8",
    "desks.css": "text/css; charset=utf-8",
    "desks.js": "text/javascript; charset=utf-8",
    "callcard.js": "text/javascript; charset=utf-8",
    "frames.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "frame-src http: https:; form-action http: https:"  # the application's pages are anywhere
)
_RECENT = 60
_BEAT_SECONDS = 2.0
_GATHER_SECONDS = 0.04  # changes of the same moment go out together

routes = web.RouteTableDef()


@routes.get("/")
@routes.get("/sandbox")
@routes.get("/sandbox/")
async def page(request: web.Request) -> web.StreamResponse:
    """The desktops."""
    return _file("desks.html")


@routes.get("/sandbox/page/{name}")
async def asset(request: web.Request) -> web.StreamResponse:
    """The page's style and script."""
    if request.match_info["name"] not in _KINDS:
        raise web.HTTPNotFound()
    return _file(request.match_info["name"])


@routes.get("/sandbox/api.js")
async def script(request: web.Request) -> web.StreamResponse:
    """What stands for //api.bitrix24.com/api/v1/ in the application's pages."""
    return _file("api.js")


def _file(name: str) -> web.StreamResponse:
    headers = {
        "Content-Type": _KINDS.get(name, "text/javascript; charset=utf-8"),
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(_PAGE / name, headers=headers)


@routes.get("/sandbox/live")
async def live(request: web.Request) -> web.StreamResponse:
    """Server-sent events: `all` with everything, then `calls` with the calls that changed, `beat` with the counts."""
    sandbox = request.app[SANDBOX]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    watcher = Watcher()
    sandbox.desks.watchers.add(watcher)
    try:
        while not sandbox.desks.closing:
            if watcher.everything:
                watcher.everything = False
                await _send(response, "all", _everything(sandbox))
            changed = await watcher.news(_BEAT_SECONDS)
            if changed:
                await _send(response, "calls", [_call(sandbox, call) for call in changed])
            await _send(response, "beat", _counts(sandbox))
            await asyncio.sleep(_GATHER_SECONDS)
    except ConnectionError:
        pass  # the page was closed
    finally:
        sandbox.desks.watchers.discard(watcher)
    return response


async def _send(response: web.StreamResponse, event: str, data: Any) -> None:
    await response.write(b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n")


def _everything(sandbox: Sandbox) -> dict[str, Any]:
    calls = list(sandbox.calls.calls.values())
    shown = [call for call in calls if call.finish is None] + [call for call in calls if call.finish][-_RECENT:]
    return {
        "title": sandbox.config.title,
        "users": [
            {
                "id": u.id,
                "name": f"{u.name} {u.last_name}".strip(),
                "extension": u.extension,
                "online": u.online,
                "admin": u.admin,
            }
            for u in sandbox.people.users.values()
            if u.active
        ],
        "calls": [_call(sandbox, call) for call in shown],
        "app": shown_places(sandbox),
        "counts": _counts(sandbox),
    }


def _call(sandbox: Sandbox, call: Call) -> dict[str, Any]:
    told = call.told()
    told["status"] = card_status(sandbox, call)
    del told["requests"]
    return told


def _counts(sandbox: Sandbox) -> dict[str, Any]:
    journal = sandbox.journal
    return {
        "requests": journal.requests,
        "commands": journal.commands,
        "errors": sum(journal.errors.values()),
        "overruns": sandbox.gate.overruns,
        "bucket": round(max(sandbox.gate.levels().values(), default=0.0)),
        "burst": sandbox.config.limits.burst,
        "finished": sandbox.calls.finished,
        "now": time.time(),
        "faults": [fault.kind for fault in sandbox.faults.active()],
    }
