"""Parameters written on a command line: `filter[UF_PHONE_INNER]=101`, as PHP names them in a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from b24client.forms import decode_form
from b24client.php import as_map

_PAIR = re.compile(r"(?P<key>[^\[\]=]+(?:\[[^\[\]]*\])*)=(?P<value>.*)", re.DOTALL)
_CONDITION = re.compile(r"(?P<key>[><=!%@?]*[^\[\]=]+(?:\[[^\[\]]*\])*)=(?P<value>.*)", re.DOTALL)


def parameters(arguments: Iterable[str], inside: str = "") -> dict[str, Any]:
    """`key=value` pairs as nested parameters; with `inside`, what stands inside that parameter.

    So `ID=5` inside `filter` is `filter[ID]=5`, and there the key may begin with an operator: `>=ID=5`, `!NAME=x`.
    Raises ValueError naming what is wrong.
    """
    pairs = [_split(argument, _CONDITION if inside else _PAIR) for argument in arguments]
    if not inside:
        return decode_form(pairs)
    return as_map(decode_form((_inside(inside, key), value) for key, value in pairs).get(inside))


def _split(argument: str, form: re.Pattern[str]) -> tuple[str, str]:
    match = form.fullmatch(argument)
    if match is not None:
        return match["key"], match["value"]
    key = argument.rpartition("=")[0]
    if "=" not in argument:
        raise ValueError(f"{argument!r}: not of the form key=value, such as 'filter[ID]=5'")
    if not key:
        raise ValueError(f"{argument!r}: the key before = is missing")
    raise ValueError(f"{argument!r}: the brackets of the key are wrong; write key[part]=value")


def _inside(outer: str, key: str) -> str:
    head, bracket, rest = key.partition("[")
    return f"{outer}[{head}]{bracket}{rest}"


def json_parameters(text: bytes) -> dict[str, Any]:
    """Parameters written as a JSON object. Raises ValueError when it is none."""
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the parameters are not JSON: {error}") from None
    if not isinstance(read, dict):
        raise ValueError(f"the parameters have to be a JSON object, not {type(read).__name__}")
    return read


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both; where they name the same, maps are merged and otherwise the second counts."""
    both = dict(first)
    for key, value in second.items():
        earlier = both.get(key)
        both[key] = merged(earlier, value) if isinstance(earlier, Mapping) and isinstance(value, Mapping) else value
    return both
