"""Whatever shape an error has on the wire, behind this border it is the documented one.

Documented are a code and a text (https://apidocs.bitrix24.com/error-codes.html). REST 3.0 nests them
(https://apidocs.bitrix24.com/api-reference/rest-v3.html), and a proxy or a half-broken portal may answer anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from b24client.masking import excerpt

LONGEST_CODE = 100
LONGEST_TEXT = 500
"""Characters kept of what a portal says."""


def documented(body: Mapping[str, Any], secrets: Callable[[], Iterable[str]]) -> dict[str, Any]:
    """An answer (or a batch command's error) with its error as two short strings without secrets, if it has one.

    `"error": false` or `null` beside a result is none.
    """
    error = body.get("error")
    if error is None or error is False:
        rest = {key: value for key, value in body.items() if key != "error"}
        if "result" in rest or "error" not in body:
            return rest
    text = body.get("error_description")
    if isinstance(error, Mapping):
        # REST 3.0: {"code", "message", "validation": [{"field", "message"}]}
        parts = [error.get("message") or text, *_remarks(error.get("validation"))]
        text, error = "; ".join(_plain(part) for part in parts if part), error.get("code")
    hidden = tuple(secrets())
    code = excerpt(_plain(error), hidden, LONGEST_CODE)
    return {**body, "error": code, "error_description": excerpt(_plain(text), hidden, LONGEST_TEXT)}


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, bool) else str(value)


def _remarks(validation: Any) -> list[Any]:
    if not isinstance(validation, list):
        return []
    return [remark.get("message") for remark in validation if isinstance(remark, Mapping)]
