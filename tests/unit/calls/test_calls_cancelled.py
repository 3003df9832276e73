"""The caller gives up, at every point a call can be at: phones fall silent, nothing is left, the story is true."""

from collections.abc import Awaitable, Callable

import pytest
from calls_fakes import Exchange

from stasis_app.ari.errors import TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy, Unanswered
from stasis_app.calls.verbs import Strategy, Target

GROUP = [Target.extension(number) for number in ("101", "102")]
GAVE_UP = {"cause": 127, "tech_cause": 487}


@pytest.fixture
async def pbx() -> Exchange:
    pbx = Exchange()
    pbx.flow = menu_then_group
    return pbx


async def menu_then_group(call: Call) -> None:
    if await call.read("menu", digits=1, seconds=3) == "1":
        await call.say("please-wait")
    result = await call.ring(GROUP, seconds=20, strategy=Strategy.ALL)
    if result.answered_by:
        await call.talk()


async def in_the_menu(pbx: Exchange) -> None:
    await pbx.customer_calls()


async def choosing(pbx: Exchange) -> None:
    await in_the_menu(pbx)
    await pbx.prompt_ends()


async def hearing_an_announcement(pbx: Exchange) -> None:
    await in_the_menu(pbx)
    await pbx.presses("1")


async def dialling(pbx: Exchange) -> None:
    await choosing(pbx)
    await pbx.passes(3.1)


async def ringing(pbx: Exchange) -> None:
    await dialling(pbx)
    await pbx.rings("101", "102")


async def talking(pbx: Exchange) -> None:
    await ringing(pbx)
    await pbx.answers("102")


STATES = [in_the_menu, choosing, hearing_an_announcement, dialling, ringing, talking]


@pytest.mark.parametrize("state", STATES)
async def test_the_caller_gives_up(pbx: Exchange, state: Callable[[Exchange], Awaitable[None]]) -> None:
    await state(pbx)

    await pbx.hangs_up("1.0", **GAVE_UP)

    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.tracker.live() == []
    assert len(pbx.told(f.Ended)) == 1
    assert (pbx.the_record.ended_by, pbx.the_record.tech_cause) == (EndedBy.CUSTOMER, 487)
    talked = pbx.the_record.answered
    silent = Unanswered.ANSWERED_ELSEWHERE if talked else Unanswered.CANCELLED
    assert all(ring.why is silent for ring in pbx.the_record.rings if not ring.answered_at)


@pytest.mark.parametrize("request_under_way", ["answer", "play", "originate", "ring", "add_to_bridge", "hang_up"])
async def test_the_caller_gives_up_while_a_request_is_under_way(request_under_way: str) -> None:
    pbx = Exchange()
    pbx.flow = menu_then_group
    pbx.hold(request_under_way)
    await pbx.customer_calls()
    if pbx.playing:
        await pbx.prompt_ends()
        await pbx.passes(3.1)
    if "101" in pbx.phones_ringing_or_up():
        await pbx.rings("101", "102")
        await pbx.answers("102")
    assert request_under_way in pbx.count()

    await pbx.hangs_up("1.0", **GAVE_UP)
    await pbx.let(request_under_way)
    await pbx.passes(5)

    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.tracker.live() == []
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER


async def test_the_caller_gives_up_at_the_moment_of_the_answer(pbx: Exchange) -> None:
    """Answering him is a 404 and connecting a 400, some milliseconds before the events tell why."""
    await ringing(pbx)
    pbx.refuse("stop_ringing", 404)
    pbx.refuse("add_to_bridge", 404)

    await pbx.answers("102")
    await pbx.hangs_up("1.0", **GAVE_UP)

    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.tracker.live() == []
    assert not pbx.the_record.answered
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER


async def test_caller_and_employee_hang_up_in_the_same_instant(pbx: Exchange) -> None:
    await talking(pbx)

    pbx.hold("hang_up")
    await pbx.hangs_up(pbx.leg("102"))
    await pbx.hangs_up("1.0")
    await pbx.let("hang_up")

    assert not pbx.channels
    assert not pbx.bridges
    assert len(pbx.told(f.Ended)) == 1


async def test_a_leg_that_can_not_be_hung_up_does_not_keep_the_others_ringing(pbx: Exchange) -> None:
    await ringing(pbx)
    pbx.refuse("hang_up", TimedOut, about=pbx.leg("101"))

    await pbx.hangs_up("1.0", **GAVE_UP)

    assert pbx.phones_ringing_or_up() == {"101"}
    assert pbx.told(f.Ended)
    assert not pbx.bridges


async def test_keys_and_prompts_after_the_end_change_nothing(pbx: Exchange) -> None:
    await in_the_menu(pbx)
    gone = pbx.channels["1.0"]
    await pbx.hangs_up("1.0", **GAVE_UP)
    told = list(pbx.facts)

    pbx.channels["1.0"] = gone
    await pbx.presses("1", "2")
    await pbx.prompt_ends()

    assert pbx.facts == told
