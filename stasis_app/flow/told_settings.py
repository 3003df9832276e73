"""What is set for extensions that changes who is rung, and who set it: told to whoever reads `plan explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stasis_app.crm import ALWAYS, Availability, Extension, PhoneState, SetBy
from stasis_app.flow.forwarding import Hop, Way


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of one extension.

    `name` is the field of `Extension`, `to` where calls are forwarded. `now`: it counts at this moment, rather than
    when the phone has been rung in vain. `text` says it all in a sentence.
    """

    extension: str
    name: str
    to: str
    now: bool
    set_by: SetBy
    text: str


class Known(Protocol):
    """What is asked of extensions (`stasis_app.flow.prospect.Prospect`)."""

    async def phone(self, extension: str, /) -> Availability: ...

    async def settings(self, extension: str, /) -> Extension: ...

    async def set_by(self, extension: str, setting: str, /) -> SetBy:
        """Who set what counts for an extension."""
        ...

    def who(self, number: str, /) -> str:
        """A number with the name of whose it is."""
        ...


async def settings_on(way: Way, known: Known, *, after_ringing: bool) -> tuple[Setting, ...]:
    """Why this way leads where it leads; with `after_ringing`, also where it goes on when the phone rings in vain."""
    found = list[Setting]()
    for hop in way.hops:
        if hop.followed:
            found += await _undisturbed(hop.extension, known)
        found.append(await _followed(hop, known))
    if way.end.outside_number or way.element:
        return tuple(found)
    extension = way.end.party.number
    found += await _undisturbed(extension, known)
    if after_ringing and way.target is not None:
        found += await _to_follow(extension, known)
    return tuple(found)


async def _undisturbed(extension: str, known: Known) -> list[Setting]:
    if (await known.phone(extension)).itself is not PhoneState.DO_NOT_DISTURB:
        return []
    return [await _setting(extension, "do_not_disturb", "", "is not to be disturbed", known)]


async def _followed(hop: Hop, known: Known) -> Setting:
    name, which = _FORWARDS[hop.why]
    does = f"forwards {which} to {known.who(hop.to)}"
    if not hop.followed:
        does += ", a number of the plan, for which his phone itself rings here"
    return await _setting(hop.extension, name, hop.to, does, known)


async def _to_follow(extension: str, known: Known) -> list[Setting]:
    chosen = await known.settings(extension)
    later = (
        ("forward_no_answer", chosen.forward_no_answer, "calls he does not answer"),
        ("forward_busy", chosen.forward_busy, "calls he declines"),
    )
    return [
        await _setting(extension, name, to, f"forwards {which} to {known.who(to)}", known, now=False)
        for name, to, which in later
        if to
    ]


async def _setting(extension: str, name: str, to: str, does: str, known: Known, *, now: bool = True) -> Setting:
    by = await known.set_by(extension, name)
    return Setting(extension, name, to, now, by, f"{known.who(extension)} {does}: {_SETTERS[by]}")


_FORWARDS: dict[str, tuple[str, str]] = {
    ALWAYS: ("forward_always", "all calls"),
    PhoneState.BUSY: ("forward_busy", "calls while his phone is busy"),
    PhoneState.DO_NOT_DISTURB: ("forward_busy", "calls while he is not to be disturbed"),
    PhoneState.OFFLINE: ("forward_no_answer", "calls while his phone is off"),
}
_SETTERS = {
    SetBy.SERVICE: "set by the service's codes or over its API",
    SetBy.FREEPBX: "set in FreePBX",
    SetBy.DEVICE: "set in another system, which keeps it in a device state",
}
