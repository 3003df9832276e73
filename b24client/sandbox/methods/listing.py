"""What list methods do with their rows: sort, choose fields, give a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from b24client.sandbox.wire import RestError


def ordered(rows: list[dict[str, Any]], order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows sorted by several fields, each `asc` or `desc`; numbers before text, nothing last."""
    for field, direction in reversed(list(order.items())):
        rows = sorted(rows, key=lambda row: _key(row.get(field)), reverse=str(direction).lower() == "desc")
    return rows


def _key(value: Any) -> tuple[int, float, str]:
    text = "" if value is None else str(value)
    if text.isascii() and text.isdecimal():
        return 0, float(text), ""
    return (1 if text else 2), 0.0, text.lower()


def selected(row: dict[str, Any], chosen: Iterable[Any], hidden: Iterable[str] = ()) -> dict[str, Any]:
    """The fields asked for: by name, `*` for all but the `hidden` ones, `UF_*` for those that begin so; all without."""
    wanted = [str(name).upper() for name in chosen]
    veiled = set(hidden)
    if not wanted:
        return {key: value for key, value in row.items() if key not in veiled}
    return {key: value for key, value in row.items() if _asked(key, wanted, veiled)}


def _asked(key: str, wanted: list[str], veiled: set[str]) -> bool:
    if key.upper() in wanted or ("*" in wanted and key not in veiled):
        return True
    return "UF_*" in wanted and key.upper().startswith("UF_")


def items(value: Any) -> list[Any]:
    """A list as it may come: a list, a map of its items as PHP has them, nothing for anything else."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def missing(parameter: str) -> RestError:
    """The refusal of controller methods for a parameter that is not there."""
    return RestError(400, "100", f"Could not find value for parameter {{{parameter}}} (internal error)")
