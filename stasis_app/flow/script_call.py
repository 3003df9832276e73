"""A live call as a script sees it: the verbs, and what the CRM knows of the caller."""

from __future__ import annotations

from loguru import logger

from stasis_app.calls.record import CallRecord
from stasis_app.calls.verbs import CallHandle, RingResult, Strategy, Target
from stasis_app.crm import Availability, Client, Number, Responsible
from stasis_app.flow.step import Step


class ScriptCall:
    """What a script function gets. Every verb raises `CallGone` when the caller hangs up: let it pass."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._call: CallHandle = step.call
        self._given_away = False
        self.log = logger.bind(call=step.call.id)
        """A loguru logger whose lines carry the call's id."""

    @property
    def id(self) -> str:
        """The call's id, the same as in logs and in the API."""
        return self._call.id

    @property
    def record(self) -> CallRecord:
        """Everything known of the call so far."""
        return self._call.record

    @property
    def number(self) -> Number:
        """The caller's number (`number.e164`, `number.is_withheld`)."""
        return self._step.number

    @property
    def line(self) -> str:
        """The line (DID) the call came in on."""
        return self._call.record.line

    @property
    def is_over(self) -> bool:
        """Whether the script has ended the call, given it away, or seen a conversation to its end."""
        return self._given_away or self._call.record.ended_at is not None

    async def answer(self) -> None:
        """Answer the caller; does nothing when he already is."""
        await self._call.answer()

    async def say(self, *prompts: str) -> None:
        """Play prompts to their end. Answers the call."""
        await self._call.answer()
        await self._call.say(*prompts)

    async def read(
        self, *prompts: str, digits: int = 1, seconds: float = 5.0, between: float = 2.0, terminator: str = "#"
    ) -> str:
        """Play prompts and read keys, "" when none came in time. Answers the call. The first key stops the prompts."""
        await self._call.answer()
        return await self._step.read(*prompts, digits=digits, seconds=seconds, between=between, terminator=terminator)

    async def connect(self, *numbers: str, seconds: float = 25.0, in_turn: bool = False) -> bool:
        """Ring extensions or outside numbers; when somebody answers, stay until they have talked.

        One extension is rung wherever it forwards its calls to, but for numbers of the plan: where the call goes on is
        the script's to say. Of several, as in the element `ring`, phones that are
        off, busy or not to be disturbed are left out, and who always forwards his calls is rung where he is.
        True when they talked (the call is over then), False when nobody answered within `seconds` (of each, when
        `in_turn`).
        """
        return (await self.ring(*numbers, seconds=seconds, in_turn=in_turn)).answered_by is not None

    async def ring(self, *numbers: str, seconds: float = 25.0, in_turn: bool = False) -> RingResult:
        """The same as `connect`, telling who answered or why each did not."""
        targets: list[Target] = [self._step.target(number) for number in numbers]
        strategy = Strategy.IN_TURN if in_turn else Strategy.ALL
        if len(targets) == 1:
            result = await self._step.reach(targets[0], seconds=seconds, leads=False)
        else:
            result = await self._step.connect_free(targets, seconds=seconds, strategy=strategy)
        self._given_away = self._given_away or result.answered_by is not None
        return result

    async def hand_over(self, context: str = "", exten: str = "", priority: int = 1) -> None:
        """Give the call back to the dialplan; without a context, to the step after Stasis()."""
        self._given_away = True
        await self._call.hand_over(context, exten, priority)

    async def hang_up(self, cause: int = 16) -> None:
        """End the call with a Q.850 cause."""
        self._given_away = True
        await self._call.hang_up(cause)

    async def take_message(self, *, seconds: float = 120.0, silence: float = 4.0, least: float = 2.0) -> float:
        """Record what the caller says after a beep; the seconds that are kept. Answers the call.

        It becomes the call's recording in the CRM, with something to do for the responsible.
        """
        return await self._call.take_message(seconds=seconds, silence=silence, least=least)

    def start_recording(self) -> None:
        """Record this call from its first conversation on, whatever the configuration says."""
        self._call.recording.start()

    def stop_recording(self) -> None:
        """Do not record this call any further."""
        self._call.recording.stop()

    async def client(self) -> Client | None:
        """The caller's client in the CRM, within the lookup budget; None when there is none or nobody could say."""
        found = await self._step.context.phonebook.lookup(self.number)
        self._step.identify(found.client)
        return found.client

    async def responsible(self, *, respect_working_day: bool = False) -> Responsible:
        """The employee who answers for the caller. `.ringable` tells whether ringing his `.extension` makes sense."""
        return await self._step.responsible(respect_working_day=respect_working_day)

    async def phone(self, extension: str) -> Availability:
        """The state of an employee's phone (`.available`, `.state`) and where its calls go (`.forward`)."""
        return await self._step.phone(extension)

    def note(self, what: str) -> None:
        """Leave a note in the call's story."""
        self._call.visit(self._step.name, "note", what)
