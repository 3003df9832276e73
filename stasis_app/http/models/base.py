"""What the models have in common, and the kinds of values that occur in several."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_WRITTEN = re.compile(r"[ ()\-.\u00a0]")
_DIALLABLE = re.compile(r"\+?[0-9*#]{2,20}")


def diallable(number: str) -> str:
    """The number without spaces, brackets and dashes; nothing but digits, + * # may reach a dial string."""
    bare = _WRITTEN.sub("", number)
    if not _DIALLABLE.fullmatch(bare):
        raise ValueError("must be a phone number: 2 to 20 digits, * or #, with an optional + before them")
    return bare


Number = Annotated[str, AfterValidator(diallable)]
ExtensionNumber = Annotated[str, Field(pattern=r"^\d{1,11}$", examples=["101"])]


def moment(unix: float) -> datetime:
    """A time we keep as seconds, as the API gives it."""
    return datetime.fromtimestamp(unix, UTC)


def moment_if_known(unix: float | None) -> datetime | None:
    """The same for a time that may not be known, or has not come."""
    return None if unix is None else moment(unix)


class Request(BaseModel):
    """What somebody asks for: a body, or the parameters of an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """An answer that has the same fields as what it tells of."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, told: object) -> Self:
        """The answer that tells of this."""
        return cls.model_validate(told)
