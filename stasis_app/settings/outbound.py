"""Calls to outside numbers, and the trunks they go out by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stasis_app.settings.checks import wrong_dial_string
from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import OWN_NUMBER, AutoAnswerStyle, Seconds, Section

PREFIX = r"^(\+[0-9]*|[0-9*#]+)$"


class RewriteSettings(Section):
    """A spelling of numbers a trunk wants."""

    prefix: str = Field(pattern=PREFIX, description="what the numbers begin with; with +: in international spelling")
    strip: Annotated[int, Field(ge=0, le=20)] = Field(default=0, description="characters taken away in front")
    prepend: str = Field(default="", pattern=r"^\+?[0-9*#]*$", description="what is put before the rest")

    def problems(self) -> Iterator[ConfigProblem]:
        if self.strip > len(self.prefix):
            yield ConfigProblem(
                "strip", "takes away more than the prefix has", f"Give at most {len(self.prefix)}.", str(self.strip)
            )
        if not self.strip and not self.prepend:
            yield ConfigProblem("prefix", "is rewritten to itself", "Give strip, prepend or both.", repr(self.prefix))


class TrunkSettings(Section):
    """A way into the public network; the first one that serves a number is tried first."""

    name: str = Field(pattern=r"^[\w.-]{1,40}$", description="its name, for the log and for orders that choose a line")
    endpoint: str = Field(description="dial string with {number}, for example PJSIP/{number}@trunk")
    caller_id: str = Field(default="", pattern=OWN_NUMBER, description="number shown when nothing else is to be shown")
    caller_ids: list[Annotated[str, Field(pattern=OWN_NUMBER)]] = Field(
        default_factory=list, description="the only other numbers the carrier lets us show; empty: any"
    )
    prefixes: list[Annotated[str, Field(pattern=PREFIX)]] = Field(
        default_factory=list, description="what the numbers it serves begin with (with +: internationally); empty: all"
    )
    rewrite: list[RewriteSettings] = Field(
        default_factory=list, description="spellings: prefix, strip, prepend; the first whose prefix fits"
    )
    lines: list[str] = Field(default_factory=list, description="lines whose calls go out by it first")
    shows_callers: bool = Field(
        default=True, description="let a customer's call sent on to an outside number show the customer's"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        yield from wrong_dial_string("endpoint", self.endpoint, "{number}", "PJSIP/{number}@trunk")
        for at, rule in enumerate(self.rewrite):
            for problem in rule.problems():
                yield ConfigProblem(f"rewrite.{at}.{problem.key}", problem.problem, problem.remedy, problem.value)
            for before in self.rewrite[:at]:
                if rule.prefix.startswith(before.prefix):
                    remedy = "Put the longer prefix first."
                    yield ConfigProblem(
                        f"rewrite.{at}.prefix",
                        f"never comes to its turn after {before.prefix!r}",
                        remedy,
                        repr(rule.prefix),
                    )


class OutboundSettings(Section):
    """Calls to outside numbers, dialled on a phone or ordered over the API and in the CRM."""

    seconds: Seconds = Field(default=60.0, description="seconds an outside number rings, all trunks together")
    trunk_patience: Seconds = Field(
        default=15.0, description="seconds a trunk may say nothing at all before the next is tried"
    )
    employee_seconds: Seconds = Field(
        default=30.0, description="seconds the phone of an employee who ordered a call rings"
    )
    auto_answer: AutoAnswerStyle = Field(default="off", description="have that phone answer by itself")
    emergency: list[Annotated[str, Field(pattern=r"^\d{2,6}$")]] = Field(
        default_factory=lambda: ["112"], description="numbers dialled as they are, by every trunk in turn"
    )
