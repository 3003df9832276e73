"""Calls over the API: list, look at, set up, hang up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import orjson
from aiohttp import web

from stasis_app.calls.record import CallRecord
from stasis_app.http.answers import answer, json_answer
from stasis_app.http.dependencies import DEPENDENCIES, CallBook, PastCalls
from stasis_app.http.models import (
    CallOut,
    CallsQuery,
    CallsState,
    CallStory,
    FactOut,
    Originate,
    Originated,
)
from stasis_app.http.problems import FieldProblem, Problem, body_of, query_of

_CURSOR_SEPARATOR = "~"


async def list_calls(request: web.Request) -> web.Response:
    """Live calls, oldest first; or ended ones, newest first, a page at a time."""
    query = query_of(request, CallsQuery)
    needed = request.app[DEPENDENCIES]
    if query.state is CallsState.LIVE:
        records = _of_portal(needed.calls, query.portal_call_id) if query.portal_call_id else needed.calls.live()
        return json_answer(page_json(records))
    found = await needed.journal.past(
        PastCalls(
            limit=query.limit + 1,  # one more tells whether there is a next page
            before=_position(query.cursor) if query.cursor else None,
            since=_aware(query.since, "since"),
            until=_aware(query.until, "until"),
            number=query.number,
            extension=query.extension,
            direction=query.direction,
            answered=query.answered,
        )
    )
    page, more = found[: query.limit], len(found) > query.limit
    return json_answer(page_json(page, _cursor(page[-1]) if more else None))


def page_json(records: Iterable[CallRecord], following: str | None = None) -> bytes:
    """A `CallPage`, written call by call: the models of a thousand calls at once would be 7 MB that stay taken."""
    calls = b",".join(CallOut.of(record).model_dump_json().encode() for record in records)
    return b'{"calls":[' + calls + b'],"next":' + orjson.dumps(following) + b"}"


def _of_portal(calls: CallBook, portal_call_id: str) -> list[CallRecord]:
    """The live call the portal has a card of, if there is one."""
    call_id = calls.of_portal(portal_call_id)
    record = calls.get(call_id) if call_id else None
    return [record] if record is not None else []


async def show_call(request: web.Request) -> web.Response:
    """A call and the facts that made it."""
    call_id = request.match_info["id"]
    needed = request.app[DEPENDENCIES]
    record = needed.calls.get(call_id) or await needed.journal.get(call_id)
    if record is None:
        raise unknown_call(call_id)
    facts = await needed.journal.facts(call_id)
    return answer(CallStory(call=CallOut.of(record), facts=[FactOut.of(fact) for fact in facts]))


async def originate(request: web.Request) -> web.Response:
    """Ring an employee, and when he answers, call the number."""
    order = await body_of(request, Originate)
    call_id = await request.app[DEPENDENCIES].control.originate(
        order.extension, order.number, line=order.line, caller_id=order.caller_id, auto_answer=order.auto_answer
    )
    where = f"/api/v1/calls/{quote(call_id, safe='')}"
    return answer(Originated(call_id=call_id), status=202, headers={"Location": where})


async def hang_up(request: web.Request) -> web.Response:
    """End a live call for everybody in it."""
    call_id = request.match_info["id"]
    if not await request.app[DEPENDENCIES].control.hang_up(call_id):
        raise unknown_call(call_id)
    return web.Response(status=204)


def unknown_call(call_id: str) -> Problem:
    """The answer about a call that does not exist."""
    return Problem(404, f"There is no call {call_id!r}; it may have ended meanwhile.")


def _aware(moment: datetime | None, field: str) -> datetime | None:
    if moment is None or moment.tzinfo:
        return moment
    wrong = FieldProblem(field=f"query.{field}", problem="has no time zone; add one, as in 2026-03-10T09:00:00+03:00")
    raise Problem(422, "Some fields are wrong; errors names each.", errors=[wrong])


def _cursor(record: CallRecord) -> str:
    return f"{record.started_at.astimezone(UTC).isoformat()}{_CURSOR_SEPARATOR}{record.call_id}"


def _position(cursor: str) -> tuple[datetime, str]:
    moment, separator, call_id = cursor.partition(_CURSOR_SEPARATOR)
    try:
        # A + that was not percent-encoded has become a space on its way.
        at = datetime.fromisoformat(moment.replace(" ", "+"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not separator:
        wrong = FieldProblem(field="query.cursor", problem="is not the `next` of a page")
        raise Problem(422, "Some fields are wrong; errors names each.", errors=[wrong])
    return at, call_id
