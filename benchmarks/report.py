"""Telling what was measured: tables for people, an object for programs, and which targets were reached."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import plain

console = Console() if sys.stdout.isatty() else Console(width=140)


@dataclass(frozen=True, slots=True)
class Target:
    """A promise: `measured` is to be at most `limit`. NaN (not measured) does not keep it."""

    name: str
    limit: float
    measured: float
    unit: str

    @property
    def reached(self) -> bool:
        return self.measured <= self.limit

    def told(self) -> dict[str, object]:
        return {**asdict(self), "measured": plain(self.measured), "reached": self.reached}


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print figures; the first column is text, numbers stand at the right."""
    drawn = Table(title=title, title_justify="left")
    for at, column in enumerate(columns):
        drawn.add_column(column, justify="right" if at else "left")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    console.print(drawn)


def targets(wanted: Sequence[Target]) -> None:
    """Print which promises are kept."""
    drawn = Table(title="targets", title_justify="left")
    for column in ("target", "at most", "measured", ""):
        drawn.add_column(column, justify="left" if column in ("target", "") else "right")
    for target in wanted:
        verdict = "[green]reached[/]" if target.reached else "[red]not reached[/]"
        drawn.add_row(target.name, _with_unit(target.limit, target), _with_unit(target.measured, target), verdict)
    console.print(drawn)


def save(path: Path | None, figures: dict[str, object]) -> None:
    """Write the object, if it is wanted."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _with_unit(value: float, target: Target) -> str:
    return f"{_cell(value)} {target.unit}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.1f}"
    return str(value)
