"""Where a call to an extension really goes: forwarding followed to its end, which may be an outside number."""

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
    """One forwarding that was followed."""

    extension: str
    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """Whom a call to an extension rings. `target` is None when nobody is to be rung, and `why` tells why.

    `end` is whom the forwarding led to, whatever the state of his phone.
    """

    target: Target | None
    end: Target
    hops: tuple[Hop, ...] = ()
    why: str = ""
    unanswered: Unanswered = Unanswered.UNREACHABLE

    def __str__(self) -> str:
        return ", ".join([*(f"{hop.extension} forwarded to {hop.to} ({hop.why})" for hop in self.hops), self.why])


class People(Protocol):
    """What is asked on the way: the state of phones, and names."""

    async def phone(self, extension: str, /) -> Availability: ...

    async def settings(self, extension: str, /) -> Extension:
        """What is set for an extension."""
        ...

    def target(self, number: str, /) -> Target:
        """Whom an extension or an outside number means."""
        ...

    def tell_forwarding(self, hops: Sequence[Hop], /) -> None:
        """These forwardings are followed."""
        ...


async def way_to(target: Target, people: People, hops: tuple[Hop, ...] = (), *, always_only: bool = False) -> Way:
    """Follow an extension's forwarding. `hops` are those followed before; a circle leads to nobody.

    With `always_only` no forwarding is followed but that which always holds: for one of a group who is busy, the others
    answer.
    """
    while not target.outside_number:
        extension = target.party.number
        phone = await people.phone(extension)
        if not phone.forward or (always_only and phone.why != ALWAYS):
            state = phone.itself
            if state not in _UNANSWERED:
                return Way(target, target, hops)
            return Way(None, target, hops, f"{extension} {state}", _UNANSWERED[state])
        if len(hops) >= MOST_HOPS or phone.forward in {hop.extension for hop in hops} | {extension}:
            return Way(None, target, hops, f"the forwarding of {extension} leads in a circle")
        hops = (*hops, Hop(extension, phone.forward, phone.why))
        target = forwarded(target.party, people.target(phone.forward))
    return Way(target, target, hops)


class Following:
    """Whom a call to one party rings, one after another: wherever he forwards it, at once or when he does not answer.

    `refused` is why whoever it led to last could not be rung at all.
    """

    def __init__(self, target: Target, people: People) -> None:
        self.refused: Unanswered | None = None
        self._target = target
        self._people = people
        self._way: Way | None = None

    async def next(self, why: Unanswered | None = None, /) -> Target | None:
        """Who is rung first, or after the last one did not answer (`why`); None: nobody."""
        if self._way is None or why is None:
            way: Way | None = await way_to(self._target, self._people)
        else:
            way = await _after_no_answer(self._way, self._people, why)
        if way is None:
            return None
        self._way = way
        self._people.tell_forwarding(way.hops)
        self.refused = way.unanswered if way.target is None else None
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
        call.note(Forwarded(call_id=call.id, at=at, extension=hop.extension, to=hop.to, why=hop.why))


async def _after_no_answer(way: Way, people: People, why: Unanswered) -> Way | None:
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
    return await way_to(forwarded(way.target.party, people.target(to)), people, (*way.hops, hop))


_UNANSWERED = {
    PhoneState.BUSY: Unanswered.BUSY,
    PhoneState.DO_NOT_DISTURB: Unanswered.BUSY,
    PhoneState.OFFLINE: Unanswered.UNREACHABLE,
}
