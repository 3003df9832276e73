"""What happens to a call: the plan it follows, how it is recorded, where it is parked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stasis_app.settings.checks import missing_file
from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import Seconds, Section


class RoutingSettings(Section):
    """The routing plan and how numbers are read."""

    plan: Path = Field(description="the routing plan, a TOML file")
    country: str = Field(default="RU", pattern=r"^[A-Z]{2}$", description="region numbers without + belong to")
    scripts: Path | None = Field(default=None, description="Python file with call flows named by the plan")

    def problems(self) -> Iterator[ConfigProblem]:
        yield from missing_file("plan", self.plan)
        yield from missing_file("scripts", self.scripts)


class RecordingSettings(Section):
    """Recording of talks."""

    enabled: bool = Field(default=True, description="record talks, unless the plan says otherwise")
    mode: Literal["call", "talk"] = Field(
        default="call", description="one file of the whole call, or one of each employee's talk"
    )
    stereo: bool = Field(default=False, description="the customer on the left channel, the employee on the right")
    internal: bool = Field(default=False, description="record calls between extensions too")
    consent: list[str] = Field(default_factory=list, description="prompts that tell people they are recorded")
    consent_when: Literal["before", "connected"] = Field(
        default="before",
        description="to the caller before anybody is rung, or to both once they are connected",
    )
    longest_pause: Annotated[float, Field(ge=0, le=86400)] = Field(
        default=600.0, description="seconds after which a pause that was forgotten ends by itself; 0: never"
    )
    format: Literal["wav", "mp3"] = Field(default="wav", description="what is delivered to the portal")
    deliver: Literal["upload", "url"] = Field(
        default="upload", description="how the portal gets it: sent, or fetched by the portal from http.public_url"
    )
    directory: Path | None = Field(
        default=None, description="Asterisk's recording spool, when this machine sees it; otherwise fetched over ARI"
    )
    keep_days: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="days a delivered recording stays on the PBX; unset: for ever"
    )


class ParkingSettings(Section):
    """Parked calls."""

    slots: str = Field(
        default="",
        pattern=r"^(\d{2,6}(-\d{2,6})?)?$",
        description="numbers calls wait under, as 701-720; empty: none",
    )
    seconds: Seconds = Field(default=60.0, description="seconds a call waits before who parked it is rung")

    @property
    def numbers(self) -> tuple[str, ...]:
        """The slots one by one."""
        first, _, last = self.slots.partition("-")
        if not first:
            return ()
        return tuple(str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1))

    def problems(self) -> Iterator[ConfigProblem]:
        if not 0 <= len(self.numbers) <= 200 or (self.slots and not self.numbers):
            yield ConfigProblem("slots", "is not a range of at most 200 numbers", "Write it like 701-720.", self.slots)
