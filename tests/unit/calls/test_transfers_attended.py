"""Asking a colleague first: who hears what, who is with the customer, whoever leaves when."""

from collections.abc import Awaitable, Callable

import pytest
from transfers_office import ANNA, BORIS, VERA, Office

from stasis_app.calls import facts as f
from stasis_app.calls.facts import EndedBy, TransferResult
from stasis_app.calls.moves import conference, holding
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Office:
    return Office()


async def test_the_customer_hears_music_while_anna_asks(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    assert ("start_music", "1.0") in pbx.asked
    assert ("ring", pbx.leg(ANNA)) in pbx.asked
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    assert pbx.the_record.talking_now == ()


LEAVING = [
    ("she hangs up", lambda pbx: pbx.hangs_up(pbx.leg(ANNA))),
    ("she orders it", lambda pbx: pbx.orders(Happening.COMPLETE)),
]


@pytest.mark.parametrize("leaves", [way for _, way in LEAVING], ids=[name for name, _ in LEAVING])
async def test_completed_once_they_talked(pbx: Office, leaves: Callable[[Office], Awaitable[None]]) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.passes(5)
    await leaves(pbx)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.leg(ANNA) not in pbx.channels
    await pbx.passes(20)
    await pbx.hangs_up("1.0")
    assert pbx.results() == [TransferResult.COMPLETED]
    assert [who for who, _ in pbx.talked()] == [ANNA, BORIS]
    assert pbx.bridges == {}
    assert pbx.channels == {}


@pytest.mark.parametrize("leaves", [way for _, way in LEAVING], ids=[name for name, _ in LEAVING])
async def test_completed_before_the_answer(pbx: Office, leaves: Callable[[Office], Awaitable[None]]) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await leaves(pbx)
    assert not pbx.told(f.Ended)
    await pbx.answers(BORIS)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_left_early_and_nobody_answers_it_comes_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.declines(BORIS)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


@pytest.mark.parametrize("answered", [False, True])
async def test_cancelled(pbx: Office, answered: bool) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    if answered:
        await pbx.answers(BORIS)
    await pbx.orders(Happening.CANCEL)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.leg(BORIS) not in pbx.channels
    assert pbx.results() == [TransferResult.CANCELLED]
    await pbx.hangs_up(pbx.leg(ANNA))
    assert pbx.channels == {}


async def test_refused_it_is_annas_again(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.declines(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("stop_music", "1.0") in pbx.asked
    assert pbx.results() == [TransferResult.UNANSWERED]


async def test_a_conference(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.orders(Happening.CONFERENCE)
    await pbx.passes(10)
    assert pbx.together() == [{"customer", ANNA, BORIS}]
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(5)
    await pbx.hangs_up("1.0")

    assert pbx.results() == [TransferResult.CONFERENCE]
    assert [who for who, _ in pbx.talked()] == [ANNA, ANNA, BORIS]
    assert pbx.channels == {}


async def test_from_one_to_the_other_and_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.orders(Happening.SWAP)
    await pbx.passes(2)
    assert sorted(map(sorted, pbx.together())) == [[ANNA, "customer"], [BORIS]]
    await pbx.orders(Happening.SWAP)
    await pbx.passes(2)

    assert sorted(map(sorted, pbx.together())) == [[ANNA, BORIS], ["customer"]]


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_customer_leaves_and_the_two_talk_on(pbx: Office, swapped: bool) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    if swapped:
        await pbx.orders(Happening.SWAP)
    anna, boris = pbx.leg(ANNA), pbx.leg(BORIS)
    await pbx.hangs_up("1.0")
    await pbx.passes(20)

    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert [sorted(members) for members in pbx.bridges.values() if members] == [sorted([anna, boris])]
    await pbx.hangs_up(anna)
    await pbx.passes(1)
    assert pbx.channels == {}
    assert pbx.bridges == {}
    assert pbx.tracker.live() == []


async def test_the_customer_leaves_while_boris_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up("1.0")
    await pbx.passes(1)

    assert pbx.channels == {}
    assert pbx.tracker.live() == []


async def test_whom_anna_held_by_order_hears_music_and_she_and_boris_hear_each_other(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await holding.hold(pbx.call, ANNA)
    await pbx.settled()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.passes(2)
    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    assert (pbx.music, pbx.silenced) == ({"1.0"}, set())

    await pbx.orders(Happening.CANCEL)
    await pbx.passes(2)
    assert pbx.together() == [{"customer", ANNA}]
    assert (pbx.music, pbx.silenced) == (set(), set())


async def test_asked_out_of_a_conference_the_others_talk_on_without_music(pbx: Office) -> None:
    await pbx.talks_with_anna()
    conference.invite(pbx.call, Target.extension(BORIS))
    await pbx.settled()
    await pbx.answers(BORIS)
    await pbx.anna_asks(VERA)
    await pbx.answers(VERA)
    await pbx.passes(2)
    assert sorted(map(sorted, pbx.together())) == [[ANNA, VERA], [BORIS, "customer"]]
    assert pbx.music == set()

    await pbx.orders(Happening.SWAP)
    await pbx.orders(Happening.SWAP)
    assert pbx.music == set()
