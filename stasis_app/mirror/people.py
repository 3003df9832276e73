"""Which employees a call concerns: who should see its card, whom it is registered for and whom it is credited to.

Pure: a record and a directory in, Bitrix24 user ids out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal, Protocol

from stasis_app.calls.facts import Direction, Party, PartyKind
from stasis_app.calls.record import CallRecord, Ring, Talk

Credit = Literal["last", "longest"]

_FOREVER = datetime.max.replace(tzinfo=UTC)


class Person(Protocol):
    """An employee as the portal knows him."""

    @property
    def user_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def active(self) -> bool: ...


class People(Protocol):
    """The directory of employees (`stasis_app.crm.Directory`)."""

    def by_extension(self, extension: str) -> Person | None:
        """The active employee with this extension."""
        ...

    @property
    def employees(self) -> Iterable[Person]:
        """All that are known, by user id."""
        ...


def concerned(record: CallRecord) -> tuple[Party, ...]:
    """The employees who should see the card now: whose phone rings, or, once somebody answered, who is on the phone.

    While somebody is on the phone, those count too who are rung after he answered: he asks them, or moves the call to
    them; those rung beside him have lost. An employee who placed the call sees it from its start until he leaves it.
    Nobody sees it after the end.
    """
    if record.ended_at is not None:
        return ()
    placed_it = [record.caller] if record.direction is not Direction.INBOUND and not record.caller_left else []
    on_the_phone = [ring for ring in record.rings if _is_up(ring) and _has_it(record, ring)]
    ringing = _ringing(record)
    if on_the_phone:
        answered = max(ring.answered_at for ring in on_the_phone if ring.answered_at)
        ringing = (ring for ring in ringing if ring.dialled_at > answered)
    return _each_once([*placed_it, *(ring.party for ring in on_the_phone), *(ring.party for ring in ringing)])


def cards(record: CallRecord, people: People) -> tuple[frozenset[int], tuple[str, ...]]:
    """The users who should see the card now, and the extensions concerned that belong to nobody in the portal."""
    users: list[int] = []
    strangers: list[str] = []
    for party in concerned(record):
        person = people.by_extension(party.number)
        if person is None:
            strangers.append(party.number)
        else:
            users.append(person.user_id)
    return frozenset(users), tuple(strangers)


def registered_for(record: CallRecord, people: People, default_user: int | None) -> list[int]:
    """The users a call may be registered for, the best first; the rest stand in when the portal refuses one."""
    return _ranked(
        _caller(record, people),
        _responsible(record),
        _users((ring.party for ring in record.rings), people),
        [default_user] if default_user else [],
        anybody(people),
    )


def credited_to(record: CallRecord, people: People, default_user: int | None, credit: Credit = "last") -> list[int]:
    """The users an ended call may be credited to, the best first.

    Who talked last, or longest in all; nobody talked: who placed the call, the responsible, the default user, who was
    rung last.
    """
    return _ranked(
        _users(_talkers(record, credit), people),
        _caller(record, people),
        _responsible(record),
        [default_user] if default_user else [],
        _users((ring.party for ring in reversed(record.rings)), people),
        anybody(people),
    )


def _talkers(record: CallRecord, credit: Credit) -> list[Party]:
    """Who talked, the best first; who joined last of those who talked to the end is the last."""
    last = [talk.party for talk in sorted(record.conversations, key=_end)][::-1]
    if credit == "last":
        return last
    seconds: Counter[str] = Counter()
    for talk in record.conversations:
        seconds[talk.party.number] += round(talk.seconds() * 1000)
    return sorted(last, key=lambda party: -seconds[party.number])


def _end(talk: Talk) -> tuple[datetime, datetime]:
    return talk.ended_at or _FOREVER, talk.began_at


def anybody(people: People) -> list[int]:
    """The three longest known active users: the last resort, so that a call is not lost for want of a name."""
    return [person.user_id for person in people.employees if person.active][:3]


def _responsible(record: CallRecord) -> list[int]:
    return [record.identified.user_id] if record.identified and record.identified.user_id else []


def _caller(record: CallRecord, people: People) -> list[int]:
    return list(_users([record.placed_by], people)) if record.direction is not Direction.INBOUND else []


def _ringing(record: CallRecord) -> Iterator[Ring]:
    return (ring for ring in record.ringing_now if ring.party.kind is PartyKind.EMPLOYEE)


def _has_it(record: CallRecord, ring: Ring) -> bool:
    """Of several who answer at once only one gets the call; the others are up for a moment, too."""
    joined = ring.leg in record.in_bridge or any(talk.leg == ring.leg for talk in record.talks)
    return joined or not any(party.kind is PartyKind.EMPLOYEE for party in record.in_bridge.values())


def _is_up(ring: Ring) -> bool:
    return ring.party.kind is PartyKind.EMPLOYEE and ring.answered_at is not None and ring.ended_at is None


def _users(parties: Iterable[Party], people: People) -> Iterator[int]:
    for party in parties:
        person = people.by_extension(party.number) if party.kind is PartyKind.EMPLOYEE else None
        if person is not None:
            yield person.user_id


def _each_once(parties: list[Party]) -> tuple[Party, ...]:
    return tuple({party.number: party for party in parties}.values())


def _ranked(*groups: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(user for group in groups for user in group))
