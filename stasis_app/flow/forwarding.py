"""Where a call to an extension really goes: forwarding followed to its end.

That may be an outside number, or a number of the plan: then the call is led to the element there. One phone of several
that ring together can't lead them all there, nor can somebody be asked there: in such places the phone itself rings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from stasis_app.calls.facts import Forwarded, Party, PartyKind, Unanswered
from stasis_app.calls.verbs import CallHandle, Target
from stasis_app.crm import ALWAYS, Availability, Extension, PhoneState

MOST_HOPS = 5
"""Forwardings that are followed one after another; whoever needs more has made a mistake."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One forwarding that was followed, or (not `followed`) passed over as it leads to a number of the plan."""

    extension: str
    to: str
    why: str
    followed: bool = True

    def __str__(self) -> str:
        told = f"{self.extension} forwarded to {self.to} ({self.why})"
        return told if self.followed else f"{told}, which can't be rung: his phone itself"


@dataclass(frozen=True, slots=True)
class Way:
    """Whom a call to an extension rings. `target` is None when nobody is to be rung, and `why` tells why.

    `end` is whom the forwarding led to, whatever the state of his phone; `element` is that of the plan it leads to.
    """

    target: Target | None
    end: Target
    hops: tuple[Hop, ...] = ()
    why: str = ""
    unanswered: Unanswered = Unanswered.UNREACHABLE
    element: str = ""

    def __str__(self) -> str:
        return ", ".join([*map(str, self.hops), *([self.why] if self.why else [])])


class LedToElement(Exception):  # a signal rather than an error
    """Ringing somebody came to a forward that leads to an element of the plan: the call goes on there."""

    def __init__(self, element: str, why: str) -> None:
        super().__init__(element)
        self.element = element
        self.why = why


class People(Protocol):
    """What is asked on the way: the state of phones, and names."""

    async def phone(self, extension: str, /) -> Availability: ...

    async def phone_itself(self, extension: str, /) -> Availability:
        """The state of a phone, wherever its calls go."""
        ...

    async def settings(self, extension: str, /) -> Extension:
        """What is set for an extension."""
        ...

    def element_of(self, number: str, /) -> str:
        """The element a number of the plan leads to, "" for any other number."""
        ...

    def target(self, number: str, /) -> Target:
        """Whom an extension or an outside number means."""
        ...

    def tell_forwarding(self, hops: Sequence[Hop], /) -> None:
        """These forwardings are followed."""
        ...


async def way_to(
    target: Target, people: People, hops: tuple[Hop, ...] = (), *, always_only: bool = False, leads: bool = True
) -> Way:
    """Follow an extension's forwarding. `hops` are those followed before; a circle leads to nobody.

    With `always_only` no forwarding is followed but that which always holds: for one of a group who is busy, the others
    answer. There, and without `leads`, none is followed to a number of the plan.
    """
    while not target.outside_number:
        extension = target.party.number
        phone = await people.phone(extension)
        if not phone.forward or (always_only and phone.why != ALWAYS):
            return _to_phone(target, phone, hops)
        if element := people.element_of(phone.forward):
            if leads and not always_only:
                return _to_element(target, hops, Hop(extension, phone.forward, phone.why), element)
            passed_over = Hop(extension, phone.forward, phone.why, followed=False)
            return _to_phone(target, await people.phone_itself(extension), (*hops, passed_over))
        if len(hops) >= MOST_HOPS or phone.forward in {hop.extension for hop in hops} | {extension}:
            return Way(None, target, hops, f"the forwarding of {extension} leads in a circle")
        hops = (*hops, Hop(extension, phone.forward, phone.why))
        target = forwarded(target.party, people.target(phone.forward))
    return Way(target, target, hops)


def _to_phone(target: Target, phone: Availability, hops: tuple[Hop, ...]) -> Way:
    """The phone itself, unless it can't be rung."""
    state = phone.itself
    if state not in _UNANSWERED:
        return Way(target, target, hops)
    return Way(None, target, hops, f"{target.party.number} {state}", _UNANSWERED[state])


def _to_element(target: Target, hops: tuple[Hop, ...], last: Hop, element: str) -> Way:
    return Way(None, target, (*hops, last), element=element)


class Following:
    """Whom a call to one party rings, one after another: wherever he forwards it, at once or when he does not answer.

    `refused` is why whoever it led to last could not be rung at all; `led_to` is the way that ends at an element of the
    plan, which is never so without `leads`.
    """

    def __init__(self, target: Target, people: People, *, leads: bool = True) -> None:
        self.refused: Unanswered | None = None
        self.led_to: Way | None = None
        self._leads = leads
        self._target = target
        self._people = people
        self._way: Way | None = None

    async def next(self, why: Unanswered | None = None, /) -> Target | None:
        """Who is rung first, or after the last one did not answer (`why`); None: nobody."""
        if self._way is None or why is None:
            way: Way | None = await way_to(self._target, self._people, leads=self._leads)
        else:
            way = await way_after(self._way, self._people, why, leads=self._leads)
        if way is None:
            return None
        self._way = way
        self._people.tell_forwarding(way.hops)
        self.led_to = way if way.element else None
        self.refused = way.unanswered if way.target is None and not way.element else None
        return way.target


def forwarded(who: Party, to: Target) -> Target:
    """Whom an employee's forward rings: at an outside number it is still him who answers, so he gets the credit."""
    if to.party.kind is PartyKind.EMPLOYEE:  # a desk phone, or the mobile of an employee who is known by it
        return to
    return Target.mobile(to.outside_number, who.number, who.name)


def tell_of(call: CallHandle, hops: Sequence[Hop]) -> None:
    """Tell in the call's story that these forwardings are followed."""
    for hop in hops:
        at = datetime.now(UTC)
        call.note(
            Forwarded(call_id=call.id, at=at, extension=hop.extension, to=hop.to, why=hop.why, followed=hop.followed)
        )


async def way_after(way: Way, people: People, why: Unanswered, *, leads: bool = True) -> Way | None:
    """The way that follows when the extension rung at the end of `way` did not take the call; None without one."""
    if way.target is None or way.target.outside_number:
        return None
    extension = way.target.party.number
    settings = await people.settings(extension)
    on_busy = why in (Unanswered.BUSY, Unanswered.DECLINED)
    to = settings.forward_busy if on_busy else settings.forward_no_answer
    if not to or len(way.hops) >= MOST_HOPS or to in {hop.extension for hop in way.hops} | {extension}:
        return None
    hop = Hop(extension, to, why.value)
    if element := people.element_of(to):
        return _to_element(way.target, way.hops, hop, element) if leads else None
    return await way_to(forwarded(way.target.party, people.target(to)), people, (*way.hops, hop), leads=leads)


_UNANSWERED = {
    PhoneState.BUSY: Unanswered.BUSY,
    PhoneState.DO_NOT_DISTURB: Unanswered.BUSY,
    PhoneState.OFFLINE: Unanswered.UNREACHABLE,
}
