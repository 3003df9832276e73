"""The route table: every operation of the API, from which the router and the OpenAPI document are made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from stasis_app.http import calls, health, incidents, live, models, outbox, queues, recordings, transfers
from stasis_app.http.auth import demand_token
from stasis_app.http.move_routes import MOVE_ROUTES
from stasis_app.http.openapi import Route, document


async def openapi(request: web.Request) -> web.Response:
    """This document."""
    return web.Response(body=await asyncio.to_thread(_document), content_type="application/json")


@cache
def _document() -> bytes:
    """Made when it is first asked for: the models' schemas take longer than a start should."""
    return orjson.dumps(document(ROUTES))


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
    *(
        Route(
            method="POST",
            path=f"/api/v1/calls/{{id}}/recording/{handler.__name__}",
            handler=handler,
            tag="recordings",
            status=204,
            errors=(404, 503),
        )
        for handler in (recordings.pause, recordings.resume, recordings.start, recordings.stop)
    ),
    Route(
        method="GET",
        path="/api/v1/recordings",
        handler=recordings.list_recordings,
        tag="recordings",
        query=models.RecordingsQuery,
        result=models.RecordingsPage,
        errors=(422,),
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/transfer",
        handler=transfers.transfer,
        tag="calls",
        body=models.TransferOrder,
        status=202,
        errors=(400, 404, 409, 415, 422, 503),
    ),
    *(
        Route(
            method="POST",
            path=f"/api/v1/calls/{{id}}/transfer/{what}",
            handler=handler,
            tag="calls",
            status=204,
            errors=(404, 409, 503),
        )
        for what, handler in (
            ("complete", transfers.complete_transfer),
            ("cancel", transfers.cancel_transfer),
            ("conference", transfers.conference_transfer),
            ("swap", transfers.swap_transfer),
        )
    ),
    *MOVE_ROUTES,
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
    Route(
        method="GET",
        path="/api/v1/queues",
        handler=queues.list_queues,
        tag="queues",
        result=models.QueueList,
    ),
    Route(
        method="GET",
        path="/api/v1/queues/{name}",
        handler=queues.show_queue,
        tag="queues",
        result=models.QueueOut,
        errors=(404,),
    ),
    Route(
        method="GET",
        path="/api/v1/queues/{name}/agents/{extension}",
        handler=queues.show_agent,
        tag="queues",
        result=models.AgentOut,
        errors=(404,),
    ),
    Route(
        method="PUT",
        path="/api/v1/queues/{name}/agents/{extension}",
        handler=queues.sign_in,
        tag="queues",
        body=models.AgentChange,
        result=models.AgentOut,
        errors=(400, 404, 415, 422),
    ),
    Route(
        method="DELETE",
        path="/api/v1/queues/{name}/agents/{extension}",
        handler=queues.sign_out,
        tag="queues",
        status=204,
        errors=(404,),
    ),
    Route(
        method="GET",
        path="/api/v1/incidents",
        handler=incidents.list_incidents,
        tag="operation",
        query=models.IncidentsQuery,
        result=models.IncidentPage,
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


def add_routes(app: web.Application) -> None:
    """Put the table into the router of `app`."""
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _guarded(route.handler) if route.token else route.handler)


def _guarded(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def guarded(request: web.Request) -> web.StreamResponse:
        demand_token(request)
        return await handler(request)

    return guarded
