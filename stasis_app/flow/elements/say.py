"""say: play prompts, then go on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from stasis_app.flow.element import Element, Foretold, Next, Outcome, Prompts
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step


class Say(Element):
    """Plays prompts one after another. Answers the call."""

    kind: ClassVar[str] = "say"
    takes_time: ClassVar[bool] = True

    prompts: Prompts = Field(min_length=1)
    next: Next = Field(description="the element that follows")

    async def run(self, step: Step) -> str | None:
        await step.call.answer()
        await step.call.say(*self.prompts)
        return step.go(self.next, "the prompts were played")

    async def foretell(self, prospect: Prospect) -> Foretold:
        way = Outcome("the prompts were played", self.next)
        return Foretold(f"plays {', '.join(self.prompts)}", (way,), way)
