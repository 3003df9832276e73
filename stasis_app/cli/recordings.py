"""`stasis-app recordings`: what became of the recordings of a day."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from stasis_app.adapters import RecordingsView
from stasis_app.calls.journal import Journal
from stasis_app.cli.common import ConfigOption, JsonOption, fail, out, print_json
from stasis_app.cli.rows import Row, moment, rows_of
from stasis_app.http.models import RecordingOut
from stasis_app.settings import Settings
from stasis_app.store import Store

recordings = typer.Typer(name="recordings", help="Recordings of ended calls.", no_args_is_help=True)

DayOption = Annotated[str, typer.Option("--day", help="The day the calls began, as 2026-03-10; else today.")]


@recordings.command()
def missing(day: DayOption = "", config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the recordings the portal does not have, and why. Leaves with 1 if there are any."""
    rows = _print(day, config, missing=True, as_json=as_json)
    raise typer.Exit(1 if rows else 0)


@recordings.command(name="list")
def list_(day: DayOption = "", config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all recordings of a day."""
    _print(day, config, missing=False, as_json=as_json)


def _print(day: str, config: Path | None, *, missing: bool, as_json: bool) -> list[Row]:
    try:
        when = date.fromisoformat(day) if day else datetime.now().astimezone().date()
    except ValueError:
        fail(f"--day {day!r} is no day. Write it like 2026-03-10.")

    async def stored(store: Store, settings: Settings) -> list[Row]:
        view = RecordingsView(Journal(store.journal), store, internal_calls=settings.bitrix24.internal_calls)
        found = await view.of_day(when, missing=missing)
        return [RecordingOut.of(report).model_dump(mode="json") for report in found]

    path = f"/api/v1/recordings?day={when.isoformat()}&missing={str(missing).lower()}"
    rows = rows_of(config, path, "recordings", stored)
    if as_json:
        print_json(rows)
        return rows
    table = Table("recorded", "call", "name", "s", "what", "state", "why", box=None)
    for row in rows:
        table.add_row(
            moment(row["at"]),
            escape(row["call_id"]),
            escape(row["name"]),
            str(row["seconds"]),
            row["kind"],
            row["state"],
            escape(row["why"]),
        )
    nothing = "Nothing is missing." if missing else "No recordings."
    out().print(table if rows else nothing)
    return rows
