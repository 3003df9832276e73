"""Whom a number means, and whom ringing an employee rings before there is a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stasis_app.calls.verbs import Target
from stasis_app.crm import Availability, Directory, Extension, Numbers, Phones
from stasis_app.flow.forwarding import Hop, Way, way_to


def is_outside(number: str) -> bool:
    """Whether a number in a plan or script is meant for the public network: it has a plus or more than six digits."""
    return number.startswith("+") or len(number) > 6


def target_of(number: str, directory: Directory, numbers: Numbers) -> Target:
    """Whom an extension or an outside number means. Outside numbers are dialled as they are written."""
    if not is_outside(number):
        employee = directory.by_extension(number)
        return Target.extension(number, employee.name if employee else "")
    owner = directory.by_number(number)
    if owner is not None:
        # His mobile: he gets the card and the credit as at his desk.
        return Target.mobile(number, owner.extension or numbers.read(number).key, owner.name)
    return Target.outside(number)


@dataclass(frozen=True, slots=True)
class Colleagues:
    """The employees as they are found when a call is to be made to one of them.

    Implements `stasis_app.flow.forwarding.People`; which forwardings were followed is in the `Way`.

    Args:
        phones: the state of their phones.
        directory: who they are.
        numbers: reads the numbers they forward to.
        plan_numbers: the numbers of the plan, each with its element.
        forwards: whether their forwards count.
    """

    phones: Phones
    directory: Directory
    numbers: Numbers
    plan_numbers: Mapping[str, str] = field(default_factory=dict)
    forwards: bool = True

    async def way_of_agent(self, extension: str, *, follow_forwards: bool) -> Way:
        """Whom ringing an agent rings: his own phone, or (`follow_forwards`) where he forwards all his calls to."""
        people = replace(self, forwards=follow_forwards)
        return await way_to(self.target(extension), people, always_only=True)

    async def phone(self, extension: str, /) -> Availability:
        """The state of a phone, and where its calls are forwarded."""
        return await self.phones.of(extension, forwards=self.forwards)

    async def phone_itself(self, extension: str, /) -> Availability:
        """The state of a phone, wherever its calls go."""
        return await self.phones.of(extension, forwards=False)

    def element_of(self, number: str, /) -> str:
        """The element a number of the plan leads to, "" for any other number."""
        return self.plan_numbers.get(number, "")

    async def settings(self, extension: str, /) -> Extension:
        """What is set for an extension."""
        return await self.phones.settings_of(extension)

    def target(self, number: str, /) -> Target:
        """Whom an extension or an outside number means."""
        return target_of(number, self.directory, self.numbers)

    def tell_forwarding(self, hops: Sequence[Hop], /) -> None:
        """There is no call yet whose story could have them."""
