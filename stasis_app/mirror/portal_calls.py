"""The portal as the mirror sees it. What is said is asked for in the moment it goes out: nothing outdated is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from b24client import (
    AccessDenied,
    BadReply,
    Command,
    CommandResult,
    FinishCall,
    FinishedCall,
    Portal,
    Priority,
    Refused,
    RegisterCall,
    RegisteredCall,
    read,
    reference,
)
from b24client import card_params as card

_REGISTER = "telephony.externalCall.register"
_SHOW = "telephony.externalCall.show"
_HIDE = "telephony.externalCall.hide"
_FINISH = "telephony.externalCall.finish"

CARD_SECONDS = 15.0
"""How long the answer to a request about a card may take: a later one helps nobody."""
FINISH_SECONDS = 60.0
"""How long the answer to a finish may take: the portal itself gives up after a minute."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What travels with a registration: the first cards, or the end of a call that is over already."""

    show: frozenset[int] = frozenset()
    finish: FinishCall | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """The portal's CALL_ID; whether the card was shown and the call finished in the same request.

    `refusal`: why the portal would not finish it.
    """

    call_id: str
    shown: bool = False
    finished: bool = False
    refusal: Refused | None = None


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
        call_id = read(RegisteredCall, _REGISTER, results["reg"].unwrap()).call_id
        shown, ended = results.get("show", _NOTHING), results.get("end", _NOTHING)
        refusal = ended.error if isinstance(ended.error, Refused) else None
        return Registered(call_id, bool(shown.value), ended.error is None and bool(ended.value), refusal)

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
        await self._telephony.attach_record(call_id, filename, path)

    async def finished_before(self, external_call_id: str) -> str:
        return await self._known_as({"EXTERNAL_CALL_ID": external_call_id})

    async def is_finished(self, call_id: str) -> bool:
        return bool(await self._known_as({"CALL_ID": call_id}))

    async def _known_as(self, told: dict[str, str]) -> str:
        try:
            rows = await self._telephony.statistic(told, priority=Priority.FINISH, timeout=FINISH_SECONDS)
        except (AccessDenied, BadReply, Refused):
            return ""  # we may not look there: as if nothing were found
        return rows[0].call_id if rows else ""


_NOTHING = CommandResult()
