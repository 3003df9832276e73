"""The outbox over the API."""

from __future__ import annotations

from aiohttp import web

from stasis_app.http.answers import answer
from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.models import OutboxItemOut, OutboxPage, OutboxQuery
from stasis_app.http.problems import query_of


async def list_outbox(request: web.Request) -> web.Response:
    """What the portal has not accepted yet or refused for good, newest first."""
    query = query_of(request, OutboxQuery)
    items = await request.app[DEPENDENCIES].outbox.items(query.limit)
    return answer(OutboxPage(items=[OutboxItemOut.of(item) for item in items]))
