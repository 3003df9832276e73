"""dialplan: hand the call over to Asterisk's dialplan."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from stasis_app.flow.element import Element, Foretold, Outcome
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step

_PART = r"^[^\s,;|$\"'(){}]*$"


class Dialplan(Element):
    """Gives the call back to the dialplan: a queue, a voice mailbox, an IVR of the PBX.

    Without a context the dialplan goes on with the step after Stasis().
    """

    kind: ClassVar[str] = "dialplan"
    always_ends: ClassVar[bool] = True

    context: str = Field(
        default="", max_length=79, pattern=_PART, description="a context of the dialplan, for example ext-queues"
    )
    exten: str = Field(default="", max_length=79, pattern=_PART, description="an extension in it, for example 600")
    priority: Annotated[int, Field(ge=1, description="a priority of it, from 1")] = 1

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.context) != bool(self.exten):
            raise ValueError("context and exten go together")
        return self

    async def run(self, step: Step) -> str | None:
        await step.call.hand_over(self.context, self.exten, self.priority)
        return None

    async def foretell(self, prospect: Prospect) -> Foretold:
        to = f"{self.context},{self.exten},{self.priority}" if self.context else "the step after Stasis()"
        end = Outcome("the dialplan has the call")
        return Foretold(f"hands over to the dialplan at {to}", (end,), end)
