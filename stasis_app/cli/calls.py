"""`stasis-app calls` and `stasis-app outbox`: asked of the running service, or else read from its store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated, Any

import aiohttp
import typer
from rich.markup import escape
from rich.table import Table

from stasis_app.calls.journal import Journal
from stasis_app.cli.common import (
    WRONG,
    ConfigOption,
    JsonOption,
    err,
    fail,
    out,
    print_json,
    quiet_logging,
    settings_or_exit,
)
from stasis_app.cli.portal import opened_store
from stasis_app.http import PastCalls
from stasis_app.http.models import CallOut
from stasis_app.settings import HttpSettings, Settings
from stasis_app.store import OPEN, REFUSED, Store, StoreError

Row = Mapping[str, Any]
"""A call or an operation as the API tells it."""

LiveOption = Annotated[bool, typer.Option("--live/--past", help="Calls going on, or those that are over.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")]


def calls(
    live: LiveOption = True, limit: LimitOption = 50, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List calls."""
    settings = settings_or_exit(config)
    quiet_logging(settings)
    path = f"/api/v1/calls?state={'live' if live else 'ended'}&limit={limit}"
    rows = asyncio.run(rows_of(settings, path, "calls", lambda store: _stored_calls(store, live, limit)))
    if as_json:
        print_json(rows)
        return
    table = Table("started", "direction", "customer", "client", "line", "with", "talk, s", "now", box=None)
    for row in rows:
        parties = [talk["party"] for talk in row["talks"]] or [ring["party"] for ring in row["rings"]]
        table.add_row(
            moment(row["started_at"]),
            row["direction"],
            escape(row["customer_number"] or "withheld"),
            escape((row["client"] or {}).get("name", "")),
            escape(row["line"]),
            escape(parties[-1]["number"] if parties else ""),
            f"{row['talk_seconds']:.0f}",
            row["stage"],
        )
    out().print(table if rows else "No calls.")


def outbox(limit: LimitOption = 100, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what the portal has not accepted yet."""
    settings = settings_or_exit(config)
    quiet_logging(settings)
    path = f"/api/v1/outbox?limit={limit}"
    rows = asyncio.run(rows_of(settings, path, "items", lambda store: _stored_outbox(store, limit)))
    if as_json:
        print_json(rows)
        return
    table = Table("since", "call", "operation", "state", "attempts", "why", box=None)
    for row in rows:
        table.add_row(
            moment(row["created_at"]),
            escape(row["call_id"]),
            row["operation"],
            row["state"],
            str(row["attempts"]),
            escape(row["error"]),
        )
    out().print(table if rows else "The outbox is empty.")


async def rows_of(
    settings: Settings, path: str, key: str, stored: Callable[[Store], Awaitable[list[Row]]]
) -> list[Row]:
    """Rows from the service's API; when it does not run, from its store."""
    answer = await _api(settings.http, path)
    if answer is not None:
        return list(answer[key])
    err().print("[dim]The service does not answer; this is from its store.[/]")
    async with AsyncExitStack() as stack:
        try:
            store = await opened_store(stack, settings)
        except StoreError as error:
            fail(str(error), WRONG)
        return await stored(store) if store else []


async def _api(http: HttpSettings, path: str) -> Mapping[str, Any] | None:
    """The service's answer; None when nobody listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)
    host = f"[{host}]" if ":" in host else host
    headers = {"Authorization": f"Bearer {http.tokens[0].get_secret_value()}"} if http.tokens else {}
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(f"http://{host}:{http.port}{path}") as response,
        ):
            if response.status == 200:
                answer: Mapping[str, Any] = await response.json()
                return answer
            fail(f"The service at {host}:{http.port} answers {response.status}: is it another one?", WRONG)
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _stored_calls(store: Store, live: bool, limit: int) -> list[Row]:
    journal = Journal(store.journal)
    records = await (journal.unfinished() if live else journal.past(PastCalls(limit=limit)))
    return [CallOut.of(record).model_dump(mode="json") for record in records[:limit]]


async def _stored_outbox(store: Store, limit: int) -> list[Row]:
    return [
        {
            "id": f"{row.call_id}/{row.seq}",
            "call_id": row.call_id,
            "operation": row.kind,
            "state": row.state,
            "attempts": row.attempts,
            "created_at": datetime.fromtimestamp(row.opened_at).astimezone().isoformat(),
            "error": row.reason,
        }
        for row in await store.outbox.listing((OPEN, REFUSED), limit=limit)
    ]


def moment(text: str) -> str:
    """A time for people, in this machine's zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
