"""Where PHP's habits end: an empty map sent as `[]`, numbers as strings, dates as `{}`, `Y`/`N` for truth."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from b24client.errors import BadReply

T = TypeVar("T", bound=BaseModel)


def as_map(value: Any) -> dict[str, Any]:
    """A PHP array as a map: `[]` is an empty one, a list is keyed by position. Raises TypeError for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    if value is None:
        return {}
    raise TypeError(f"expected a map, got {type(value).__name__}")


def as_list(value: Any) -> list[Any]:
    """A PHP array as a list. Raises TypeError for anything else."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if value is None:
        return []
    raise TypeError(f"expected a list, got {type(value).__name__}")


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _text(value: Any) -> Any:
    if _empty(value):
        return ""
    return str(value) if isinstance(value, int | float) else value


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().lower() in ("y", "1", "true", "yes")
    return bool(value)


def _moment(value: Any) -> Any:
    if _empty(value) or isinstance(value, dict | list):
        return None
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return value


Text = Annotated[str, BeforeValidator(_text)]
"""A string; "" for null, false and empty maps; numbers become their digits."""
Number = Annotated[int, BeforeValidator(lambda value: 0 if _empty(value) else value)]
"""An integer, also written as a string; 0 for null and ""."""
Identifier = Annotated[int | None, BeforeValidator(lambda value: None if _empty(value) or value in (0, "0") else value)]
"""The id of something; None for null, "", 0."""
Truth = Annotated[bool, BeforeValidator(_truth)]
"""A boolean, also written as Y/N or 1/0."""
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""An aware time; None where the portal lets its date object leak as `{}`."""


class Reply(BaseModel):
    """A part of a portal's answer: fields are the lower-case names of the portal's, unknown ones are passed over."""

    # Made ready when it is first read: whoever imports the client uses a few of its models, and seldom at once.
    model_config = ConfigDict(
        alias_generator=str.upper, populate_by_name=True, extra="ignore", frozen=True, defer_build=True
    )


def read(model: type[T], method: str, value: Any) -> T:
    """`value` as a `model`. Raises BadReply naming the first field that does not fit, not its content."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "result"
        problem = BadReply(method, "", f"{place}: {first['type']}, got {type(value).__name__}")
    except (TypeError, OverflowError) as error:  # pydantic lets these out of a field's own validator
        problem = BadReply(method, "", f"result: {error}")
    raise problem  # outside, so that it does not drag along what came, customers' data among it


def read_all(model: type[T], method: str, value: Any) -> list[T]:
    """A list of `model`. Raises BadReply as `read` does."""
    try:
        return [read(model, method, item) for item in as_list(value)]
    except TypeError as error:
        raise BadReply(method, "", str(error)) from None


def new_id(method: str, value: Any, *path: str) -> int:
    """The id a method gave to what it made, in the result itself or under `path`. Raises BadReply without one."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        raise BadReply(method, "", f"{'.'.join(path) or 'result'}: expected an id, got {type(value).__name__}")
    return int(value)


def texts(method: str, value: Any) -> list[str]:
    """A list of strings. Raises BadReply for anything else."""
    try:
        return [str(item) for item in as_list(value)]
    except TypeError as error:
        raise BadReply(method, "", f"result: {error}") from None
