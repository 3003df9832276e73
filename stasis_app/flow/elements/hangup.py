"""hangup: end the call."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from stasis_app.flow.element import Element, Foretold, Outcome
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step

# Q.850 table 1: the causes people ask for by name.
CAUSES = {"normal": 16, "busy": 17, "no_answer": 19, "rejected": 21, "unallocated": 1, "congestion": 34}


def _number(cause: int | str) -> int | str:
    if isinstance(cause, int) and 1 <= cause <= 127:
        return cause
    if isinstance(cause, str) and cause in CAUSES:
        return cause
    raise ValueError("is no cause of a hang-up")


class Hangup(Element):
    """Ends the call with a Q.850 cause, which an unanswered caller hears as busy tone, congestion and so on."""

    kind: ClassVar[str] = "hangup"
    always_ends: ClassVar[bool] = True

    cause: Annotated[int | str, AfterValidator(_number)] = Field(
        default="normal", description=f"a Q.850 number from 1 to 127, or one of {', '.join(CAUSES)}"
    )

    async def run(self, step: Step) -> str | None:
        await step.call.hang_up(self.q850)
        return None

    async def foretell(self, prospect: Prospect) -> Foretold:
        end = Outcome("the call is over")
        return Foretold(f"hangs up (cause {self.q850})", (end,), end)

    @property
    def q850(self) -> int:
        """The cause as a number."""
        return self.cause if isinstance(self.cause, int) else CAUSES[self.cause]
