"""The route table: every operation of the API, from which the router and the OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from stasis_app.http import calls, health, live, models, move_models, moves, outbox
from stasis_app.http.auth import demand_token
from stasis_app.http.openapi import Route, document


async def openapi(request: web.Request) -> web.Response:
    """This document."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


_MOVE_ERRORS = (400, 404, 409, 415, 422, 503)

ROUTES = (
    Route(
        method="GET",
        path="/api/v1/calls",
        handler=calls.list_calls,
        tag="calls",
        query=models.CallsQuery,
        result=models.CallPage,
        errors=(422,),
    ),
    Route(
        method="POST",
        path="/api/v1/calls",
        handler=calls.originate,
        tag="calls",
        body=models.Originate,
        status=202,
        result=models.Originated,
        errors=(400, 409, 415, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/calls/{id}",
        handler=calls.show_call,
        tag="calls",
        result=models.CallStory,
        errors=(404,),
    ),
    Route(
        method="DELETE",
        path="/api/v1/calls/{id}",
        handler=calls.hang_up,
        tag="calls",
        status=204,
        errors=(404, 409, 503),
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/participants",
        handler=moves.add_participant,
        tag="moves",
        body=move_models.Invitation,
        status=202,
        result=move_models.Invited,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="PATCH",
        path="/api/v1/calls/{id}/participants/{participant}",
        handler=moves.change_participant,
        tag="moves",
        body=move_models.ParticipantChange,
        status=204,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="DELETE",
        path="/api/v1/calls/{id}/participants/{participant}",
        handler=moves.remove_participant,
        tag="moves",
        status=204,
        errors=(404, 409, 503),
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/participants/{participant}/dtmf",
        handler=moves.send_keys,
        tag="moves",
        body=move_models.Keys,
        status=204,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/park",
        handler=moves.park,
        tag="moves",
        body=move_models.ParkOrder,
        result=move_models.ParkedOut,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/pickup",
        handler=moves.pick_up,
        tag="moves",
        body=move_models.PickupOrder,
        status=202,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/supervise",
        handler=moves.supervise,
        tag="moves",
        body=move_models.SuperviseOrder,
        status=202,
        errors=(*_MOVE_ERRORS, 403),
    ),
    Route(
        method="DELETE",
        path="/api/v1/calls/{id}/supervise/{extension}",
        handler=moves.stop_supervising,
        tag="moves",
        status=204,
        errors=(403, 404, 409, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/extensions/{extension}",
        handler=moves.show_extension,
        tag="extensions",
        result=move_models.ExtensionOut,
        errors=(404,),
    ),
    Route(
        method="PUT",
        path="/api/v1/extensions/{extension}",
        handler=moves.change_extension,
        tag="extensions",
        body=move_models.ExtensionChange,
        result=move_models.ExtensionOut,
        errors=(400, 404, 415, 422),
    ),
    Route(
        method="GET",
        path="/api/v1/live",
        handler=live.stream,
        tag="calls",
        content_type="text/event-stream",
    ),
    Route(
        method="GET",
        path="/api/v1/outbox",
        handler=outbox.list_outbox,
        tag="outbox",
        query=models.OutboxQuery,
        result=models.OutboxPage,
        errors=(422,),
    ),
    Route(method="GET", path="/api/v1/openapi.json", handler=openapi, tag="about", token=False),
    Route(method="GET", path="/healthz", handler=health.healthz, tag="operation", token=False, result=models.Alive),
    Route(
        method="GET",
        path="/readyz",
        handler=health.readyz,
        tag="operation",
        token=False,
        result=models.Ready,
        also={503: "Calls can't be served."},
    ),
    Route(method="GET", path="/metrics", handler=health.metrics, tag="operation", content_type="text/plain"),
)

DOCUMENT = web.AppKey("openapi", bytes)


def add_routes(app: web.Application) -> None:
    """Put the table into the router of `app`."""
    app[DOCUMENT] = orjson.dumps(document(ROUTES))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _guarded(route.handler) if route.token else route.handler)


def _guarded(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def guarded(request: web.Request) -> web.StreamResponse:
        demand_token(request)
        return await handler(request)

    return guarded
