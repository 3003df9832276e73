"""The application's frames in the portal's pages: what is posted into them, and what they ask the page for.

Facts: https://apidocs.bitrix24.com/api-reference/widgets/index.html
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from pydantic import Field

from b24client.sandbox.cards import as_json, card_options, card_status
from b24client.sandbox.control import Order, body, wrong
from b24client.sandbox.placements import APP_URI, CALL_CARD, MAIN_PAGE, WORKER, Frame, Placement
from b24client.sandbox.state import SANDBOX, Sandbox
from b24client.sandbox.wire import json_response

routes = web.RouteTableDef()


class FrameOrder(Order):
    """An employee opens a frame: of a handler in a place, or (without one) the application's own page."""

    user_id: int
    placement_id: int = 0
    call_id: str = ""
    state: str = Field(default="", max_length=20)
    params: dict[str, str] = Field(default_factory=dict)
    uri: str = Field(default="/", max_length=500)


class LoadedOrder(Order):
    """How long a frame took to load."""

    seconds: float = Field(ge=0)


def shown_places(sandbox: Sandbox) -> dict[str, Any]:
    """What of the application there is to open. Places come alive when its installation is finished."""
    alive = [] if sandbox.access.unfinished else sandbox.placements.all
    return {
        "client_id": sandbox.config.app.client_id,
        "name": sandbox.config.app.name,
        "main": bool(sandbox.config.app.handler),
        "unfinished": sandbox.access.unfinished,
        "places": [
            {"id": p.id, "placement": p.placement, "title": p.title or sandbox.config.app.name, "user_id": p.user_id}
            for p in alive
        ],
    }


@routes.post("/sandbox/api/frames")
async def open_frame(request: web.Request) -> web.Response:
    """Begin a frame: the address and the form fields the page posts into it, and what `BX24.init` will be told."""
    sandbox = request.app[SANDBOX]
    order: FrameOrder = await body(request, FrameOrder)
    if sandbox.people.user(order.user_id) is None:
        return wrong(f"user_id: there is no user {order.user_id}")
    place = next((p for p in sandbox.placements.all if p.id == order.placement_id), None)
    if order.placement_id and (place is None or sandbox.access.unfinished):
        return wrong(f"placement_id: there is no handler {order.placement_id}")
    handler = place.handler if place else sandbox.config.app.handler
    if not handler:
        return wrong("the application has no page of its own; bind a placement or install it with one")
    options = _options(sandbox, place, order)
    frame = sandbox.placements.open(order.user_id, place.placement if place else MAIN_PAGE, handler, options)
    return json_response(_opened(request, sandbox, frame))


def _options(sandbox: Sandbox, place: Placement | None, order: FrameOrder) -> dict[str, Any]:
    if place is None:
        return order.params
    if place.placement == CALL_CARD and (call := sandbox.calls.get(order.call_id)):
        status = card_status(sandbox, call)
        return card_options({**status, "CALL_STATE": order.state or status["CALL_STATE"], "URI": order.uri})
    if place.placement == APP_URI:
        return order.params
    return {"ID": place.placement, "URI": order.uri} if place.placement == WORKER else {"URI": order.uri}


def _opened(request: web.Request, sandbox: Sandbox, frame: Frame) -> dict[str, Any]:
    base = sandbox.base(request)
    parts = urlsplit(base)
    query = {
        "DOMAIN": parts.netloc,
        "PROTOCOL": "1" if parts.scheme == "https" else "0",
        "LANG": "en",
        "APP_SID": frame.sid,
    }
    tokens = _tokens(sandbox, frame, base)
    options = as_json(frame.options) if frame.options else "[]"
    joint = "&" if urlsplit(frame.handler).query else "?"
    user = sandbox.people.user(frame.user_id)
    return {
        "sid": frame.sid,
        "action": f"{frame.handler}{joint}{urlencode(query)}",
        "fields": {
            **tokens,
            "SERVER_ENDPOINT": f"{base}/rest/",
            "APPLICATION_TOKEN": sandbox.access.application_token,
            "APPLICATION_SCOPE": ",".join(sandbox.config.app.scope),
            "member_id": sandbox.access.member_id,
            "status": "L",
            "PLACEMENT": frame.placement,
            "PLACEMENT_OPTIONS": options,
        },
        "init": {
            **query,
            **tokens,
            "MEMBER_ID": sandbox.access.member_id,
            "IS_ADMIN": bool(user and user.admin),
            "INSTALL": sandbox.access.unfinished,
            "PLACEMENT": frame.placement,
            "PLACEMENT_OPTIONS": frame.options,
        },
    }


def _tokens(sandbox: Sandbox, frame: Frame, base: str) -> dict[str, str]:
    grant = sandbox.access.grant(frame.user_id, base)
    return {
        "AUTH_ID": grant["access_token"],
        "AUTH_EXPIRES": str(grant["expires_in"]),
        "REFRESH_ID": grant["refresh_token"],
    }


def _frame(request: web.Request) -> Frame:
    frame = request.app[SANDBOX].placements.frames.get(request.match_info["sid"])
    if frame is None:
        raise web.HTTPNotFound(text="no such frame")
    return frame


@routes.post(r"/sandbox/api/frames/{sid:[0-9a-f]+}/auth")
async def refresh_auth(request: web.Request) -> web.Response:
    """New tokens for a frame (`BX24.refreshAuth`)."""
    sandbox = request.app[SANDBOX]
    return json_response(_tokens(sandbox, _frame(request), sandbox.base(request)))


@routes.post(r"/sandbox/api/frames/{sid:[0-9a-f]+}/install_finish")
async def install_finish(request: web.Request) -> web.Response:
    """The application's installation is finished (`BX24.installFinish`): events and places come alive."""
    _frame(request)
    sandbox = request.app[SANDBOX]
    sandbox.access.finish_installation()
    data = {"VERSION": 1, "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"}
    sandbox.postman.emit("ONAPPINSTALL", data, _frame(request).user_id, sandbox.base(request))
    sandbox.desks.reset()
    return json_response({})


@routes.post(r"/sandbox/api/frames/{sid:[0-9a-f]+}/loaded")
async def loaded(request: web.Request) -> web.Response:
    """A frame has loaded; a background worker that is too slow too often is thrown out."""
    frame, order = _frame(request), await body(request, LoadedOrder)
    kept = True
    for place in request.app[SANDBOX].placements.find(frame.placement):
        if place.handler == frame.handler and place.for_user(frame.user_id):
            kept = await note_load(request, place, order.seconds)
    return json_response({"kept": kept})


async def note_load(request: web.Request, place: Placement, seconds: float) -> bool:
    """Count the load of a background worker; when it is thrown out its error address is told, without tokens."""
    sandbox = request.app[SANDBOX]
    if place.placement != WORKER or sandbox.placements.loaded(place, seconds):
        return True
    fields = {
        "event": "ERROR_PLACEMENT_LOADING_OVERTIME",
        "data": {"PLACEMENT": place.placement, "HANDLER": place.handler, "USER_ID": place.user_id},
        "ts": int(time.time()),
        "auth": {
            "domain": urlsplit(sandbox.base(request)).netloc,
            "member_id": sandbox.access.member_id,
            "application_token": sandbox.access.application_token,
        },
    }
    await sandbox.postman.post(str(place.options.get("errorHandlerUrl", "")), fields)
    sandbox.desks.reset()
    return False
