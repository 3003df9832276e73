"""What is set for an extension."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from stasis_app.crm import Extension
from stasis_app.http.models.base import Request, diallable


def _forward(number: str) -> str:
    return diallable(number) if number else ""


Forward = Annotated[str, AfterValidator(_forward), Field(max_length=40)]


class ExtensionChange(Request):
    """What is to change for an extension; what is left out stays as it is."""

    do_not_disturb: bool | None = None
    call_waiting: bool | None = Field(
        default=None, description="whether it is rung while it is in a call; left out: as it is, at first as configured"
    )
    forward_always: Forward | None = Field(default=None, description="extension or outside number; empty: none")
    forward_busy: Forward | None = Field(default=None, description="for calls while it is busy; empty: none")
    forward_no_answer: Forward | None = Field(default=None, description="for calls it does not answer; empty: none")


class ExtensionOut(BaseModel):
    """What is set for an extension."""

    extension: str
    do_not_disturb: bool
    call_waiting: bool | None = Field(description="null: as configured")
    forward_always: str
    forward_busy: str
    forward_no_answer: str

    @classmethod
    def of(cls, number: str, chosen: Extension) -> ExtensionOut:
        return cls(
            extension=number,
            do_not_disturb=chosen.do_not_disturb,
            call_waiting=chosen.call_waiting,
            forward_always=chosen.forward_always,
            forward_busy=chosen.forward_busy,
            forward_no_answer=chosen.forward_no_answer,
        )
