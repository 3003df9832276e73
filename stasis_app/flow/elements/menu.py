"""menu: ask the caller for a key, or for an extension."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from stasis_app.flow.element import Element, Foretold, Leads, Next, Outcome, Prompts
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step, tried_in_words

Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]


class Menu(Element):
    """Plays prompts and waits for a key; the first key stops the prompts.

    With `extensions` a caller may dial an employee's extension instead. Reading stops as soon as no longer known
    extension is possible, so that a menu stays quick; a key that also begins an extension waits `between` seconds for
    the next digit.
    """

    kind: ClassVar[str] = "menu"
    takes_time: ClassVar[bool] = True

    prompts: Prompts = Field(min_length=1)
    keys: Annotated[dict[Key, str], Leads(chosen=True)] = Field(
        default_factory=dict, description='a table of one key each: { "1" = "sales", "2" = "service" }'
    )
    extensions: bool = Field(default=False, description="true lets the caller dial an employee's extension")
    seconds: float = Field(default=5.0, gt=0, le=60, description="seconds to wait for the first key, up to 60")
    between: float = Field(default=2.0, gt=0, le=10, description="seconds to wait for each further digit, up to 10")
    repeat: int = Field(
        default=2, ge=0, le=9, description="how often to ask again after silence or a wrong key, 0 to 9"
    )
    on_timeout: Next = Field(description="the element for a caller who presses nothing")
    on_invalid: Annotated[str | None, Leads(chosen=True)] = Field(
        default=None, description="the element after wrong keys; on_timeout when left out"
    )
    on_no_answer: Annotated[str | None, Leads(chosen=True)] = Field(
        default=None, description="the element when a dialled extension does not answer; on_timeout when left out"
    )

    async def run(self, step: Step) -> str | None:
        await step.call.answer()
        pressed = ""
        for _ in range(self.repeat + 1):
            pressed = await self._ask(step)
            if pressed in self.keys:
                return step.go(self.keys[pressed], f"pressed {pressed}")
            if self.extensions and step.context.directory.by_extension(pressed):
                return await self._ring(step, pressed)
        if pressed:
            return step.go(self.on_invalid or self.on_timeout, f"pressed {pressed}, which the menu does not have")
        return step.go(self.on_timeout, "pressed nothing")

    async def foretell(self, prospect: Prospect) -> Foretold:
        ways = [Outcome(f"presses {key}", to) for key, to in self.keys.items()]
        if self.extensions:
            ways.append(Outcome("dials an extension and is answered: they talk, then the call is over"))
            ways.append(Outcome("dials an extension nobody answers", self.on_no_answer or self.on_timeout))
        ways.append(Outcome("presses something else", self.on_invalid or self.on_timeout))
        ways.append(Outcome("presses nothing", self.on_timeout))
        asks = (
            f"plays {', '.join(self.prompts)} and waits {self.seconds:g} s for a key, {self.repeat + 1} times at most"
        )
        return Foretold(asks, tuple(ways))

    async def _ask(self, step: Step) -> str:
        """What the caller pressed: a key of the menu, an extension, something else, or nothing."""
        extensions = step.context.directory.extensions if self.extensions else frozenset[str]()
        ends = "" if "#" in self.keys or not self.extensions else "#"
        pressed = await step.read(*self.prompts, seconds=self.seconds, between=self.between, terminator="")
        while pressed and any(e.startswith(pressed) and e != pressed for e in extensions):
            more = await step.read(seconds=self.between, between=self.between, terminator=ends)
            if not more:
                return pressed
            pressed += more
        if pressed and self.extensions and pressed not in self.keys and pressed not in extensions:
            # The rest of a number nobody has would be taken for the answers to the next questions.
            pressed += await step.read(digits=15, seconds=self.between, between=self.between, terminator=ends)
        return pressed

    async def _ring(self, step: Step, extension: str) -> str | None:
        result = await step.reach(step.target(extension), seconds=step.context.direct_seconds)
        if result.answered_by is not None:
            return None
        return step.go(self.on_no_answer or self.on_timeout, f"dialled an extension: {tried_in_words(result)}")
