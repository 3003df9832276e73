"""What is wrong with a configuration, said so that the reader can mend it: key, value, what is wrong, remedy."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_WHAT = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text in quotes",
    Path: "a path in quotes",
    SecretStr: "a text in quotes",
    list: "a list in square brackets",
}


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with the configuration. `value` is what was given, None when it was nothing or is a secret."""

    key: str
    problem: str
    remedy: str
    value: str | None = None

    def __str__(self) -> str:
        given = "" if self.value is None else f" = {self.value}"
        return f"{self.key}{given}: {self.problem}. {self.remedy}"


class ConfigError(Exception):
    """The configuration can't be used; `problems` has everything that is wrong with it, not only the first thing."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = list(problems)


def explained(model: type[BaseModel], prefix: str, errors: Sequence[ErrorDetails]) -> Iterator[ConfigProblem]:
    """Pydantic's errors about a section, in our words. `prefix` is the section's key."""
    for error in errors:
        path = [str(part) for part in error["loc"]]
        key = ".".join((prefix, *path)) if prefix else ".".join(path)
        field = _field(model, path)
        match error["type"]:
            case "missing":
                yield ConfigProblem(key, "is missing", f"Add it: {_expected(field)}.")
            case "extra_forbidden":
                yield ConfigProblem(key, "no such key", _nearest(model, path))
            case _:
                shown = None if field is None or _is_secret(field.annotation) else repr(error["input"])
                yield ConfigProblem(key, _lowered(error["msg"]), f"Give {_expected(field)}.", shown)


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _nearest(model: type[BaseModel], path: list[str]) -> str:
    """What the author of an unknown key may have meant. Its value is never shown: it may be a misspelt password."""
    names = list(_model(model, path[:-1]).model_fields)
    near = difflib.get_close_matches(path[-1], names, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(names))}."


def _model(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """The model in which the last part of `path` is looked up."""
    for part in path:
        field = model.model_fields.get(part)
        inner = _inner_model(field.annotation) if field else None
        model = inner or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if found := _inner_model(argument):
            return found
    return None


def _field(model: type[BaseModel], path: list[str]) -> FieldInfo | None:
    names = [part for part in path if not part.isdigit()]
    for at, name in enumerate(names):
        field = model.model_fields.get(name)
        if field is None:
            return None
        inner = _inner_model(field.annotation)
        if at == len(names) - 1 or inner is None:
            return field
        model = inner
    return None


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_is_secret(argument) for argument in get_args(annotation))


def _expected(field: FieldInfo | None) -> str:
    """What a field takes, from its declaration."""
    if field is None:
        return "another value"
    said = _kind(field.annotation)
    limits = [text for bound in field.metadata if (text := _limit(bound))]
    if limits:
        said += f" ({', '.join(limits)})"
    if field.description:
        said += f"; {field.description}"
    return said


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return "one of " + ", ".join(repr(value) for value in get_args(annotation))
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _kind(next(a for a in get_args(annotation) if a is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a section"
    return _WHAT.get(origin or annotation, "another value")


def _limit(bound: Any) -> str:
    for name, text in (("gt", "more than"), ("ge", "at least"), ("lt", "less than"), ("le", "at most")):
        if (value := getattr(bound, name, None)) is not None:
            return f"{text} {value:g}"
    if pattern := getattr(bound, "pattern", None):
        return f"matching {pattern}"
    return ""
