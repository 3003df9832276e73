"""ring: ring employees or outside numbers, all at once or one after another."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from stasis_app.calls.verbs import Strategy
from stasis_app.flow.element import Element, Foretold, Next, Outcome
from stasis_app.flow.prospect import Prospect
from stasis_app.flow.step import Step, tried_in_words
from stasis_app.flow.told_settings import Setting, settings_on
from stasis_app.flow.whom import is_outside


class Ring(Element):
    """Rings a group and connects the first who answers."""

    kind: ClassVar[str] = "ring"

    targets: tuple[Annotated[str, Field(pattern=r"^(\d{1,15}|\+\d{7,15})$")], ...] = Field(
        min_length=1,
        max_length=50,
        description='extensions or outside numbers as strings of digits, for example ["101", "+74951234567"]',
    )
    seconds: float = Field(
        default=25.0, gt=0, le=600, description="seconds from 0 to 600: of each (in_turn) or of all together (all)"
    )
    strategy: Strategy = Field(default=Strategy.ALL, description='"all" at once or "in_turn"')
    skip_unavailable: bool = Field(
        default=True, description="true leaves out phones that are off, busy or not to be disturbed"
    )
    on_no_answer: Next = Field(description="the element that follows when nobody answers")

    async def run(self, step: Step) -> str | None:
        ways = await step.ways([step.target(target) for target in self.targets])
        targets, skipped = [way.end for way in ways], list[str]()
        if self.skip_unavailable:
            targets = [way.target for way in ways if way.target is not None]
            skipped = [way.why for way in ways if way.target is None]
        if not targets:
            return step.go(self.on_no_answer, f"nobody is free: {', '.join(skipped)}")
        result = await step.connect(targets, seconds=step.left(self.seconds), strategy=self.strategy)
        if result.answered_by is not None:
            return None
        return step.go(self.on_no_answer, "; ".join([f"nobody answered: {tried_in_words(result)}", *skipped]))

    async def foretell(self, prospect: Prospect) -> Foretold:
        notes, settings, free = list[str](), list[Setting](), 0
        for target in self.targets:
            if is_outside(target):
                notes.append(f"{target}: outside number")
                free += 1
                continue
            # For one who is busy, or away, the others of the group answer, not whom he forwards to.
            way = await prospect.way(target, always_only=True)
            rung = not self.skip_unavailable or way.target is not None
            free += rung
            left_out = "" if rung else f", left out: {way.why}" if way.hops else ", left out"
            notes.append(f"{prospect.who(target)}: {await prospect.phone(target)}{left_out}")
            settings += await settings_on(way, prospect, after_ringing=False)
        miss = Outcome("nobody answers", self.on_no_answer)
        how = "at once" if self.strategy is Strategy.ALL else "one after another"
        return Foretold(
            f"rings {', '.join(self.targets)} {how} for {self.seconds:g} s",
            (Outcome("somebody answers: they talk, then the call is over"), miss),
            None if free else miss,
            tuple(notes),
            tuple(dict.fromkeys(settings)),
        )
