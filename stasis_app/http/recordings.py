"""Recordings over the API: what is recorded of a live call, and what became of the recordings of a day."""

from __future__ import annotations

from aiohttp import web

from stasis_app.http.answers import answer
from stasis_app.http.dependencies import DEPENDENCIES, RecordingOrder
from stasis_app.http.models import RecordingOut, RecordingsPage, RecordingsQuery
from stasis_app.http.problems import Problem, query_of


async def list_recordings(request: web.Request) -> web.Response:
    """The recordings of the ended calls of a day, the latest call first; or those the portal does not have."""
    query = query_of(request, RecordingsQuery)
    found = await request.app[DEPENDENCIES].recordings.of_day(query.day, missing=query.missing)
    return answer(RecordingsPage(recordings=[RecordingOut.of(report) for report in found]))


async def pause(request: web.Request) -> web.Response:
    """Record silence until the recording is resumed, so that card numbers are not on it."""
    return await _ordered(request, RecordingOrder.PAUSE)


async def resume(request: web.Request) -> web.Response:
    """Go on with a paused recording."""
    return await _ordered(request, RecordingOrder.RESUME)


async def start(request: web.Request) -> web.Response:
    """Record a call from now on, whatever the configuration says."""
    return await _ordered(request, RecordingOrder.START)


async def stop(request: web.Request) -> web.Response:
    """Do not record a call any further; what was recorded so far is kept and delivered."""
    return await _ordered(request, RecordingOrder.STOP)


async def _ordered(request: web.Request, order: RecordingOrder) -> web.Response:
    call_id = request.match_info["id"]
    if not await request.app[DEPENDENCIES].control.record(call_id, order):
        raise Problem(404, f"There is no call {call_id!r}; it may have ended meanwhile.")
    return web.Response(status=204)
