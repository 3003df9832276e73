"""A caller who is only imagined: what `plan explain` knows of him while it foretells his way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stasis_app.calls.facts import Unanswered
from stasis_app.calls.verbs import Target
from stasis_app.crm import Availability, Extension, Number, Responsible, SetBy
from stasis_app.flow.context import FlowContext
from stasis_app.flow.element import Outcome
from stasis_app.flow.forwarding import Hop, Way, way_after, way_to
from stasis_app.flow.whom import target_of


@dataclass(slots=True)
class Prospect:
    """The caller and the state of the world, asked once each. Implements `stasis_app.flow.forwarding.People`."""

    number: Number
    context: FlowContext
    element: str = ""  # the name of the one that is being foretold
    forwards: bool = True  # whether forwards count
    _responsible: dict[bool, Responsible] = field(default_factory=dict)
    _phones: dict[str, Availability] = field(default_factory=dict)

    async def responsible(self, *, respect_working_day: bool = False) -> Responsible:
        """Who answers for him."""
        if respect_working_day not in self._responsible:
            found = await self.context.responsibles.find(self.number, respect_working_day=respect_working_day)
            self._responsible[respect_working_day] = found
        return self._responsible[respect_working_day]

    def at_their_phones(self) -> Prospect:
        """The same for an element that rings employees at their phones, whatever they forward."""
        return replace(self, forwards=False, _phones={})

    async def way(self, number: str, *, always_only: bool = False) -> Way:
        """Whom ringing an extension or an outside number rings; see `way_to`."""
        return await way_to(self.target(number), self, always_only=always_only)

    async def phone(self, extension: str, /) -> Availability:
        """The state of a phone, and where its calls are forwarded."""
        if extension not in self._phones:
            self._phones[extension] = await self.context.phones.of(extension, forwards=self.forwards)
        return self._phones[extension]

    async def phone_itself(self, extension: str, /) -> Availability:
        """The state of a phone, wherever its calls go."""
        return await self.context.phones.of(extension, forwards=False)

    def element_of(self, number: str, /) -> str:
        """The element a number of the plan leads to, "" for any other number."""
        return self.context.plan_numbers.get(number, "")

    async def settings(self, extension: str, /) -> Extension:
        """What is set for an extension."""
        return await self.context.phones.settings_of(extension)

    async def set_by(self, extension: str, setting: str, /) -> SetBy:
        """Who set what counts for an extension."""
        return await self.context.phones.set_by(extension, setting)

    def target(self, number: str, /) -> Target:
        """Whom an extension or an outside number means."""
        return target_of(number, self.context.directory, self.context.numbers)

    def tell_forwarding(self, hops: Sequence[Hop], /) -> None:
        """Nobody calls: there is no story to tell it in."""

    def who(self, number: str, /) -> str:
        """A number with the name of the employee whose it is."""
        directory = self.context.directory
        employee = directory.by_extension(number) or directory.by_number(number)
        return f"{number} ({employee.name})" if employee and employee.name else number


async def outcomes_of_forwards(way: Way, prospect: Prospect) -> list[Outcome]:
    """The elements forwards lead to on the way of a call to one employee: at once, or when he does not take it."""
    later = [await way_after(way, prospect, why) for why in (Unanswered.NO_ANSWER, Unanswered.DECLINED)]
    led = [one for one in (way, *later) if one is not None and one.element]
    return [Outcome(", ".join(map(str, one.hops)), one.element) for one in led]
