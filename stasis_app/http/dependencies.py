"""What the API needs of the rest of the service. The composition root gives it; tests give small fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from aiohttp import web

from stasis_app.calls.facts import Direction, Fact, Parked, TransferKind
from stasis_app.calls.moves.supervision import Mode
from stasis_app.calls.record import CallRecord
from stasis_app.crm import Extension
from stasis_app.http.metrics import Metrics
from stasis_app.incidents import Incident
from stasis_app.queues import Queue, Queues, QueueView
from stasis_app.settings import HttpSettings


class CallBook(Protocol):
    """The calls that are going on."""

    def live(self) -> Sequence[CallRecord]:
        """All of them, oldest first."""
        ...

    def get(self, call_id: str) -> CallRecord | None: ...

    def of_portal(self, portal_call_id: str) -> str:
        """The id of the live call that is this one (CALL_ID) in the portal, "" for none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCalls:
    """Which ended calls are asked for: newest first, `limit` of those older than the `before` position."""

    limit: int = 50
    before: tuple[datetime, str] | None = None  # (started_at, call_id) of the last call of the page before
    since: datetime | None = None
    until: datetime | None = None
    number: str = ""  # the customer's number, or its end
    extension: str = ""  # an employee who was rung or talked
    direction: Direction | None = None
    answered: bool | None = None


class JournalReader(Protocol):
    """The calls that are over."""

    async def past(self, query: PastCalls) -> Sequence[CallRecord]: ...

    async def get(self, call_id: str) -> CallRecord | None:
        """The record of a call, live or past; None if it was never seen."""
        ...

    async def facts(self, call_id: str) -> Sequence[Fact]:
        """Its facts in the order they happened."""
        ...


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """An operation on its way to the portal."""

    id: str
    call_id: str
    operation: str
    state: str
    attempts: int
    created_at: datetime
    error: str = ""


class OutboxReader(Protocol):
    """What waits to be sent to the portal, and what was given up."""

    async def items(self, limit: int) -> Sequence[OutboxItem]:
        """The newest of them."""
        ...

    async def waiting_count(self) -> int:
        """How many wait to be sent."""
        ...


class RecordingItem(Protocol):
    """A recording and what became of it."""

    @property
    def call_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...


class RecordingsReader(Protocol):
    """What became of recordings."""

    async def of_day(self, day: date | None, *, missing: bool) -> Sequence[RecordingItem]:
        """Those of the ended calls that began on a day (None: today); with `missing`, those the portal lacks."""
        ...


class RecordingOrder(StrEnum):
    """What can be ordered about the recording of a live call."""

    PAUSE = "pause"
    RESUME = "resume"
    START = "start"
    STOP = "stop"


class IncidentReader(Protocol):
    """What an operator has to know of."""

    def listing(self) -> Sequence[Incident]:
        """Open and closed ones, what happened last first."""
        ...


class NoIncidents:
    """Nothing ever happens."""

    def listing(self) -> Sequence[Incident]:
        """See `IncidentReader`."""
        return ()


class NotPossibleError(Exception):
    """A command can't be carried out now; the text says why and what to do."""


class UnavailableError(Exception):
    """A command can't be carried out because Asterisk is out of reach."""


class NotAllowedError(Exception):
    """A command is not for whoever gave it; the text says what would allow it."""


class NoSuchCallError(Exception):
    """There is no such live call."""


class Controller(Protocol):
    """Acts on calls. Raises `NotPossibleError` and `UnavailableError`."""

    async def originate(
        self, extension: str, number: str, *, line: str = "", caller_id: str = "", auto_answer: bool | None = None
    ) -> str:
        """Ring the employee, then the number; the id of the call, which exists at once.

        `line` and `caller_id` are "" when the order leaves them open, `auto_answer` is None then.
        """
        ...

    async def hang_up(self, call_id: str) -> bool:
        """End a live call; False if there is none of this id."""
        ...

    async def record(self, call_id: str, order: RecordingOrder) -> bool:
        """Act on the recording of a live call; False if there is none of this id."""
        ...

    async def transfer(self, call_id: str, to: str, kind: TransferKind, extension: str) -> bool:
        """Move a live call for the employee with this extension ("": the only one who talks); False without a call."""
        ...

    async def go_on_with_transfer(self, call_id: str, what: str) -> bool:
        """What is next in an attended transfer: complete, cancel, conference or swap; False without a call."""
        ...


class CallMoves(Protocol):
    """Moves calls. `participant` is the id of a leg, or the number of its party.

    Raises `NoSuchCallError`, `NotPossibleError`, `NotAllowedError` and `UnavailableError`.
    """

    async def change(self, call_id: str, participant: str, *, held: bool | None, muted: bool | None) -> None:
        """Put the others on hold or take them back, mute or unmute; None leaves it as it is."""
        ...

    async def send_dtmf(self, call_id: str, participant: str, digits: str) -> None:
        """Send keys to a participant."""
        ...

    async def invite(self, call_id: str, to: str) -> str:
        """Ring an extension or an outside number into the conversation; the id of the leg."""
        ...

    async def dismiss(self, call_id: str, participant: str) -> None:
        """Take a participant out of the call."""
        ...

    async def park(self, call_id: str, participant: str, slot: str) -> Parked:
        """Let the participant leave the call waiting in a slot, "" for the first free."""
        ...

    async def pick_up(self, call_id: str, extension: str) -> None:
        """Let an extension take a call that rings at colleagues: its phone rings, too."""
        ...

    async def supervise(self, call_id: str, extension: str, mode: Mode) -> None:
        """Let a supervisor follow a call, or change how he does."""
        ...

    async def stop_supervising(self, call_id: str, extension: str) -> None:
        """Send a supervisor away."""
        ...


class ExtensionBook(Protocol):
    """What employees set for their extensions."""

    def of(self, number: str, /) -> Extension: ...

    async def change(self, number: str, /, **changes: Any) -> bool:
        """Set some of it; True when it is on disk. Raises `ValueError` for what makes no sense."""
        ...


class QueueBook(Protocol):
    """The waiting lines and their agents."""

    def views(self) -> Sequence[QueueView]:
        """All of them as they are now."""
        ...

    def get(self, name: str) -> Queue | None: ...

    def sign(self, name: str, extension: str, *, signed_in: bool) -> None:
        """Sign an agent in or out. Raises KeyError for a queue there is not."""
        ...

    def pause(self, extension: str, *, paused: bool, reason: str = "") -> None:
        """An agent pauses in all queues, or goes on."""
        ...


Listener = Callable[[Fact, CallRecord], None]


class FactFeed(Protocol):
    """Every fact as it happens."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each fact and the record after it, until the function returned is called."""
        ...


class State(StrEnum):
    """How a component does."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Component:
    """The health of one component. Without an `essential` one no call can be served."""

    name: str
    state: State
    detail: str = ""
    essential: bool = False


@dataclass(frozen=True, slots=True)
class HealthSource:
    """Asks one component how it does."""

    name: str
    ask: Callable[[], Awaitable[Component]]
    essential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDependencies:
    """All of it.

    `may_act` is asked before anything is changed; False: another instance has taken over. None when there is no other.
    """

    settings: HttpSettings
    calls: CallBook
    journal: JournalReader
    control: Controller
    moves: CallMoves
    extensions: ExtensionBook
    outbox: OutboxReader
    recordings: RecordingsReader
    facts: FactFeed
    queues: QueueBook = field(default_factory=Queues)
    health: Sequence[HealthSource] = ()
    incidents: IncidentReader = field(default_factory=NoIncidents)
    metrics: Metrics = field(default_factory=Metrics)
    may_act: Callable[[], Awaitable[bool]] | None = None


DEPENDENCIES = web.AppKey("dependencies", ApiDependencies)
