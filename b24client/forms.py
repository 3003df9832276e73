"""PHP's way of writing nested values as form fields: `a[b][0]=x`.

Bitrix24 posts its events this way, and the commands of a batch are query strings of this kind
(https://apidocs.bitrix24.com/settings/how-to-call-rest-api/data-encoding.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, quote

_REFERENCE = re.compile(r"\$result(?:\[[A-Za-z0-9_.:-]+\])+")
_PART = re.compile(r"\[([^\]]*)\]")
MAX_DEPTH = 64
"""Deepest nesting read, as PHP's max_input_nesting_level."""
MAX_FIELDS = 10_000
"""Most fields read from one form."""


def scalar(value: Any) -> str:
    """A single value as PHP writes it into a form: true is 1, false is 0, a time is ISO 8601."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)


def form_fields(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of `params` in order. Nothing is written for None and for empty lists and maps."""
    for key, value in params.items():
        yield from _fields(str(key), value)


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _fields(f"{name}[{key}]", item)
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _fields(f"{name}[{index}]", item)
    else:
        yield name, scalar(value)


def encode_form(params: Mapping[str, Any]) -> str:
    """`params` as a percent-encoded form or query string. Batch references (`$result[key][FIELD]`) stay readable."""
    return "&".join(f"{quote(name, safe='[]')}={_quoted(value)}" for name, value in form_fields(params))


def _quoted(value: str) -> str:
    return value if _REFERENCE.fullmatch(value) else quote(value, safe="")


def decode_form(form: str | bytes | Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The nested value of a form. A map whose keys are 0, 1, 2 ... is a list, as in PHP. All scalars are strings.

    Raises ValueError when the form has more than MAX_FIELDS fields.
    """
    if isinstance(form, bytes):
        form = form.decode("utf-8", "replace")
    if isinstance(form, str):
        form = parse_qsl(form, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    root: dict[str, Any] = {}
    for name, value in form:
        _put(root, name, value)
    return {key: _listed(value) for key, value in root.items()}


def _put(root: dict[str, Any], name: str, value: str) -> None:
    head, bracket, _ = name.partition("[")
    path = [head, *_PART.findall(name[len(head) :])] if bracket and head else [name]
    if len(path) > MAX_DEPTH:
        return
    node = root
    for part, following in zip(path, [*path[1:], None], strict=True):
        if not part and node is not root:
            part = str(_next_index(node))
        if following is None:
            node[part] = value
            return
        below = node.get(part)
        if not isinstance(below, dict):
            below = node[part] = {}
        node = below


def _next_index(node: dict[str, Any]) -> int:
    return 1 + max((int(key) for key in node if key.isascii() and key.isdigit() and len(key) < 10), default=-1)


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    items = {key: _listed(item) for key, item in value.items()}
    if all(key == str(index) for index, key in enumerate(items)):
        return list(items.values())
    return items
