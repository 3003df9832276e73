"""What can be ordered: calls, and moves of those that are going on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from stasis_app.calls.facts import TransferKind
from stasis_app.calls.moves.supervision import Mode
from stasis_app.http.models.base import Answer, ExtensionNumber, Number, Request

Participant = Annotated[
    str, Field(min_length=1, max_length=200, description="id of a leg, or the number of its party", examples=["101"])
]


class Originate(Request):
    """A call to be set up: the employee's phone rings first, then the number is called."""

    extension: str = Field(pattern=r"^\d{1,11}$", description="the employee's extension", examples=["101"])
    number: Number = Field(max_length=40, description="the number to call then", examples=["+79161234567"])
    line: str = Field(
        default="",
        max_length=60,
        description="the line the call goes out by: one of the plan, or a trunk's name",
    )
    caller_id: str = Field(
        default="", pattern=r"^(\+?\d{2,20})?$", description="the number to show, one of the company's own"
    )
    auto_answer: bool | None = Field(
        default=None, description="whether the employee's phone answers by itself; null: as is configured"
    )


class Originated(BaseModel):
    """A call being set up."""

    call_id: str


class TransferOrder(Request):
    """Where a call is to go, and for whom."""

    to: str = Field(
        min_length=1, max_length=40, description="an extension, an outside number, or an element or number of the plan"
    )
    kind: TransferKind = Field(
        default=TransferKind.BLIND, description="blind: at once; attended: the employee asks first, the customer waits"
    )
    extension: str = Field(
        default="", pattern=r"^\d{0,11}$", description="the employee whose call it is, where several talk"
    )


class ParticipantChange(Request):
    """What is to change for a participant; what is left out stays as it is."""

    held: bool | None = Field(default=None, description="true: the others hear music; false: he takes them back")
    muted: bool | None = Field(default=None, description="whether the others hear him")


class Invitation(Request):
    """Somebody to be added to a conversation."""

    to: Number = Field(max_length=40, description="an extension or an outside number", examples=["102"])


class Invited(BaseModel):
    """Somebody is being rung into a conversation."""

    participant: str = Field(description="id of his leg")


class Keys(Request):
    """Keys to be sent to a participant."""

    digits: str = Field(pattern=r"^[0-9*#A-D]{1,32}$", examples=["12#"])


class ParkOrder(Request):
    """A call to be parked."""

    participant: Participant
    slot: str = Field(default="", pattern=r"^\d{0,6}$", description="the slot; empty: the first free one")


class ParkedOut(Answer):
    """Where a call is parked."""

    slot: str = Field(description="the number to dial for it")
    until: datetime = Field(description="when it goes back to who parked it")


class PickupOrder(Request):
    """Who wants to take a call that rings at colleagues."""

    extension: ExtensionNumber


class SuperviseOrder(Request):
    """Who is to follow a call, and how."""

    extension: ExtensionNumber
    mode: Mode = Field(default=Mode.LISTEN, description="unheard, heard by the employee, or heard by all")
