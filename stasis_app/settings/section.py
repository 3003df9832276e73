"""What the sections have in common, and the kinds of values that occur in several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stasis_app.settings.problems import ConfigProblem

Seconds = Annotated[float, Field(gt=0, le=3600)]
OWN_NUMBER = r"^(\+?\d{2,20})?$"
AutoAnswerStyle = Literal["off", "common", "yealink", "grandstream", "snom", "fanvil", "cisco", "polycom"]
"""Which phone is asked to answer by itself; `common` speaks to all of them but Polycom."""


class Section(BaseModel):
    """A section of the configuration; unknown keys are errors, so that a typing mistake is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def problems(self) -> Iterator[ConfigProblem]:
        """What is wrong with the values beyond their types; keys are relative to the section."""
        return iter(())
