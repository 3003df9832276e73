"""`stasis-app calls` and `stasis-app outbox`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stasis_app.adapters import OutboxView
from stasis_app.calls.journal import Journal
from stasis_app.cli.common import ConfigOption, JsonOption, out, print_json
from stasis_app.cli.rows import Row, moment, rows_of
from stasis_app.http import PastCalls
from stasis_app.http.models import CallOut, OutboxItemOut
from stasis_app.store import Store

LiveOption = Annotated[bool, typer.Option("--live/--past", help="Calls going on, or those that are over.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")]


def calls(
    live: LiveOption = True, limit: LimitOption = 50, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List calls."""
    path = f"/api/v1/calls?state={'live' if live else 'ended'}&limit={limit}"
    rows = rows_of(config, path, "calls", lambda store, _: _stored_calls(store, live, limit))
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
    path = f"/api/v1/outbox?limit={limit}"
    rows = rows_of(config, path, "items", lambda store, _: _stored_outbox(store, limit))
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


async def _stored_calls(store: Store, live: bool, limit: int) -> list[Row]:
    journal = Journal(store.journal)
    records = await (journal.unfinished() if live else journal.past(PastCalls(limit=limit)))
    return [CallOut.of(record).model_dump(mode="json") for record in records[:limit]]


async def _stored_outbox(store: Store, limit: int) -> list[Row]:
    return [OutboxItemOut.of(item).model_dump(mode="json") for item in await OutboxView(store).items(limit)]
