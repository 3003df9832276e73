"""responsible: ring the employee the CRM names for the caller."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from stasis_app.calls.verbs import Target
from stasis_app.crm import Responsible as Found
from stasis_app.crm import Standing
from stasis_app.flow.element import Element, Foretold, Next, Outcome
from stasis_app.flow.prospect import Prospect, outcomes_of_forwards
from stasis_app.flow.step import Step, tried_in_words
from stasis_app.flow.told_settings import Setting, settings_on


class Responsible(Element):
    """Rings the caller's responsible employee, unless his phone is off, busy or not to be disturbed."""

    kind: ClassVar[str] = "responsible"

    seconds: float = Field(default=20.0, gt=0, le=600, description="ring time in seconds, up to 600")
    respect_working_day: bool = Field(
        default=False, description="true passes over an employee who closed or paused his working day in the portal"
    )
    on_unknown: Next = Field(description="the element for callers without a client, a responsible or an extension")
    on_no_answer: Next = Field(description="the element that follows when he does not answer")
    on_unavailable: Next | None = Field(
        default=None, description="the element for when he can't be rung now; on_no_answer when left out"
    )

    async def run(self, step: Step) -> str | None:
        found = await step.responsible(respect_working_day=self.respect_working_day)
        if not found.ringable:
            return step.go(self._without(found), found.why)
        name = found.employee.name if found.employee else ""
        result = await step.reach(Target.extension(found.extension, name), seconds=step.left(self.seconds))
        if result.answered_by is not None:
            return None
        return step.go(self.on_no_answer, f"the responsible did not answer: {tried_in_words(result)}")

    async def foretell(self, prospect: Prospect) -> Foretold:
        found = await prospect.responsible(respect_working_day=self.respect_working_day)
        ways = [
            Outcome("he answers: they talk, then the call is over"),
            Outcome("he does not answer", self.on_no_answer),
            Outcome("he can't be rung now", self.on_unavailable or self.on_no_answer),
            Outcome("the caller has no responsible", self.on_unknown),
        ]
        takes = {Standing.UNKNOWN: ways[3], Standing.RINGABLE: None}.get(found.standing, ways[2])
        notes, settings = [found.why], tuple[Setting, ...]()
        if found.standing in (Standing.RINGABLE, Standing.UNAVAILABLE):
            way = await prospect.way(found.extension)
            settings = await settings_on(way, prospect, after_ringing=True)
            if found.ringable:
                ways += (led_on := await outcomes_of_forwards(way, prospect))
                if way.element:
                    takes = led_on[0]
                elif way.target is None:
                    takes = ways[1]
                    notes.append(f"nobody is rung: {way.why}")
        does = f"rings the responsible employee for {self.seconds:g} s"
        return Foretold(does, tuple(ways), takes, tuple(notes), settings)

    def _without(self, found: Found) -> str:
        if found.standing is Standing.UNKNOWN:
            return self.on_unknown
        return self.on_unavailable or self.on_no_answer
