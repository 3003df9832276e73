"""What every element of a plan is: its keys (a frozen pydantic model) and what it does with a call (`run`).

To add an element type, put one file with one subclass of `Element` into `stasis_app/flow/elements/`. The keys that
name other elements are marked with `Leads`, those that name prompts with `Plays`; checking and explaining plans reads
these marks, so a new type needs nothing more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from stasis_app.calls.facts import RecordingMode
from stasis_app.flow.told_settings import Setting

if TYPE_CHECKING:
    from stasis_app.flow.prospect import Prospect
    from stasis_app.flow.step import Step

NAME = r"^[A-Za-z0-9_-]{1,40}$"
"""Names of elements: they travel through the dialplan as an argument of Stasis(), where commas part things."""


@dataclass(frozen=True, slots=True)
class Leads:
    """Marks a key whose value names the next element (or a table or list of such names).

    `chosen`: this way is only taken when somebody chooses it, the caller by a key or a script by its own judgement.
    """

    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Plays:
    """Marks a key that lists prompts."""


Next = Annotated[str, Leads()]
Prompts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Plays(),
    Field(description='a list of prompts, for example ["hello", "sound:custom/menu"]'),
]


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of an element: the key that names it and the element it leads to."""

    key: str
    to: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that may come of an element, and what is next ("" when the call is over or handed over)."""

    when: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What an element would do with a caller. `takes` is the only outcome possible now, when that is known already.

    `settings` are those of extensions that change who is rung.
    """

    does: str
    outcomes: tuple[Outcome, ...] = ()
    takes: Outcome | None = None
    notes: tuple[str, ...] = field(default=())
    settings: tuple[Setting, ...] = ()


class Element(BaseModel, ABC):
    """An element of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    """The value of `type` in the plan."""

    always_ends: ClassVar[bool] = False
    """Whether it has its own end: after it nothing follows."""

    takes_time: ClassVar[bool] = False
    """Whether passing through it surely takes time or a key, so that a loop through it can't spin."""

    record: RecordingMode | None = Field(
        default=None, description='"off", "call" or "talk": how the call is recorded from this element on'
    )

    @property
    def ends(self) -> bool:
        """Whether this element may end or hand over the call by itself, whatever the caller and the phones do."""
        return self.always_ends

    @abstractmethod
    async def run(self, step: Step) -> str | None:
        """Do it. Returns the name of the next element (see `Step.go`), None when the call is over or handed over."""

    @abstractmethod
    async def foretell(self, prospect: Prospect) -> Foretold:
        """Say what it would do with a caller, without doing it."""

    def exits(self) -> Iterator[Exit]:
        """All elements this one may lead to."""
        return exits_of(type(self), self._values())

    def prompts_named(self) -> Iterator[tuple[str, str]]:
        """All prompts this element plays, each with its key."""
        for key, _mark, value in _marked(type(self), self._values(), Plays):
            for prompt in value or ():
                yield key, prompt

    def _values(self) -> dict[str, Any]:
        """Its keys; `dict(self)` would take a key named `keys` for a mapping's method."""
        return {key: getattr(self, key) for key in type(self).model_fields}


def exits_of(model: type[Element], values: Mapping[str, Any]) -> Iterator[Exit]:
    """All elements that the keys of an element name. `values` may be raw and wrong: what is no name is passed over."""
    for key, mark, value in _marked(model, values, Leads):
        named: Mapping[str, Any] = {key: value}
        if isinstance(value, Mapping):
            named = {f"{key}.{part}": to for part, to in value.items()}
        elif isinstance(value, list | tuple):
            named = {f"{key}.{position}": to for position, to in enumerate(value)}
        for name, to in named.items():
            if isinstance(to, str):
                yield Exit(name, to, mark.chosen)


def _marked(model: type[Element], values: Mapping[str, Any], kind: type[Any]) -> Iterator[tuple[str, Any, Any]]:
    for key, info in model.model_fields.items():
        for mark in info.metadata:
            if isinstance(mark, kind) and key in values:
                yield key, mark, values[key]
