"""Transfers over the API."""

from __future__ import annotations

from aiohttp import web

from stasis_app.http.calls import unknown_call
from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.models import TransferOrder
from stasis_app.http.problems import body_of


async def transfer(request: web.Request) -> web.Response:
    """Move the call to an extension, an outside number or an element of the plan, for the employee who talks."""
    order = await body_of(request, TransferOrder)
    call_id = request.match_info["id"]
    control = request.app[DEPENDENCIES].control
    if not await control.transfer(call_id, order.to, order.kind, order.extension):
        raise unknown_call(call_id)
    return web.Response(status=202)


async def complete_transfer(request: web.Request) -> web.Response:
    """Give the call to the colleague who was asked."""
    return await _next(request, "complete")


async def cancel_transfer(request: web.Request) -> web.Response:
    """Take the call back."""
    return await _next(request, "cancel")


async def conference_transfer(request: web.Request) -> web.Response:
    """Let all three talk."""
    return await _next(request, "conference")


async def swap_transfer(request: web.Request) -> web.Response:
    """Change between the customer and the colleague who was asked."""
    return await _next(request, "swap")


async def _next(request: web.Request, what: str) -> web.Response:
    call_id = request.match_info["id"]
    if not await request.app[DEPENDENCIES].control.go_on_with_transfer(call_id, what):
        raise unknown_call(call_id)
    return web.Response(status=204)
