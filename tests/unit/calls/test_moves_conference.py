"""Three and more in a call."""

import pytest
from calls_fakes import Exchange

from stasis_app.calls.call import Call
from stasis_app.calls.moves import ImpossibleMove, conference
from stasis_app.calls.verbs import Target


async def rings_101(call: Call) -> None:
    if (await call.ring([Target.extension("101")], seconds=20)).answered_by:
        await call.talk()


@pytest.fixture
async def pbx() -> Exchange:
    """A customer talks with 101."""
    pbx = Exchange()
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.answers("101")
    return pbx


async def all_three(pbx: Exchange) -> str:
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")
    await pbx.answers("102")
    return leg


async def test_a_colleague_is_added_and_all_three_talk(pbx: Exchange) -> None:
    leg = await all_three(pbx)

    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101"), leg]}
    assert [(talk.party.number, talk.ended_at) for talk in pbx.the_record.talks] == [("101", None), ("102", None)]


async def test_an_outside_number_is_added(pbx: Exchange) -> None:
    conference.invite(pbx.call, Target.outside("84957654321"))
    await pbx.settled()
    await pbx.answers("84957654321")

    assert len(pbx.bridges["1.0-bridge"]) == 3


async def test_one_employee_leaves_and_the_others_go_on(pbx: Exchange) -> None:
    leg = await all_three(pbx)

    await pbx.hangs_up(pbx.leg("101"))

    assert pbx.bridges == {"1.0-bridge": ["1.0", leg]}
    assert pbx.the_record.ended_at is None


async def test_only_the_customer_is_left_and_the_call_is_over(pbx: Exchange) -> None:
    leg = await all_three(pbx)

    await pbx.hangs_up(pbx.leg("101"))
    await pbx.hangs_up(leg)

    assert pbx.channels == {}


async def test_the_customer_leaves_and_the_call_is_over_for_all(pbx: Exchange) -> None:
    await all_three(pbx)

    await pbx.hangs_up("1.0")

    assert pbx.channels == {}
    assert pbx.the_record.ended_by == "customer"


async def test_nobody_answers_and_the_two_talk_on(pbx: Exchange) -> None:
    conference.invite(pbx.call, Target.extension("102"), seconds=10)
    await pbx.settled()
    await pbx.rings("102")
    await pbx.passes(13)

    assert pbx.phones_ringing_or_up() == {"trunk", "101"}
    assert pbx.the_record.ended_at is None


async def test_the_call_ends_while_he_is_rung_and_his_phone_falls_silent(pbx: Exchange) -> None:
    conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")

    await pbx.hangs_up("1.0")

    assert pbx.channels == {}


@pytest.mark.parametrize("name", ["by number", "by leg"])
async def test_somebody_is_taken_out(pbx: Exchange, name: str) -> None:
    leg = await all_three(pbx)

    await conference.dismiss(pbx.call, "102" if name == "by number" else leg)
    await pbx.settled()

    assert pbx.phones_ringing_or_up() == {"trunk", "101"}


async def test_the_call_ends_with_the_customer_so_he_is_not_taken_out(pbx: Exchange) -> None:
    with pytest.raises(ImpossibleMove, match="hang up the call"):
        await conference.dismiss(pbx.call, "1.0")


async def test_who_is_in_it_is_not_added_twice(pbx: Exchange) -> None:
    with pytest.raises(ImpossibleMove, match="101 takes part in the call already"):
        conference.invite(pbx.call, Target.extension("101"))


async def test_nobody_is_added_to_a_call_that_rings() -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    await pbx.customer_calls()

    with pytest.raises(ImpossibleMove, match="nobody talks"):
        conference.invite(pbx.call, Target.extension("102"))
