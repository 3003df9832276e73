"""Incidents over the API."""

from __future__ import annotations

from aiohttp import web

from stasis_app.http.answers import answer
from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.models import IncidentOut, IncidentPage, IncidentsQuery, IncidentsState
from stasis_app.http.problems import query_of


async def list_incidents(request: web.Request) -> web.Response:
    """What an operator has to know of, what happened last first: what it means for calls, and what mends it."""
    query = query_of(request, IncidentsQuery)
    found = [
        one for one in request.app[DEPENDENCIES].incidents.listing() if one.is_open or query.state is IncidentsState.ALL
    ]
    return answer(IncidentPage(incidents=[IncidentOut.of(one) for one in found[: query.limit]]))
