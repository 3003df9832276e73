"""Facts and records as JSON: in the journal, over the API, in recorded stories.

A fact is an object with its `type` (the class name) and its fields; times are ISO 8601 with zone, enumerations their
values. A record is its fields. What is written by one version is read by the next as long as fields are only added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from stasis_app.calls import facts
from stasis_app.calls.facts import Fact
from stasis_app.calls.record import CallRecord

T = TypeVar("T")


class WireError(ValueError):
    """Text or an object that is no fact or record of this program; names the field that is wrong."""


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """The fact as an object of JSON values."""
    fields = adapter(type(fact)).dump_python(fact, mode="json")
    return {"type": type(fact).__name__, **fields}


def fact_from_json(value: Mapping[str, Any]) -> Fact:
    """The fact an object stands for; fields this version doesn't know are passed over. Raises `WireError`."""
    fields = dict(value)
    return _read(_fact_type(str(fields.pop("type", ""))), fields)


def fact_fields(fact: Fact) -> bytes:
    """The fields alone, as JSON text: what the journal keeps beside the type."""
    return adapter(type(fact)).dump_json(fact)


def fact_from_fields(kind: str, text: str | bytes) -> Fact:
    """The reverse of `fact_fields`. Raises `WireError`."""
    try:
        fact: Fact = adapter(_fact_type(kind)).validate_json(text)
    except ValidationError as error:
        raise WireError(_first(kind, error)) from None
    return fact


def record_text(record: CallRecord) -> bytes:
    """The record as JSON text."""
    return adapter(CallRecord).dump_json(record)


def record_from_json(value: Mapping[str, Any] | str | bytes) -> CallRecord:
    """The record an object or a text stands for. Raises `WireError`."""
    if isinstance(value, str | bytes):
        try:
            record: CallRecord = adapter(CallRecord).validate_json(value)
        except ValidationError as error:
            raise WireError(_first("CallRecord", error)) from None
        return record
    return _read(CallRecord, value)


def _read(kind: type[T], fields: Mapping[str, Any]) -> T:
    try:
        result: T = adapter(kind).validate_python(dict(fields))
    except ValidationError as error:
        raise WireError(_first(kind.__name__, error)) from None
    return result


def _fact_type(name: str) -> type[Fact]:
    kind = getattr(facts, name, None) if name.isidentifier() else None
    if not (isinstance(kind, type) and issubclass(kind, Fact) and dataclasses.is_dataclass(kind)):
        raise WireError(f"type: {name[:40]!r} is no kind of fact")
    return kind


def _first(what: str, error: ValidationError) -> str:
    """Where and why, without the values: they may be phone numbers."""
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{what}.{place}: {problem['msg']}" if place else f"{what}: {problem['msg']}"


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Reads and writes a dataclass; made once for each."""
    return _cached(kind)


@cache
def _cached(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
