"""Who goes out when and with whom, at a portal in memory whose clock is turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from b24_clock import HandClock, settled

from b24client import B24Error, Command, CommandResult, LimitExceeded, Limits, Priority, Temporary, UnknownOutcome
from b24client.budget import Budget
from b24client.dispatch import AT_ONCE, Dispatcher
from b24client.ledger import Ledger
from b24client.unit import Commands, Results, Unit

SHOW, FINISH = "telephony.externalCall.show", "telephony.externalCall.finish"
WORK = 0.06


@dataclass
class Sent:
    """A request: when it went out, what it held."""

    at: float
    commands: list[Command]

    @property
    def methods(self) -> list[str]:
        return [command.method for command in self.commands]


@dataclass
class Desk:
    """A dispatcher, and a portal that takes 60 ms for each command, one after another."""

    limits: Limits = field(default_factory=Limits)
    clock: HandClock = field(default_factory=HandClock)
    sent: list[Sent] = field(default_factory=list)
    effects: dict[str, float] = field(default_factory=dict)
    trouble: B24Error | None = None

    def __post_init__(self) -> None:
        self.budget = Budget(self.limits, self.clock)
        self.ledger = Ledger(480.0, self.clock)
        for method in (SHOW, FINISH):
            for _ in range(50):
                self.ledger.note(method, {"duration": WORK})
        self.dispatcher = Dispatcher(self.budget, self.ledger, self._send, self.clock, self.clock.call_later)

    async def _send(self, commands: Sequence[Command], halt: bool, timeout: float) -> Results:
        self.sent.append(Sent(self.clock.now, list(commands)))
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        results = {}
        for command in commands:
            await self.clock.sleep(WORK)
            self.effects[str(command.params.get("CALL_ID", command.key))] = self.clock.now
            results[command.key] = CommandResult(command.params.get("CALL_ID"))
        return results

    def ask(
        self,
        method: str = SHOW,
        call: str = "",
        *,
        priority: Priority = Priority.CARD,
        commands: Commands | None = None,
        alone: bool = False,
    ) -> Unit:
        asked = commands or (lambda: [Command("0", method, {"CALL_ID": call})])
        unit = Unit(asked, (method,), priority, self.clock.now, 30.0, alone=alone)
        self.dispatcher.submit(unit)
        return unit

    def fill_the_bucket(self, priority: Priority = Priority.CARD) -> None:
        """Others have used up what there was for this class."""
        while self.budget.room_in(priority) <= 0:
            self.budget.take()

    def requests_with(self, method: str) -> list[Sent]:
        return [sent for sent in self.sent if method in sent.methods]


Opens = Callable[..., Desk]


@pytest.fixture
async def open_desk() -> AsyncIterator[Opens]:
    """Opens desks and closes them in the end."""
    desks: list[Desk] = []

    def open_one(limits: Limits | None = None) -> Desk:
        desks.append(Desk(limits or Limits()))
        return desks[-1]

    yield open_one
    for desk in desks:
        await desk.dispatcher.aclose()


@pytest.fixture
async def desk(open_desk: Opens) -> Desk:
    """A desk with the published limits."""
    return open_desk()


async def test_a_lone_operation_on_a_quiet_portal_goes_out_at_once_by_itself(desk: Desk) -> None:
    unit = desk.ask(call="1")
    await settled()
    assert [sent.methods for sent in desk.sent] == [[SHOW]]
    assert desk.sent[0].commands[0].key == "0"  # a request of its own needs no names
    await desk.clock.turn(0.1)
    assert unit.done.result()["0"].value == "1"


async def test_thirty_calls_in_one_moment_get_their_cards_in_a_moment(desk: Desk) -> None:
    for call in range(30):
        desk.ask(call=str(call))
    await desk.clock.turn(0.3)
    assert len(desk.effects) == 30
    assert len(desk.sent) < 30  # but they leave room for what comes next
    assert desk.budget.room(Priority.CARD) > 20


async def test_when_requests_are_scarce_everything_rides_together_and_the_oldest_stands_first(desk: Desk) -> None:
    desk.fill_the_bucket()
    for call in range(10):
        desk.ask(call=str(call))
        desk.ask(FINISH, f"end {call}", priority=Priority.FINISH)
        await desk.clock.turn(0.01)
    await desk.clock.turn(5)
    assert len(desk.sent) == 1
    told = [command.params["CALL_ID"] for command in desk.sent[0].commands]
    assert told == [str(call) for call in range(10)] + [f"end {call}" for call in range(10)]


async def test_ten_calls_a_second_live_on_two_requests_a_second(desk: Desk) -> None:
    asked: dict[str, float] = {}
    for step in range(300):
        for kind, priority in ((SHOW, Priority.CARD), (SHOW, Priority.CARD), (FINISH, Priority.FINISH)):
            call = f"{priority.name} {len(asked)}"
            asked[call] = desk.clock.now
            desk.ask(kind, call, priority=priority)
        await desk.clock.turn(0.1)
        assert len(desk.sent) <= 50 + 2 * (step + 1) / 10
    late = max(desk.effects[call] - at for call, at in asked.items() if call in desk.effects and "CARD" in call)
    assert late < 1.5
    assert len(asked) - len(desk.effects) < 40  # none is left behind but those of the last moment


async def test_an_answer_a_caller_waits_for_is_not_held_up_by_others_work(desk: Desk) -> None:
    desk.fill_the_bucket(Priority.LOOKUP)
    for call in range(20):
        desk.ask(call=str(call))
    lookup = desk.ask("telephony.externalCall.searchCrmEntities", "who", priority=Priority.LOOKUP)
    await desk.clock.turn(0.51 + WORK)
    assert lookup.done.done()
    assert [sent.methods for sent in desk.sent] == [["telephony.externalCall.searchCrmEntities"]]


async def test_lookups_without_end_do_not_keep_cards_waiting(desk: Desk) -> None:
    desk.fill_the_bucket(Priority.LOOKUP)
    card = desk.ask(call="card")
    for _ in range(20):
        desk.ask("profile", priority=Priority.LOOKUP)
        await desk.clock.turn(0.25)
    assert card.done.done()
    assert desk.effects["card"] < desk.clock.now - 2


async def test_a_backlog_is_carried_off_while_cards_go_out_as_if_there_were_none(desk: Desk) -> None:
    for call in range(1500):
        desk.ask(FINISH, f"old {call}", priority=Priority.FINISH)
    await desk.clock.turn(5)
    late = []
    for call in range(20):
        began, unit = desk.clock.now, desk.ask(call=str(call))
        await desk.clock.turn(0.9)
        late.append(desk.effects.get(str(call), desk.clock.now) - began)
        assert unit.done.done() or str(call) in desk.effects
    assert max(late) < 0.8
    assert len(desk.effects) == 1520


async def test_a_portal_that_has_just_come_back_is_not_flooded(desk: Desk) -> None:
    for call in range(1000):
        desk.ask(FINISH, str(call), priority=Priority.FINISH)
    await settled()
    assert len(desk.sent) == AT_ONCE
    assert all(len(sent.commands) == 50 for sent in desk.sent)


async def test_nobody_starves(open_desk: Opens) -> None:
    desk = open_desk(Limits(rate=1, burst=3))
    desk.fill_the_bucket()
    sync = desk.ask("user.get", priority=Priority.SYNC, alone=True)
    for _ in range(400):  # cards without end, more than the portal takes
        desk.ask()
        await desk.clock.turn(0.5)
    assert sync.done.done()


async def test_what_has_lost_its_point_is_not_sent(desk: Desk) -> None:
    desk.fill_the_bucket()
    ringing = {"1", "2"}

    def show() -> list[Command]:
        return [Command("0", SHOW, {"USER_ID": sorted(ringing)})] if ringing else []

    shown, dropped = desk.ask(commands=show), desk.ask(commands=list)
    ringing.discard("2")  # while it waits
    await desk.clock.turn(1.2)
    assert dropped.done.result() == {}
    assert desk.sent[0].commands[0].params == {"USER_ID": ["1"]}
    assert shown.done.done()
    ringing.clear()
    before = len(desk.sent)
    desk.ask(commands=show)
    await desk.clock.turn(5)
    assert len(desk.sent) == before  # no request is spent on nothing


async def test_commands_keep_their_references_when_they_travel_with_others(desk: Desk) -> None:
    desk.fill_the_bucket()
    pair = [
        Command("reg", "telephony.externalCall.register", {"PHONE_NUMBER": "$result is no reference"}),
        Command("show", SHOW, {"CALL_ID": "$result[reg][CALL_ID]", "USER_ID": [1, 2]}),
    ]
    first, second = desk.ask(commands=lambda: pair), desk.ask(commands=lambda: pair)
    await desk.clock.turn(2)
    keys = [(command.key, command.params.get("CALL_ID")) for command in desk.sent[0].commands]
    assert keys == [
        ("u0.reg", None), ("u0.show", "$result[u0.reg][CALL_ID]"),
        ("u1.reg", None), ("u1.show", "$result[u1.reg][CALL_ID]"),
    ]  # fmt: skip
    assert set(first.done.result()) == set(second.done.result()) == {"reg", "show"}


async def test_a_lost_answer_is_doubt_only_for_what_can_not_be_repeated(desk: Desk) -> None:
    desk.fill_the_bucket()
    card, end = desk.ask(), desk.ask(FINISH, priority=Priority.FINISH)
    desk.trouble = UnknownOutcome("batch", "", "the connection broke before an answer")
    await desk.clock.turn(2)
    with pytest.raises(Temporary, match=r"externalCall\.show"):
        card.done.result()
    with pytest.raises(UnknownOutcome, match=r"externalCall\.finish"):
        end.done.result()


async def test_a_full_bucket_is_waited_for(desk: Desk) -> None:
    desk.trouble = LimitExceeded(SHOW, "QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
    unit = desk.ask(call="1")
    await settled()
    desk.budget.refused(1.0)
    await desk.clock.turn(2)
    assert unit.done.result()["0"].value == "1"
    assert len(desk.sent) == 2


async def test_a_blocked_method_holds_up_nobody_else(desk: Desk) -> None:
    desk.ledger.refused(FINISH, 60.0)
    blocked, card = desk.ask(FINISH, priority=Priority.FINISH), desk.ask()
    await desk.clock.turn(59)
    assert card.done.done()
    assert not blocked.done.done()
    await desk.clock.turn(2)
    assert blocked.done.done()


async def test_who_gives_up_takes_no_room(desk: Desk) -> None:
    desk.fill_the_bucket()
    given_up, patient = desk.ask(call="given up"), desk.ask(call="patient")
    given_up.done.cancel()
    await desk.clock.turn(2)
    assert list(desk.effects) == ["patient"]
    assert desk.dispatcher.waiting == 0
    assert patient.done.done()


async def test_a_long_lasting_method_is_not_packed_beyond_what_a_portal_endures(desk: Desk) -> None:
    for _ in range(50):
        desk.ledger.note("crm.item.list", {"duration": 3.0})
    desk.fill_the_bucket()
    for _ in range(6):
        desk.ask("crm.item.list", priority=Priority.FINISH)
    await desk.clock.turn(30)
    assert [len(sent.commands) for sent in desk.sent] == [2, 2, 2]


async def test_what_waits_when_the_portal_is_closed_is_told_so(desk: Desk) -> None:
    under_way = desk.ask(FINISH, priority=Priority.FINISH)
    await settled()
    desk.fill_the_bucket()
    waiting = desk.ask()
    await desk.dispatcher.aclose()
    with pytest.raises(Temporary, match="not sent"):
        waiting.done.result()
    assert isinstance(under_way.done.exception(), asyncio.CancelledError | UnknownOutcome)
    late = desk.ask()
    with pytest.raises(Temporary, match="closed"):
        late.done.result()
