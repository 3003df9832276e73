"""How a channel comes in: the arguments of `Stasis()` in the dialplan, and those we give our own legs.

The dialplan's contract: `inbound,<element>[,<did>]` for calls from a trunk, `outbound,<number>` for a number dialled on
a phone, `internal,<extension>` between phones. FreePBX adds an empty last argument, which is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from stasis_app.ari.events import Channel
from stasis_app.calls import model
from stasis_app.calls.facts import Direction, Party, PartyKind
from stasis_app.calls.number_plan import NumberPlan
from stasis_app.calls.transition import Change

_MOBILE = "mobile"  # the kind of an employee's leg that goes through a trunk


@dataclass(frozen=True, slots=True)
class Entry:
    """A new call."""

    direction: Direction
    element: str = ""
    line: str = ""
    dialled: str = ""


@dataclass(frozen=True, slots=True)
class LegEntry:
    """A leg we set up ourselves for a call. `outside`: the party is rung at a number in the public network."""

    call_id: str
    party: Party
    outside: bool = False


@dataclass(frozen=True, slots=True)
class AsideEntry:
    """A channel beside a call: no leg of it. `extension` is that of a supervisor, "" for what he listens through."""

    call_id: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class SnoopEntry:
    """A snoop channel of ours that records a call; it has the name of the file."""

    call_id: str
    file: str


def read_entry(args: Sequence[str]) -> Entry | LegEntry | AsideEntry | SnoopEntry | None:
    """What the arguments say; None when they say nothing we know."""
    given = [arg.strip() for arg in args]
    while given and not given[-1]:
        given.pop()
    match given:
        case ["inbound"]:
            return Entry(Direction.INBOUND)
        case ["inbound", element]:
            return Entry(Direction.INBOUND, element=element)
        case ["inbound", element, line]:
            return Entry(Direction.INBOUND, element=element, line=line)
        case ["outbound", number]:
            return Entry(Direction.OUTBOUND, dialled=number)
        case ["internal", extension]:
            return Entry(Direction.INTERNAL, dialled=extension)
        case ["leg", call_id, kind, *number] if kind in tuple(PartyKind):
            return LegEntry(call_id, Party(PartyKind(kind), number[0] if number else ""))
        case ["record", call_id, file]:
            return SnoopEntry(call_id, file)
        case ["leg", call_id, kind, *number] if kind == _MOBILE:
            return LegEntry(call_id, Party(PartyKind.EMPLOYEE, number[0] if number else ""), outside=True)
        case ["aside", call_id, *extension]:
            return AsideEntry(call_id, extension[0] if extension else "")
        case _:
            return None


def aside_args(entry: AsideEntry) -> str:
    """The appArgs of a channel beside a call; the inverse of `read_entry`."""
    return f"aside,{entry.call_id},{entry.extension}"


def snoop_args(call_id: str, file: str) -> str:
    """The appArgs of a snoop channel that records; the inverse of `read_entry`."""
    return f"record,{call_id},{file}"


def leg_args(call_id: str, party: Party, *, outside: bool = False) -> str:
    """The appArgs of a leg we set up; the inverse of `read_entry`."""
    kind = _MOBILE if party.kind is PartyKind.EMPLOYEE and outside else party.kind
    return f"leg,{call_id},{kind},{party.number.replace(',', '')}"


def begin_call(channel: Channel, entry: Entry, at: datetime, endpoint: str, trunks: NumberPlan | None = None) -> Change:
    """The call a channel begins.

    Args:
        channel: the caller's channel; its id is the call's.
        entry: what the dialplan said.
        at: when it came in.
        endpoint: dial string of an extension, by which an employee's phone is known.
        trunks: tells the line a number dialled on a phone goes out by.
    """
    inbound = entry.direction is Direction.INBOUND
    caller = _customer(channel) if inbound else _employee(channel, endpoint)
    line, wished = entry.line, None
    if trunks is not None and entry.direction is Direction.OUTBOUND:
        line, wished = trunks.line_of(entry.dialled, extension=caller.number), ""
    return model.start(
        channel.id,
        channel,
        entry.direction,
        caller,
        at,
        line=line,
        wished_line=wished,
        dialled=entry.dialled,
        element=entry.element,
    )


def party_of_leg(channel: Channel, entry: LegEntry, endpoint: str) -> Party:
    """Who is at a leg that came unexpected: its arguments are those of the phone that rang, not of who picked up."""
    desk_phone = entry.party.kind is PartyKind.EMPLOYEE and not entry.outside
    return _employee(channel, endpoint) if desk_phone else entry.party


def transferred_to(channel: Channel) -> Party:
    """Whom a transfer leads to: the Local channel it makes is named after the extension."""
    found = re.match(r"^Local/(?P<extension>[^@/]+)@", channel.name)
    return Party(PartyKind.EMPLOYEE, found["extension"] if found else "")


def _customer(channel: Channel) -> Party:
    return Party(PartyKind.CUSTOMER, channel.caller.number, channel.caller.name)


def _employee(channel: Channel, endpoint: str) -> Party:
    """Known by the endpoint his phone registered as; a caller id can say anything."""
    found = _channel_name(endpoint).match(channel.name)
    return Party(PartyKind.EMPLOYEE, found["extension"] if found else channel.caller.number, channel.caller.name)


@cache
def _channel_name(endpoint: str) -> re.Pattern[str]:
    pattern = re.escape(endpoint).replace(re.escape("{extension}"), r"(?P<extension>.+)")
    return re.compile(f"^{pattern}-[0-9a-f]+$")
