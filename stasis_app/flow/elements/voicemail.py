"""voicemail: let the caller leave a message."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from stasis_app.flow.element import Element, Foretold, Leads, Outcome, Prompts
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step

Way = Annotated[str | None, Leads()]
NORMAL = 16
"""Q.850 "normal clearing": how the call ends when the message is there and nothing follows."""


class Voicemail(Element):
    """Plays a greeting and a beep and records what the caller says. Answers the call.

    The message becomes the call's recording in the CRM, where the responsible also gets something to do; the call stays
    a missed one, since nobody talked with the caller. A caller who hangs up has left what he said so far.
    """

    kind: ClassVar[str] = "voicemail"
    takes_time: ClassVar[bool] = True

    prompts: Prompts = Field(default=(), description="a list of prompts played before the beep")
    seconds: float = Field(default=120.0, gt=0, le=3600, description="longest message, up to 3600")
    silence: float = Field(default=4.0, ge=1, le=60, description="seconds of silence that end it, 1 to 60")
    least: float = Field(default=2.0, ge=0, le=60, description="seconds below which it is thrown away, 0 to 60")
    terminator: str = Field(
        default="#", pattern=r"^[#*]?$", description='the key that ends it: "#", "*" or "" for none'
    )
    next: Way = Field(default=None, description="the element after a message; left out: the call ends")
    on_empty: Way = Field(default=None, description="the element when no message was left; next when left out")

    @property
    def ends(self) -> bool:
        return self.next is None

    async def run(self, step: Step) -> str | None:
        await step.call.answer()
        await step.call.say(*self.prompts)
        kept = await step.call.take_message(
            seconds=self.seconds, silence=self.silence, least=self.least, terminator=self.terminator
        )
        following = self.next if kept else self.on_empty or self.next
        if following is None:
            await step.call.hang_up(NORMAL)
            return None
        return step.go(following, f"left a message of {kept:.0f} s" if kept else "left no message")

    async def foretell(self, prospect: Prospect) -> Foretold:
        left = Outcome("leaves a message: the call is a missed one with a recording", self.next or "")
        empty = Outcome(f"says nothing for {self.silence:g} s, or less than {self.least:g} s", self._after_nothing)
        hangs_up = Outcome("hangs up while he speaks: what he said so far is the message")
        greeting = f"plays {', '.join(self.prompts)}, beeps" if self.prompts else "beeps"
        does = f"{greeting} and records up to {self.seconds:g} s"
        responsible = await prospect.responsible()
        heir = responsible.employee
        note = f"to be heard by {heir.name or heir.user_id}" if heir else "to be heard by who answers for missed calls"
        return Foretold(does, (left, empty, hangs_up), notes=(note,))

    @property
    def _after_nothing(self) -> str:
        return self.on_empty or self.next or ""
