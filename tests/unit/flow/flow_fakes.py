"""A call that is played from a script, and a small company around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stasis_app.ari import SteppedBack
from stasis_app.calls.facts import (
    Direction,
    Ended,
    EndedBy,
    Fact,
    Identified,
    Party,
    PartyKind,
    RecordingMode,
    Started,
    Unanswered,
    Visited,
)
from stasis_app.calls.record import after, begin
from stasis_app.calls.verbs import CallGone, RingResult, Strategy, Target
from stasis_app.crm import (
    Client,
    Directory,
    Employee,
    Extension,
    Extensions,
    MemoryClientStore,
    MemoryEmployeeStore,
    Numbers,
    Phonebook,
    Phones,
    ResponsibleFinder,
)
from stasis_app.flow import Codes, FlowContext, Plan, add_extension_codes, load_plan
from stasis_app.flow.step import Step
from stasis_app.settings import CodeSettings

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NUMBERS = Numbers("RU")
IVANOV = Client("CONTACT", 651, "Ivanov", user_id=11)


class FakeRecording:
    """Remembers what was chosen."""

    def __init__(self) -> None:
        self.chosen: list[RecordingMode | str] = []

    def choose(self, mode: RecordingMode) -> None:
        self.chosen.append(mode)

    def start(self) -> None:
        self.chosen.append("start")

    def stop(self) -> None:
        self.chosen.append("stop")

    async def pause(self) -> None:
        self.chosen.append("pause")

    async def resume(self) -> None:
        self.chosen.append("resume")


class FakeCall:
    """Records the verbs used on it. `keys` answers `read` one by one (afterwards ""), `answers` names who takes a call.

    A key of `GONE` and a target in `gives_up` mean that the caller hangs up there.
    """

    GONE = "gone"

    def __init__(
        self,
        number: str = "+79161234567",
        *,
        line: str = "",
        keys: Iterable[str] = (),
        answers: Iterable[str] = (),
        tried: Mapping[str, Unanswered] | None = None,
        direction: Direction = Direction.INBOUND,
        dialled: str = "",
    ) -> None:
        kind = PartyKind.CUSTOMER if direction is Direction.INBOUND else PartyKind.EMPLOYEE
        self.id = "call-1"
        self.record = begin(
            Started(
                call_id=self.id, at=NOW, direction=direction, caller=Party(kind, number), line=line, dialled=dialled
            )
        )
        self.done: list[tuple[Any, ...]] = []
        self.broken_verbs: set[str] = set()
        self.taken_over = False  # another instance leads it now: nothing that is asked here is done
        self.recording = FakeRecording()
        self.says: float | str = 0.0  # the message he leaves
        self._keys = list(keys)
        self._answers = set(answers)
        self._tried = dict(tried or {})

    @property
    def visited(self) -> list[str]:
        """The elements the call came to."""
        return [v.element for v in self.record.visited]

    @property
    def why(self) -> list[str]:
        """Why it came to each."""
        return [v.why for v in self.record.visited]

    @property
    def rung(self) -> list[tuple[str, ...]]:
        """The numbers rung, attempt by attempt."""
        return [verb[1] for verb in self.done if verb[0] == "ring"]

    @property
    def last(self) -> tuple[Any, ...]:
        """The last verb."""
        return self.done[-1]

    async def answer(self) -> None:
        if ("answer",) not in self.done:
            self._do("answer")

    async def say(self, *prompts: str) -> None:
        self._do("say", *prompts)

    async def read(
        self, *prompts: str, digits: int = 1, seconds: float = 5.0, between: float = 2.0, terminator: str = "#"
    ) -> str:
        self._do("read", *prompts)
        key = self._keys.pop(0) if self._keys else ""
        if key == self.GONE:
            self._leave()
        return key

    async def ring(self, targets: Sequence[Target], *, seconds: float, strategy: Strategy = Strategy.ALL) -> RingResult:
        self._do("ring", tuple(t.party.number for t in targets), seconds, strategy)
        if self.GONE in self._answers:
            self._leave()
        taken = next((t.party for t in targets if t.party.number in self._answers), None)
        missed = [t.party for t in targets if t.party != taken]
        otherwise = Unanswered.ANSWERED_ELSEWHERE if taken else Unanswered.NO_ANSWER
        return RingResult(taken, tuple((p, self._tried.get(p.number, otherwise)) for p in missed))

    async def take_message(self, *, seconds: float, silence: float, least: float, terminator: str = "#") -> float:
        self._do("take_message", seconds, silence, least)
        if self.says == self.GONE:
            self._leave()
        return float(self.says)

    async def talk(self) -> None:
        self._do("talk")
        self.record = after(self.record, Ended(call_id=self.id, at=NOW, by=EndedBy.CUSTOMER))

    async def hand_over(self, context: str = "", exten: str = "", priority: int = 1) -> None:
        self._do("hand_over", context, exten, priority)

    async def hang_up(self, cause: int = 16) -> None:
        self._do("hang_up", cause)
        self.record = after(self.record, Ended(call_id=self.id, at=NOW, by=EndedBy.SERVICE))

    def visit(self, element: str, kind: str, why: str = "", *, since: datetime | None = None) -> None:
        self.record = after(self.record, Visited(call_id=self.id, at=NOW, element=element, kind=kind, why=why))

    def identify(self, fact: Identified) -> None:
        self.done.append(("identify", fact.name))
        self.record = after(self.record, fact)

    def note(self, fact: Fact) -> None:
        self.done.append(("note", type(fact).__name__))
        self.record = after(self.record, fact)

    def _do(self, verb: str, *details: Any) -> None:
        if self.taken_over:
            raise SteppedBack("POST", "another instance has taken over")
        if verb in self.broken_verbs:
            raise RuntimeError(f"{verb} does not work")
        if self.record.ended_at is not None:
            raise CallGone(self.id)
        self.done.append((verb, *details))

    def _leave(self) -> None:
        self.record = after(self.record, Ended(call_id=self.id, at=NOW, by=EndedBy.CUSTOMER))
        raise CallGone(self.id)


class FakeAsterisk:
    """Phones that are online and idle, except those said otherwise: offline, busy or dnd."""

    def __init__(self) -> None:
        self.phones: dict[str, str] = {}

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        state = self.phones.get(resource, "online")
        return {"state": "offline" if state == "offline" else "online", "channel_ids": ["x"] if state == "busy" else []}

    async def device_state(self, name: str, /) -> str:
        return "INUSE" if self.phones.get(name.removeprefix("Custom:DND")) == "dnd" else "NOT_INUSE"


class Company:
    """Three employees (101 Anna, 102 Boris, 103 Vera), Anna answers for Ivanov; phones as the test says."""

    def __init__(self, **phones: str) -> None:
        staff = [Employee(11, "Anna", "101"), Employee(12, "Boris", "102"), Employee(13, "Vera", "103")]
        self.asterisk = FakeAsterisk()
        self.asterisk.phones = {extension.removeprefix("x"): state for extension, state in phones.items()}
        self.directory = Directory(None, MemoryEmployeeStore(), overrides=staff)
        self.phonebook = Phonebook(None, MemoryClientStore())
        phones_state = Phones(self.asterisk)
        self.context = FlowContext(
            numbers=NUMBERS,
            phonebook=self.phonebook,
            directory=self.directory,
            phones=phones_state,
            responsibles=ResponsibleFinder(self.phonebook, self.directory, phones_state),
        )

    def knows(self, client: Client = IVANOV, number: str = "+79161234567") -> Company:
        """Put a client into the phonebook."""
        self.phonebook.remember(NUMBERS.read(number), client)
        return self

    def limited(self, **limits: Any) -> FlowContext:
        """The context with other limits or scripts."""
        return replace(self.context, **limits)


class Disk:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def get(self, name: str) -> Any:
        return self.kept.get(name)

    async def set(self, name: str, value: Any) -> bool:
        self.kept[name] = value
        return True


class Office(Company):
    """A company whose employees have set something for their extensions."""

    def __init__(self, **phones: str) -> None:
        super().__init__(**phones)
        self.disk = Disk()
        self.extensions = Extensions(self.disk)
        self.codes = Codes()
        add_extension_codes(self.codes, CodeSettings(), self.extensions)
        self.has(Phones(self.asterisk, settings=self.extensions))

    def has(self, phones: Phones) -> None:
        """These phones are asked from now on."""
        responsibles = ResponsibleFinder(self.phonebook, self.directory, phones)
        self.context = self.limited(phones=phones, responsibles=responsibles, codes=self.codes)

    async def calls(self, extension: str, *, answers: tuple[str, ...] = (), **tried: Unanswered) -> FakeCall:
        """A call to an extension, as it was led."""
        call = FakeCall(answers=answers, tried={key.removeprefix("x"): why for key, why in tried.items()})
        step = Step(call, self.context)
        self.result = await step.reach(step.target(extension), seconds=20)
        return call


class FreePbxKeeps:
    """What FreePBX keeps."""

    def __init__(self, **kept: Extension) -> None:
        self.kept = {extension.removeprefix("x"): settings for extension, settings in kept.items()}

    async def of(self, extension: str) -> Extension:
        return self.kept.get(extension, Extension())


def on_freepbx(office: Office, *, call_waiting: bool = False, **kept: Extension) -> Office:
    office.has(
        Phones(
            office.asterisk, settings=office.extensions, kept_elsewhere=FreePbxKeeps(**kept), call_waiting=call_waiting
        )
    )
    return office


def plan_of(folder: Path, text: str, **checks: Any) -> Plan:
    """A plan with this text; without a table [plan] it begins at main, and `bye` is always there."""
    if "[plan]" not in text:
        text = f'[plan]\ndefault = "main"\n{text}'
    if "[elements.bye]" not in text:
        text += '\n[elements.bye]\ntype = "hangup"\n'
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path, NUMBERS, **checks)
