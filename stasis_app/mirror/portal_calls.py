"""The portal as the mirror sees it. What is said is asked for in the moment it goes out: nothing outdated is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from b24client import (
    AccessDenied,
    B24Error,
    BadReply,
    Command,
    CommandResult,
    EntityType,
    ExpiredToken,
    FinishCall,
    FinishedCall,
    NewTask,
    NewTodo,
    Portal,
    Priority,
    Refused,
    RegisterCall,
    RegisteredCall,
    read,
    record_command,
    reference,
)
from b24client import card_params as card

_REGISTER = "telephony.externalCall.register"
_SHOW = "telephony.externalCall.show"
_HIDE = "telephony.externalCall.hide"
_FINISH = "telephony.externalCall.finish"

CARD_SECONDS = 15.0
"""How long the answer to a request about a card may take: a later one helps nobody."""
FETCH_SECONDS = 90.0
"""How long the answer may take while the portal fetches a recording, with others in the same request."""
FINISH_SECONDS = 60.0
"""How long the answer to a finish may take: the portal itself gives up after a minute."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opening:
    """What travels with a registration: the first cards, or the end of a call that is over already."""

    show: frozenset[int] = frozenset()
    finish: FinishCall | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """The portal's CALL_ID; whether the card was shown and the call finished in the same request.

    `failure`: what the portal said of the end that went along, when it did not just finish the call.
    """

    call_id: str
    shown: bool = False
    finished: bool = False
    failure: B24Error | None = None
    entity_type: str = ""
    entity_id: int = 0
    created_lead: bool = False  # the portal knew nobody with this number


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something somebody is to do about a call: for a client of the CRM (type and id), or a task by itself.

    `about` tells it from others: the call's id.
    """

    title: str
    user_id: int
    deadline: datetime
    about: str
    entity: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A comment in the history of a client of the CRM (type and id); `mark` is the part that tells it from others."""

    entity: tuple[str, int]
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Change:
    """Whose card opens and whose closes."""

    show: frozenset[int]
    hide: frozenset[int]


class PortalCalls(Protocol):
    """What the portal is told. Every method raises `b24client.B24Error`.

    `since` is the moment (time.monotonic) of the fact something follows from: the earliest goes first.
    """

    @property
    def is_crowded(self) -> bool:
        """Whether requests are so scarce that what may travel together should wait for each other."""
        ...

    async def register(
        self, call: RegisterCall, opening: Callable[[], Opening | None], *, live: bool, since: float
    ) -> Registered | None:
        """Register a call and, in the same request, what `opening` says then. `live`: somebody waits for its card.

        None when `opening` says that it is too early.
        """
        ...

    async def cards(self, call_id: str, expected: Change, change: Callable[[], Change | None], *, since: float) -> bool:
        """Open and close the card, in one request, as `change` says then; False when it has lost its point.

        `expected` is what it would be now.
        """
        ...

    async def finish(self, call: FinishCall, *, since: float) -> None:
        """Write a call down."""
        ...

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        """Attach a recording. Raises also ValueError and OSError for a file that can't be sent."""
        ...

    async def attach_url(self, call_id: str, url: str) -> None:
        """Have the portal fetch a recording. Raises also ValueError for an address no portal would take."""
        ...

    async def remind(self, reminder: Reminder) -> None:
        """Give somebody something to do."""
        ...

    async def is_reminded(self, reminder: Reminder) -> bool:
        """Whether he has it already."""
        ...

    async def note(self, note: Note) -> None:
        """Write a note down."""
        ...

    async def is_noted(self, note: Note) -> bool:
        """Whether it is written down already."""
        ...

    async def finished_before(self, external_call_id: str) -> str:
        """The CALL_ID under which a call is in the portal's statistics, "" when it is not."""
        ...

    async def is_finished(self, call_id: str) -> bool:
        """Whether the call with this CALL_ID is in the portal's statistics."""
        ...


class B24PortalCalls:
    """The portal behind `b24client`."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._telephony = portal.telephony

    @property
    def is_crowded(self) -> bool:
        return self._portal.is_crowded

    async def register(
        self, call: RegisterCall, opening: Callable[[], Opening | None], *, live: bool, since: float
    ) -> Registered | None:
        made = Command("reg", _REGISTER, call.to_params())
        named = reference("reg", "CALL_ID")

        def commands() -> list[Command]:
            first = opening()
            if first is None:
                return []
            if first.finish is not None:
                return [made, Command("end", _FINISH, {**first.finish.to_params(), "CALL_ID": named})]
            return [made, Command("show", _SHOW, card(named, sorted(first.show)))] if first.show else [made]

        results = await self._portal.submit(
            commands,
            (_REGISTER, _SHOW if live else _FINISH),
            priority=Priority.CARD if live else Priority.FINISH,
            timeout=CARD_SECONDS if live else FINISH_SECONDS,
            since=since,
        )
        if not results:
            return None
        made_known = read(RegisteredCall, _REGISTER, results["reg"].unwrap())
        shown, ended = results.get("show", _NOTHING), results.get("end", _NOTHING)
        failure = ended.error
        if "end" in results and failure is None and not ended.value:
            failure = BadReply(_FINISH, "", "an empty result")
        return Registered(
            made_known.call_id,
            bool(shown.value),
            bool(ended.value),
            failure,
            made_known.crm_entity_type,
            made_known.crm_entity_id or 0,
            bool(made_known.crm_created_lead),
        )

    async def cards(self, call_id: str, expected: Change, change: Callable[[], Change | None], *, since: float) -> bool:
        methods = [method for method, users in ((_HIDE, expected.hide), (_SHOW, expected.show)) if users]

        def commands() -> list[Command]:
            now = change()
            wanted = () if now is None else (("hide", _HIDE, now.hide), ("show", _SHOW, now.show))
            return [Command(key, method, card(call_id, sorted(users))) for key, method, users in wanted if users]

        results = await self._portal.submit(commands, methods, timeout=CARD_SECONDS, since=since)
        for result in results.values():
            result.unwrap()
        return bool(results)

    async def finish(self, call: FinishCall, *, since: float) -> None:
        command = Command("end", _FINISH, call.to_params())
        results = await self._portal.submit(
            lambda: [command], (_FINISH,), priority=Priority.FINISH, timeout=FINISH_SECONDS, since=since
        )
        read(FinishedCall, _FINISH, results["end"].unwrap())

    async def attach(self, call_id: str, filename: str, path: Path) -> None:
        await self._telephony.attach_record(call_id, filename, path, attempts=1)

    async def attach_url(self, call_id: str, url: str) -> None:
        command = record_command("record", call_id, url=url)
        results = await self._portal.submit(
            lambda: [command], (command.method,), priority=Priority.RECORD, timeout=FETCH_SECONDS
        )
        results["record"].unwrap()

    async def remind(self, reminder: Reminder) -> None:
        if reminder.entity is not None:
            kind, entity_id = reminder.entity
            todo = NewTodo(
                owner_type_id=EntityType[kind],
                owner_id=entity_id,
                deadline=reminder.deadline,
                title=reminder.title,
                description=reminder.about,
                responsible_id=reminder.user_id,
            )
            await self._portal.activities.add_todo(todo, priority=Priority.RECORD)
            return
        task = NewTask(
            title=reminder.title,
            responsible_id=reminder.user_id,
            description=reminder.about,
            deadline=reminder.deadline,
        )
        await self._portal.tasks.add(task, priority=Priority.RECORD)

    async def is_reminded(self, reminder: Reminder) -> bool:
        if reminder.entity is not None:
            kind, entity_id = reminder.entity
            found = await _seen(self._portal.activities.of(EntityType[kind], entity_id, SUBJECT=reminder.title))
            return any(reminder.about in activity.description for activity in found or ())
        condition = {"TITLE": reminder.title, "RESPONSIBLE_ID": reminder.user_id}
        tasks = await _seen(self._portal.tasks.list(condition))
        return any(reminder.about in task.description for task in tasks or ())

    async def note(self, note: Note) -> None:
        kind, entity_id = note.entity
        await self._portal.timeline.comment(kind, entity_id, note.text, priority=Priority.RECORD)

    async def is_noted(self, note: Note) -> bool:
        latest = await _seen(self._portal.timeline.latest_comments(*note.entity, priority=Priority.RECORD))
        return any(note.mark in comment.comment for comment in latest or ())

    async def finished_before(self, external_call_id: str) -> str:
        return await self._known_as(external_call_id=external_call_id)

    async def is_finished(self, call_id: str) -> bool:
        return bool(await self._known_as(call_id=call_id))

    async def _known_as(self, **told: str) -> str:
        row = await _seen(self._telephony.find(**told, priority=Priority.FINISH, timeout=FINISH_SECONDS))
        return row.call_id if row is not None else ""


async def _seen(look: Awaitable[T]) -> T | None:
    """What a look at the portal's data shows; None where we may not look: as if nothing were found.

    An answer that can't be read says nothing of what is there, nor does a token that has expired: both are raised, and
    the look is taken again.
    """
    try:
        return await look
    except ExpiredToken:
        raise
    except (AccessDenied, Refused):
        return None


_NOTHING = CommandResult()
