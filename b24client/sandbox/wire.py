"""How a portal reads a request and writes an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from b24client.forms import decode_form


class RestError(Exception):
    """A portal's refusal: `{"error": code, "error_description": text}` under an HTTP status.

    `argument` names the parameter it is about, where the portal tells it.
    """

    def __init__(self, status: int, code: str, text: str, *, argument: str = "") -> None:
        self.status = status
        self.code = code
        self.text = text
        self.argument = argument
        super().__init__(f"{status} {code}: {text}")


def core_error(text: str) -> RestError:
    """The general business error."""
    return RestError(400, "ERROR_CORE", text)


def argument_error(name: str, status: int = 400) -> RestError:
    """A required parameter is missing."""
    return RestError(status, "ERROR_ARGUMENT", f"Argument '{name}' is null or empty", argument=name)


@dataclass(frozen=True, slots=True)
class Page:
    """A result of a list method with its counts; None leaves one out. `key`: the rows' name in the result, if any."""

    rows: list[Any]
    total: int | None = None
    next: int | None = None
    key: str = ""


class Params:
    """A method's parameters: names in any case, values as a form (strings) or JSON gave them."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._upper = {str(key).upper(): value for key, value in raw.items()}

    def get(self, name: str) -> Any:
        """The value as it came, None without one."""
        return self._upper.get(name.upper())

    def text(self, name: str) -> str:
        """The value as a string, "" without one or for a list."""
        value = self._upper.get(name.upper())
        if isinstance(value, bool):
            return "1" if value else ""
        return str(value).strip() if isinstance(value, str | int | float) else ""

    def number(self, name: str, default: int = 0) -> int:
        """The value as PHP's (int) reads it."""
        return php_int(self._upper.get(name.upper()), default)

    def amount(self, name: str) -> float:
        """The value as a sum of money, 0 when it is none."""
        try:
            amount = float(self.text(name) or 0)
        except ValueError:
            return 0.0
        return amount if math.isfinite(amount) else 0.0

    def numbers(self, name: str) -> list[int]:
        """A number or list of numbers."""
        value = self._upper.get(name.upper())
        values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
        return [number for number in (php_int(item, 0) for item in values) if number > 0]

    def map(self, name: str) -> dict[str, Any]:
        """A map; empty for anything else."""
        value = self._upper.get(name.upper())
        return value if isinstance(value, dict) else {}


def php_int(value: Any, default: int) -> int:
    """The integer a value begins with, `default` when there is none; as in PHP it has 64 bits at most."""
    if isinstance(value, float):
        return _within_64_bits(int(value)) if math.isfinite(value) else 0
    if isinstance(value, int):
        return _within_64_bits(int(value))
    if isinstance(value, str):
        text = value.strip()
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        end = next((i for i, c in enumerate(digits) if c not in "0123456789"), len(digits))
        if end:
            return _within_64_bits(sign * int(digits[: min(end, 100)]))
    return default


def _within_64_bits(number: int) -> int:
    return max(-(2**63), min(number, 2**63 - 1))


async def read_params(request: web.Request) -> dict[str, Any]:
    """Query string and body together. The body of a GET is not looked at. Raises RestError for a broken one."""
    try:
        return await _params(request)
    except ValueError as error:
        raise RestError(400, "INVALID_REQUEST", f"The request can't be read: {error}") from None


async def _params(request: web.Request) -> dict[str, Any]:
    pairs = list(request.query.items())
    if request.method != "POST" or not request.can_read_body:
        return decode_form(pairs)
    if request.content_type == "application/json":
        raw = await request.read()
        body = orjson.loads(raw) if raw.strip() else {}
        return {**decode_form(pairs), **(body if isinstance(body, dict) else {})}
    if request.content_type == "multipart/form-data":
        form = await request.post()
        pairs += [(name, value) for name, value in form.items() if isinstance(value, str)]
        return decode_form(pairs)
    body_fields = decode_form(await request.read())
    return {**decode_form(pairs), **body_fields}


def php_array(items: Mapping[str, Any]) -> Any:
    """A map as PHP encodes it: an empty one is `[]`, one keyed 0, 1, 2 ... is a list."""
    if all(key == str(index) for index, key in enumerate(items)):
        return list(items.values())
    return dict(items)


def time_block(started: float, operating: float, reset_at: int) -> dict[str, Any]:
    """The `time` part of an answer; `started` in unix seconds."""
    now = time.time()
    return {
        "start": round(started, 6),
        "finish": round(now, 6),
        "duration": round(now - started, 6),
        "processing": round(now - started, 6),
        "date_start": iso(started),
        "date_finish": iso(now),
        "operating_reset_at": reset_at,
        "operating": round(operating, 6),
    }


def iso(moment: float) -> str:
    """A unix time as the portal writes dates."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def envelope(result: Any, times: dict[str, Any] | None = None) -> dict[str, Any]:
    """The success envelope of a method's result."""
    if isinstance(result, Page):
        body: dict[str, Any] = {"result": {result.key: result.rows} if result.key else result.rows}
        if result.next is not None:
            body["next"] = result.next
        if result.total is not None:
            body["total"] = result.total
    else:
        body = {"result": result}
    if times is not None:
        body["time"] = times
    return body


def json_response(body: Any, status: int = 200) -> web.Response:
    """JSON as a portal sends it."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", charset="utf-8")
