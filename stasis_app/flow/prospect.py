"""A caller who is only imagined: what `plan explain` knows of him while it foretells his way."""

from __future__ import annotations

from dataclasses import dataclass, field

from stasis_app.crm import Availability, Number, Responsible
from stasis_app.flow.context import FlowContext


@dataclass(slots=True)
class Prospect:
    """The caller and the state of the world, asked once each."""

    number: Number
    context: FlowContext
    element: str = ""  # the name of the one that is being foretold
    _responsible: dict[bool, Responsible] = field(default_factory=dict)
    _phones: dict[str, Availability] = field(default_factory=dict)

    async def responsible(self, *, respect_working_day: bool = False) -> Responsible:
        """Who answers for him."""
        if respect_working_day not in self._responsible:
            found = await self.context.responsibles.find(self.number, respect_working_day=respect_working_day)
            self._responsible[respect_working_day] = found
        return self._responsible[respect_working_day]

    async def phone(self, extension: str) -> Availability:
        """The state of a phone."""
        if extension not in self._phones:
            self._phones[extension] = await self.context.phones.of(extension)
        return self._phones[extension]

    def who(self, extension: str) -> str:
        """An extension with its employee's name."""
        employee = self.context.directory.by_extension(extension)
        return f"{extension} ({employee.name})" if employee and employee.name else extension
