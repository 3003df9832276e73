"""Reading the tables of a plan file: types, keys and values of each by itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import ConsentWhen
from stasis_app.flow.element import NAME, Element, Exit, exits_of
from stasis_app.flow.elements import element_types
from stasis_app.flow.problems import Problem, choose_from, shown

M = TypeVar("M", bound=BaseModel)

_TABLES = ("plan", "lines", "numbers", "elements")
MAX_BYTES = 1_000_000
"""A plan larger than this is some other file."""


class RecordingKeys(BaseModel):
    """How calls are recorded: keys of [plan] and of each line. What is left out is as the configuration says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: RecordingMode | None = Field(default=None, description='one of "off", "call" and "talk"')
    stereo: bool | None = Field(default=None, description="true puts the customer left and the employee right")
    consent: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        default=None, description="a list of prompts that tell people they are recorded; [] for none"
    )
    consent_when: ConsentWhen | None = Field(default=None, description='"before" or "connected"')


class PlanTable(RecordingKeys):
    """The table [plan]."""

    name: str = Field(default="", description="a text people know the plan by")
    default: str = Field(description="the element for calls on lines the plan does not list")
    on_error: str = Field(default="", description="the element for a call whose element failed; left out: the dialplan")
    on_transfer_failed: str = Field(
        default="", description="the element for a transferred call nobody took; left out: where the call began"
    )
    entries: tuple[str, ...] = Field(default=(), description="a list of the elements the dialplan names")


class LineTable(RecordingKeys):
    """A table [lines."<did>"]."""

    element: str = Field(description="the element calls on this line begin with")
    name: str = Field(default="", description="a text people know the line by")
    caller_id: str = Field(
        default="",
        pattern=r"^(\+?\d{2,20})?$",
        description="the number calls that go out by this line show; the line itself when left out",
    )


class PlanFile:
    """What a file says, table by table, with the problems found on the way. Tables that are wrong are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.plan: PlanTable | None = None
        self.lines: dict[str, LineTable] = {}
        self.numbers: dict[str, str] = {}
        self.elements: dict[str, Element] = {}
        self.named: frozenset[str] = frozenset()  # the names of all elements, also of those that are wrong
        self.ways: list[tuple[str, Exit]] = []  # where all elements lead, also those that are wrong
        document = self._document()
        if document is not None:
            self._read(document)

    def _document(self) -> dict[str, Any] | None:
        try:
            if self.path.stat().st_size > MAX_BYTES:
                self._wrong("", "", "", "is too large for a plan", "Name the plan's file in [routing] plan.")
                return None
            return tomllib.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._wrong("", "", "", f"can't be read: {reason}", "Correct [routing] plan, or create the file.")
        except UnicodeDecodeError:
            self._wrong("", "", "", "is not UTF-8 text", "Save the file in UTF-8.")
        except tomllib.TOMLDecodeError as error:
            self._wrong("", "", "", f"is not TOML: {error}", "Correct the file there; strings need quotes.")
        return None

    def _read(self, document: Mapping[str, Any]) -> None:
        for key in document.keys() - set(_TABLES):
            remedy = choose_from(key, _TABLES, "The tables of a plan")
            self._wrong("", key, "", "is no table of a plan", remedy)
        elements = self._table(document, "elements")
        self.named = frozenset(elements)
        self.plan = self._model("plan", PlanTable, self._table(document, "plan"))
        for did, raw in self._table(document, "lines").items():
            if (line := self._model(f'lines."{did}"', LineTable, raw)) is not None:
                self.lines[did] = line
        for number, to in self._table(document, "numbers").items():
            self._number(number, to)
        for name, raw in elements.items():
            if (element := self._element(name, raw)) is not None:
                self.elements[name] = element

    def _table(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = document.get(name, {})
        if isinstance(value, Mapping):
            return value
        self._wrong("", name, shown(value), "is no table", f"Write [{name}] and its keys below it.")
        return {}

    def _number(self, number: str, to: object) -> None:
        if not re.fullmatch(r"\d{2,6}", number):
            self._wrong("numbers", number, "", "is no short number", "Write 2 to 6 digits, as employees dial them.")
        elif not isinstance(to, str):
            self._wrong("numbers", number, shown(to), "names no element", 'Write it like "600" = "sales".')
        else:
            self.numbers[number] = to

    def _element(self, name: str, raw: object) -> Element | None:
        where = f"elements.{name}"
        if not re.fullmatch(NAME, name):
            remedy = "Name it with at most 40 letters, digits, - and _ (the dialplan hands the name over)."
            self._wrong(where, "", "", "is no name for an element", remedy)
        if not isinstance(raw, Mapping):
            self._wrong("elements", name, shown(raw), "is no table", f"Write [{where}] and its keys below it.")
            return None
        types = element_types()
        kind = raw.get("type")
        if kind is None:
            self._wrong(where, "type", "", "is missing", f"Add type, one of: {', '.join(types)}.")
            return None
        if kind not in types:
            remedy = choose_from(str(kind), types, "The types")
            self._wrong(where, "type", shown(kind), "is no type of element", remedy)
            return None
        values = {k: v for k, v in raw.items() if k != "type"}
        self.ways += [(where, way) for way in exits_of(types[kind], values)]
        return self._model(where, types[kind], values)

    def _model(self, where: str, model: type[M], raw: object) -> M | None:
        if not isinstance(raw, Mapping):
            self._wrong(where, "", shown(raw), "is no table", f"Write [{where}] and its keys below it.")
            return None
        try:
            return model.model_validate(dict(raw))
        except ValidationError as error:
            details = error.errors(include_url=False)
            wrong_parts = {detail["loc"][:-1] for detail in details if len(detail["loc"]) > 1}
            # An item that is wrong is told by itself, not again as a list that lacks it.
            self.problems += [_problem(where, model, d) for d in details if d["loc"] not in wrong_parts]
            return None

    def _wrong(self, where: str, key: str, value: str, problem: str, remedy: str) -> None:
        self.problems.append(Problem(where, key, value, problem, remedy))


def _problem(where: str, model: type[BaseModel], detail: ErrorDetails) -> Problem:
    """A pydantic error in the words of the plan."""
    place = [str(part) for part in detail["loc"] if part != "[key]"]
    key = ".".join(place)
    field = model.model_fields.get(place[0]) if place else None
    wanted = field.description if field is not None and field.description else ""
    if detail["type"] == "extra_forbidden":
        remedy = choose_from(key, model.model_fields, "The keys of this table")
        return Problem(where, key, shown(detail["input"]), "is no key of this table", remedy)
    if detail["type"] == "missing":
        return Problem(where, key, "", "is missing", f"Add it; wanted: {wanted}.")
    if detail["type"] == "string_pattern_mismatch":
        return Problem(where, key, shown(detail["input"]), "is not of the right form", f"Wanted: {wanted}.")
    if detail["type"] in ("too_short", "too_long"):
        few = "few" if detail["type"] == "too_short" else "many"
        return Problem(where, key, shown(detail["input"]), f"has too {few} items", f"Wanted: {wanted}.")
    message = str(detail.get("ctx", {}).get("error", detail["msg"])) if place else detail["msg"]
    message = message.removeprefix("Value error, ")
    value = shown(detail["input"]) if place else ""
    return Problem(
        where, key, value, message[:1].lower() + message[1:], f"Wanted: {wanted}." if wanted else "Correct it."
    )
