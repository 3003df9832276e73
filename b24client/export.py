"""Rows of a list as lines of JSON or as a table for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

import orjson


class RowWriter(Protocol):
    """Takes rows one after another."""

    def write(self, row: Mapping[str, Any]) -> None:
        """The next row."""

    def close(self) -> None:
        """There are no more."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, row: Mapping[str, Any]) -> None:
        """The next row."""
        self._out.write(orjson.dumps(row).decode() + "\n")

    def close(self) -> None:
        """Nothing is left to write."""
        self._out.flush()


class Csv:
    """Comma-separated values under a line of names.

    Without `columns` the rows are kept until the end: only then is it known what columns there are.
    """

    def __init__(self, out: TextIO, columns: Sequence[str] = ()) -> None:
        self._out = out
        self._columns = list(columns)
        self._kept: list[Mapping[str, Any]] = []
        self._writer = csv.writer(out, lineterminator="\n")
        if columns:
            self._writer.writerow(columns)

    def write(self, row: Mapping[str, Any]) -> None:
        """The next row."""
        if self._columns:
            self._writer.writerow([cell(row.get(name)) for name in self._columns])
        else:
            self._kept.append(row)

    def close(self) -> None:
        """Write what was kept."""
        if self._kept:
            self._columns = list(dict.fromkeys(name for row in self._kept for name in row))
            self._writer.writerow(self._columns)
            for row in self._kept:
                self.write(row)
        self._out.flush()


def cell(value: Any) -> str:
    """A value as a cell: phones and e-mails one after another, other nested values as JSON."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, list):
        values = [_communication(entry) for entry in value]
        if all(entry is not None for entry in values):
            return ", ".join(filter(None, values))
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return str(value)


def _communication(entry: Any) -> str | None:
    """The value of a phone or e-mail, in either dialect; plain values as they are."""
    if isinstance(entry, Mapping):
        found = entry.get("VALUE", entry.get("value"))
        return None if found is None else str(found)
    return None if isinstance(entry, list) else str(entry)
