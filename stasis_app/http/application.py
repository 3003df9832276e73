"""The aiohttp application: middlewares, the API's routes, the page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.hdrs import METH_ALL, METH_GET, METH_HEAD
from aiohttp.typedefs import Handler

from stasis_app.http import live
from stasis_app.http.dependencies import DEPENDENCIES, ApiDependencies
from stasis_app.http.page import add_page
from stasis_app.http.problems import Problem, problems
from stasis_app.http.routes import add_routes

LARGEST_BODY = 64 * 1024  # bytes


def create_http(api: ApiDependencies) -> web.Application:
    """The application, ready for a runner; the portal's routes may be added to it. Run it without an access log:
    requests are counted, and addresses may carry names."""
    app = web.Application(middlewares=[_counted, problems, _still_ours], client_max_size=LARGEST_BODY)
    app[DEPENDENCIES] = api
    app[live.READERS] = set()
    add_routes(app)
    add_page(app)
    app.on_shutdown.append(live.end_streams)
    app.cleanup_ctx.append(_figures)
    return app


async def _figures(app: web.Application) -> AsyncIterator[None]:
    """Count facts for as long as the application runs."""
    needed = app[DEPENDENCIES]
    unsubscribe = needed.facts.subscribe(needed.metrics.observe)
    yield
    unsubscribe()


@web.middleware
async def _still_ours(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse orders once another instance serves: what waited for a process that was frozen would be done by nobody."""
    may_act = request.app[DEPENDENCIES].may_act
    if request.method not in (METH_GET, METH_HEAD) and may_act is not None and not await may_act():
        raise Problem(503, "Another instance has taken over from this one; ask again.", headers={"Retry-After": "1"})
    return await handler(request)


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    resource = request.match_info.route.resource
    method = request.method if request.method in METH_ALL else "other"
    route = resource.canonical if resource else "unknown"
    request.app[DEPENDENCIES].metrics.requests.labels(method, route, str(response.status)).inc()
    return response
