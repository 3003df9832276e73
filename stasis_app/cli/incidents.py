"""`stasis-app incidents`: what an operator has to know of."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from stasis_app.cli.common import ConfigOption, JsonOption, out, print_json
from stasis_app.cli.rows import Row, moment, rows_of
from stasis_app.http.models import IncidentOut
from stasis_app.ops import IncidentBook
from stasis_app.store import Store

AllOption = Annotated[bool, typer.Option("--all", help="Also those that are over.")]

_COLOURS = {"critical": "red", "warning": "yellow"}


def incidents(every: AllOption = False, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what is wrong, what it means for calls, and what mends it."""
    path = f"/api/v1/incidents?state={'all' if every else 'open'}"
    rows = rows_of(config, path, "incidents", lambda store, _: _stored(store, every))
    if as_json:
        print_json(rows)
        return
    console = out()
    for row in rows:
        colour = "dim" if row["closed_at"] else _COLOURS[row["severity"]]
        until = f", over since {moment(row['closed_at'])}" if row["closed_at"] else ""
        console.print(
            f"[bold {colour}]{row['code']}[/] [bold]{escape(row['subject'])}[/] {row['count']} times, "
            f"from {moment(row['first_at'])}, last {moment(row['last_at'])}{until}"
        )
        for text in filter(None, (row["detail"], row["meaning"], row["remedy"])):
            console.print(f"    {escape(text)}")
    if not rows:
        console.print("No incidents.")


async def _stored(store: Store, every: bool) -> list[Row]:
    book = IncidentBook(store.incidents)
    await book.load()
    return [IncidentOut.of(one).model_dump(mode="json") for one in book.listing() if one.is_open or every]
