"""What was said in a call (https://apidocs.bitrix24.com/api-reference/telephony/index.html)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Side(StrEnum):
    """Who speaks."""

    EMPLOYEE = "User"
    CLIENT = "Client"


class Said(BaseModel):
    """One turn of a talk; times in whole seconds from its beginning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Side
    start: Annotated[int, Field(ge=0)]
    stop: Annotated[int, Field(ge=1)]
    text: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _forward(self) -> Said:
        if self.stop < self.start:
            raise ValueError("stop: before start")
        return self

    def to_params(self) -> dict[str, Any]:
        """The turn in the portal's names."""
        return {"SIDE": self.side.value, "START_TIME": self.start, "STOP_TIME": self.stop, "MESSAGE": self.text}
