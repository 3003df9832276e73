"""The portal's way of filtering rows: an operator as a prefix of the field's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

_OPERATORS = (
    "!><", "!=%", "!%=", "><", ">=", "<=", "=%", "%=", "!=", "!%", "!@", "%", "@", "?", "!", "=", ">", "<"
)  # fmt: skip


def matches(row: Mapping[str, Any], conditions: Mapping[str, Any]) -> bool:
    """Whether a row fulfils all conditions; those on fields it does not have are passed over."""
    return all(_holds(row, key, wanted) for key, wanted in conditions.items())


def split_operator(key: str) -> tuple[str, str]:
    """The operator and the field's name of a condition's key."""
    operator = next((op for op in _OPERATORS if key.startswith(op)), "")
    return operator, key[len(operator) :]


def _holds(row: Mapping[str, Any], key: str, wanted: Any) -> bool:
    operator, name = split_operator(key)
    field = name.upper()
    if field not in row:
        return True
    value = row[field]
    match operator:
        case "" | "=" | "@":
            return _equal(value, wanted)
        case "!" | "!=" | "!@":
            return not _equal(value, wanted)
        case "%" | "?":
            return str(wanted).lower() in str(value or "").lower()
        case "!%":
            return str(wanted).lower() not in str(value or "").lower()
        case "=%" | "%=" | "!=%" | "!%=":
            return _like(value, wanted) != operator.startswith("!")
        case "><" | "!><":
            low, high = [*_items(wanted), "", ""][:2]
            between = _compare(value, low) >= 0 and _compare(value, high) <= 0
            return between if operator == "><" else not between
    return {">": int.__gt__, ">=": int.__ge__, "<": int.__lt__, "<=": int.__le__}[operator](_compare(value, wanted), 0)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | dict):
        return any(_equal(value, item) for item in _items(wanted))
    if isinstance(value, list):
        return any(_equal(entry, wanted) for entry in value)
    if isinstance(value, bool):
        return value == (str(wanted).lower() in ("1", "true", "y"))
    return str("" if value is None else value) == str("" if wanted is None else wanted)


def _like(value: Any, pattern: Any) -> bool:
    """SQL's LIKE, where % stands for anything."""
    parts = (re.escape(part) for part in str(pattern).split("%"))
    return re.fullmatch(".*".join(parts), str(value or ""), re.IGNORECASE | re.DOTALL) is not None


def _items(wanted: Any) -> list[Any]:
    if isinstance(wanted, Mapping):
        return list(wanted.values())
    return list(wanted) if isinstance(wanted, Iterable) and not isinstance(wanted, str) else [wanted]


def _compare(value: Any, other: Any) -> int:
    """Below, equal to or above 0, by number, moment or text, whichever both are."""
    for read in (float, _moment):
        try:
            left, right = read(str(value)), read(str(other))
        except ValueError:
            continue
        return (left > right) - (left < right)
    return (str(value) > str(other)) - (str(value) < str(other))


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return moment.astimezone().timestamp() if moment.tzinfo is None else moment.timestamp()
