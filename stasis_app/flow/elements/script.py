"""script: let a Python function decide."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from stasis_app.flow.element import Element, Foretold, Leads, Outcome
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.script_call import ScriptCall
from stasis_app.flow.step import Step


class Script(Element):
    """Runs an async function of the scripts file. What it returns (the name of an element) goes before `next`."""

    kind: ClassVar[str] = "script"

    function: str = Field(pattern=r"^[A-Za-z_]\w*$", description="the name of an async function in the scripts file")
    next: Annotated[str | None, Leads()] = Field(
        default=None, description="the element that follows when the function names none; without it the call ends"
    )
    may_go_to: Annotated[tuple[str, ...], Leads(chosen=True)] = Field(
        default=(), description="a list of the elements the function may name"
    )

    @property
    def ends(self) -> bool:
        return self.next is None

    async def run(self, step: Step) -> str | None:
        call = ScriptCall(step)
        answer = await step.context.scripts[self.function](call)
        if answer is not None:
            return step.go(answer, f"{self.function} said so")
        if call.is_over:
            return None
        if self.next is not None:
            return step.go(self.next, f"{self.function} is done")
        await step.call.hang_up()
        return None

    async def foretell(self, prospect: Prospect) -> Foretold:
        ways = [Outcome(f"{self.function} says so", to) for to in self.may_go_to]
        last = Outcome("it names no element", self.next) if self.next else Outcome("it is done: the call is over")
        return Foretold(f"runs the function {self.function}", (*ways, last))
