"""What can be done with a call: the verbs plan elements and scripts use.

`CallHandle` is the seam between calls and flow. The real one is `stasis_app.calls.call.Call`; tests of the flow use a
fake that answers from a script.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from stasis_app.calls.facts import Fact, Identified, Party, PartyKind, RecordingMode, Unanswered
from stasis_app.calls.record import CallRecord

T = TypeVar("T")


class CallGone(Exception):  # a signal rather than an error: people hang up whenever they like
    """The call ended while a verb was at work. Flows need not catch it: it ends them."""


class Strategy(StrEnum):
    """How several parties are rung."""

    ALL = "all"
    IN_TURN = "in_turn"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ring: an employee's extension, or an outside number through the trunks.

    `number` is the outside number ("" for a desk phone); it may belong to an employee, who is the party then.
    """

    party: Party
    number: str = ""

    @property
    def outside_number(self) -> str:
        """The number in the public network, "" for a desk phone."""
        # An employee without a desk phone is known by his own number.
        is_outside = self.party.kind is PartyKind.CUSTOMER or self.party.number.startswith("+")
        return self.number or (self.party.number if is_outside else "")

    @classmethod
    def extension(cls, extension: str, name: str = "") -> Target:
        """An employee's desk phone."""
        return cls(Party(PartyKind.EMPLOYEE, extension, name))

    @classmethod
    def outside(cls, number: str) -> Target:
        """A number in the public network."""
        return cls(Party(PartyKind.CUSTOMER, number), number)

    @classmethod
    def mobile(cls, number: str, extension: str, name: str = "") -> Target:
        """An employee at a number in the public network: his mobile, his phone at home."""
        return cls(Party(PartyKind.EMPLOYEE, extension, name), number)


@dataclass(frozen=True, slots=True)
class RingResult:
    """What came of ringing. `answered_by` is None when nobody answered; `tried` says why each of the others did not.

    `instead_of` is whose phone had sent the call on to who answered.
    """

    answered_by: Party | None
    tried: tuple[tuple[Party, Unanswered], ...] = ()
    instead_of: Party | None = None


class RecordingHandle(Protocol):
    """The recording of a call, as far as flows and people may act on it."""

    async def pause(self) -> None:
        """Record silence until `resume` (card numbers). Raises `AriError` when neither that nor ending it was possible.

        Also before anything is recorded: then nothing will be until `resume`.
        """
        ...

    async def resume(self) -> None:
        """Go on recording."""
        ...

    def start(self) -> None:
        """Record this call from now on (from its first conversation), whatever the configuration says."""
        ...

    def stop(self) -> None:
        """Do not record this call any further."""
        ...

    def choose(self, mode: RecordingMode) -> None:
        """Record this call so from now on."""
        ...


class CallHandle(Protocol):
    """A live call. Every verb raises `CallGone` when the call ends meanwhile."""

    @property
    def id(self) -> str: ...

    @property
    def record(self) -> CallRecord:
        """Everything known of the call so far."""
        ...

    @property
    def recording(self) -> RecordingHandle:
        """Its recording."""
        ...

    async def answer(self) -> None:
        """Answer the caller; does nothing when he already is."""
        ...

    async def say(self, *prompts: str) -> None:
        """Play prompts one after another to their end (`hello` or `sound:hello`; other ARI media URIs as they are).

        A prompt that can't be played is skipped and noted; keys pressed meanwhile are kept for the next `read`.
        """
        ...

    async def read(
        self, *prompts: str, digits: int = 1, seconds: float = 5.0, between: float = 2.0, terminator: str = "#"
    ) -> str:
        """Play prompts and read keys. The first key stops the prompt (barge-in).

        Ends when `digits` keys are there, on the terminator (not part of the result), `seconds` after the last prompt
        without any key (result ""), or `between` seconds after the last key.
        """
        ...

    async def ring(
        self,
        targets: Sequence[Target],
        *,
        seconds: float,
        strategy: Strategy = Strategy.ALL,
        on_hold: Callable[[], Awaitable[None]] | None = None,
        sent_on: bool = True,
    ) -> RingResult:
        """Ring parties and connect the first who answers; the others stop ringing at once.

        `seconds` is the ring time of each (IN_TURN) or of all together (ALL). When somebody answered, the call is
        already bridged (and recorded if so configured) on return; use `talk` to wait for the end of the conversation.
        With `on_hold` (then strategy ALL) the caller goes on hearing what he hears, instead of ringing; it is called
        when somebody has answered, before the two are connected. Without `sent_on` (strategy ALL, too) a phone that
        sends the call on to another number has not answered.
        """
        ...

    async def hold(self, line: str, music: str = "") -> None:
        """Let the caller hear music (of this class) in a bridge he shares with others who wait in a line.

        Answers first. Prompts played to him interrupt his music and nobody else's.
        """
        ...

    async def unhold(self, line: str) -> None:
        """End it. Connecting him to somebody ends it, too."""
        ...

    def key(self) -> str:
        """The next key he pressed and nobody has read, "" when there is none."""
        ...

    @property
    def has_key(self) -> bool:
        """Whether there is one."""
        ...

    def wake(self) -> None:
        """Look again at what `until` waits for."""
        ...

    async def until(self, ready: Callable[[], T | None], seconds: float | None = None) -> T | None:
        """Wait until `ready` gives something true, and return it; None when the time is up.

        It is asked after every event of the call and after `wake`.
        """
        ...

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do something beside the call; failures are logged with the call's id."""
        ...

    async def take_message(self, *, seconds: float, silence: float, least: float, terminator: str = "#") -> float:
        """Record what the caller says after a beep; the length of what is kept, in seconds (0: nothing).

        Ends after `seconds`, after `silence` seconds without a word, or on the terminator. What is shorter than
        `least` seconds is thrown away. The message is delivered when the call is over, also if the caller hangs up.
        """
        ...

    async def talk(self) -> None:
        """Wait until the conversation is over. When the other side hangs up first, the caller is hung up too."""
        ...

    async def hand_over(self, context: str = "", exten: str = "", priority: int = 1) -> None:
        """Give the call back to the dialplan; without a context, to the next priority."""
        ...

    async def hang_up(self, cause: int = 16) -> None:
        """End the call with a Q.850 cause (17 busy, 19 no answer, 21 rejected, 34 congestion ...)."""
        ...

    def visit(self, element: str, kind: str, why: str = "", *, since: datetime | None = None) -> None:
        """Note in the call's story that it came to an element, and why; `since` when, if it was before a restart."""
        ...

    def identify(self, fact: Identified) -> None:
        """Note whose number this is."""
        ...

    def note(self, fact: Fact) -> None:
        """Add a fact of our own to the call's story."""
        ...
