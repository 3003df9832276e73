"""Asterisk does not do what a transfer is made of: nobody stays in silence, and what is told of it is true."""

from collections.abc import Awaitable, Callable

import pytest
from transfers_office import ANNA, BORIS, VERA, Office

from stasis_app.ari.errors import LinkDown, TimedOut
from stasis_app.calls.facts import TransferResult
from stasis_app.calls.moves import conference
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.verbs import Target

ALLOCATION_FAILED = 500


@pytest.fixture
async def pbx() -> Office:
    """Anna has asked Boris, and talks with him; the customer hears music."""
    pbx = Office()
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.passes(5)
    return pbx


def refuse_to_connect(pbx: Office, whom: str, *, times: int) -> None:
    for _ in range(times):
        pbx.refuse("add_to_bridge", ALLOCATION_FAILED, about=pbx.leg(whom))


@pytest.mark.parametrize("failure", [ALLOCATION_FAILED, TimedOut])
async def test_what_fails_once_is_done_a_moment_later(pbx: Office, failure: int | type[TimedOut]) -> None:
    pbx.refuse("add_to_bridge", failure, about=pbx.leg(BORIS))
    await pbx.hangs_up(pbx.leg(ANNA))
    assert pbx.results() == [None]
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_without_a_link_it_is_done_when_the_link_is_back(pbx: Office) -> None:
    pbx.refuse("add_to_bridge", LinkDown, about=pbx.leg(BORIS))
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(20)
    assert pbx.results() == [None]

    await pbx.link_is_back()
    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_completed_in_vain_the_customer_is_annas_again(pbx: Office) -> None:
    refuse_to_connect(pbx, BORIS, times=2)
    await pbx.orders(Happening.COMPLETE)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.leg(BORIS) not in pbx.channels
    assert pbx.music == set()
    assert pbx.results() == [TransferResult.CANCELLED]


async def left_in_vain(pbx: Office) -> None:
    refuse_to_connect(pbx, BORIS, times=2)
    await pbx.hangs_up(pbx.leg(ANNA))


async def boris_leaves_and_anna_is_not_connected(pbx: Office) -> None:
    refuse_to_connect(pbx, ANNA, times=2)
    await pbx.hangs_up(pbx.leg(BORIS))


async def completed_and_nobody_can_be_connected(pbx: Office) -> None:
    refuse_to_connect(pbx, BORIS, times=2)
    refuse_to_connect(pbx, ANNA, times=2)
    await pbx.orders(Happening.COMPLETE)


@pytest.mark.parametrize(
    "goes_wrong", [left_in_vain, boris_leaves_and_anna_is_not_connected, completed_and_nobody_can_be_connected]
)
async def test_when_anna_can_not_have_him_back_her_phone_rings_for_him(
    pbx: Office, goes_wrong: Callable[[Office], Awaitable[None]]
) -> None:
    before = pbx.leg(ANNA)
    await goes_wrong(pbx)
    await pbx.passes(5)
    assert pbx.phones_ringing_or_up() == {"trunk", ANNA}
    assert pbx.leg(ANNA) != before
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


async def test_boris_can_not_be_asked_and_the_customer_is_annas_again() -> None:
    pbx = Office()
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    refuse_to_connect(pbx, BORIS, times=2)
    await pbx.answers(BORIS)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.leg(BORIS) not in pbx.channels
    assert pbx.results() == [TransferResult.CANCELLED]


async def test_boris_hangs_up_in_the_moment_he_is_given_the_customer(pbx: Office) -> None:
    pbx.hold("add_to_bridge")
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.hangs_up(pbx.leg(BORIS))
    await pbx.let("add_to_bridge")
    await pbx.passes(3)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


async def test_the_customer_hangs_up_in_the_moment_he_is_given_away(pbx: Office) -> None:
    pbx.hold("add_to_bridge")
    await pbx.orders(Happening.COMPLETE)
    await pbx.hangs_up("1.0")
    await pbx.let("add_to_bridge")
    await pbx.passes(3)

    assert pbx.channels == {}
    assert pbx.results() == [TransferResult.ABANDONED]
    assert pbx.tracker.live() == []


async def test_who_asked_out_of_a_conference_and_can_not_come_back_leaves_the_others_talking() -> None:
    pbx = Office()
    await pbx.talks_with_anna()
    conference.invite(pbx.call, Target.extension(BORIS))
    await pbx.settled()
    await pbx.answers(BORIS)
    await pbx.anna_asks(VERA)
    await pbx.answers(VERA)
    refuse_to_connect(pbx, ANNA, times=2)
    await pbx.hangs_up(pbx.leg(VERA))
    await pbx.passes(3)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.phones_ringing_or_up() == {"trunk", BORIS}
    assert pbx.results() == [TransferResult.CANCELLED]
