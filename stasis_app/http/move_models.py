"""What goes over the API about moving calls and about extensions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stasis_app.calls.facts import Parked
from stasis_app.calls.moves.supervision import Mode
from stasis_app.crm import Extension
from stasis_app.http.models import diallable

Number = Annotated[str, AfterValidator(diallable)]
ExtensionNumber = Annotated[str, Field(pattern=r"^\d{1,11}$", examples=["101"])]
Participant = Annotated[
    str, Field(min_length=1, max_length=200, description="id of a leg, or the number of its party", examples=["101"])
]


def _forward(number: str) -> str:
    return diallable(number) if number else ""


Forward = Annotated[str, AfterValidator(_forward), Field(max_length=40)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ParticipantChange(_Request):
    """What is to change for a participant; what is left out stays as it is."""

    held: bool | None = Field(default=None, description="true: the others hear music; false: he takes them back")
    muted: bool | None = Field(default=None, description="whether the others hear him")


class Invitation(_Request):
    """Somebody to be added to a conversation."""

    to: Number = Field(max_length=40, description="an extension or an outside number", examples=["102"])


class Invited(BaseModel):
    """Somebody is being rung into a conversation."""

    participant: str = Field(description="id of his leg")


class Keys(_Request):
    """Keys to be sent to a participant."""

    digits: str = Field(pattern=r"^[0-9*#A-D]{1,32}$", examples=["12#"])


class ParkOrder(_Request):
    """A call to be parked."""

    participant: Participant
    slot: str = Field(default="", pattern=r"^\d{0,6}$", description="the slot; empty: the first free one")


class ParkedOut(BaseModel):
    """Where a call is parked."""

    slot: str = Field(description="the number to dial for it")
    until: datetime = Field(description="when it goes back to who parked it")

    @classmethod
    def of(cls, parked: Parked) -> ParkedOut:
        return cls(slot=parked.slot, until=parked.until)


class PickupOrder(_Request):
    """Who wants to take a call that rings at colleagues."""

    extension: ExtensionNumber


class SuperviseOrder(_Request):
    """Who is to follow a call, and how."""

    extension: ExtensionNumber
    mode: Mode = Field(default=Mode.LISTEN, description="unheard, heard by the employee, or heard by all")


class ExtensionChange(_Request):
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
