"""Three and more in a call."""

import asyncio

import pytest
from calls_fakes import Exchange, restarted, rings_101

from stasis_app.ari.errors import LinkDown
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Direction, Party
from stasis_app.calls.moves import ImpossibleMove, conference, pickup
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target


class BackTo:
    """Calls nobody took go back to who had them."""

    async def find(self, to: str) -> Destination | None:
        return None

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        raise AssertionError("nobody gives this call away")

    async def bring_back(self, call: Call, by: Party) -> None:
        if (await call.ring([Target(by)], seconds=20)).answered_by:
            await call.talk()


@pytest.fixture
async def pbx() -> Exchange:
    """A customer talks with 101."""
    pbx = Exchange()
    pbx.tracker = Tracker(pbx, pbx.call_options, pbx._run, [pbx._told], "stasis-app", destinations=BackTo())
    await pbx.customer_talks()
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


# Who invited him does not wait


async def test_he_answers_and_who_invited_him_leaves_in_the_same_instant(pbx: Exchange) -> None:
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")

    answering = asyncio.create_task(pbx.answers("102"))
    await pbx.hangs_up(pbx.leg("101"))
    await answering

    assert pbx.bridges == {"1.0-bridge": ["1.0", leg]}
    assert pbx.the_record.ended_at is None


async def test_his_phone_rings_on_for_the_customer_who_was_left_alone(pbx: Exchange) -> None:
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")

    await pbx.hangs_up(pbx.leg("101"))
    assert pbx.requests("ring")[-1] == ("ring", "1.0")
    await pbx.passes(5)
    await pbx.answers("102")

    assert pbx.bridges == {"1.0-bridge": ["1.0", leg]}
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "102"]
    await pbx.hangs_up(leg)
    assert pbx.channels == {}


async def test_his_phone_rings_for_the_customer_who_was_left_alone_and_a_colleague_picks_it_up(pbx: Exchange) -> None:
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")
    await pbx.hangs_up(pbx.leg("101"))
    await pbx.passes(1)
    call = pbx.call

    async def takes(visitor: Call) -> None:
        await pickup.take(visitor, call)

    pbx.flow = takes
    await pbx.arrives("internal", "*8102", channel="9.0", name="PJSIP/103-0000000f", number="103")
    await pbx.passes(10)

    assert pbx.bridges == {"1.0-bridge": ["1.0", "9.0"]}
    assert leg not in pbx.channels
    assert ("hang_up", leg, "26") in pbx.asked


async def test_he_does_not_answer_and_the_customer_comes_back_to_who_invited_him(pbx: Exchange) -> None:
    conference.invite(pbx.call, Target.extension("102"), seconds=10)
    await pbx.settled()
    await pbx.rings("102")
    first = pbx.leg("101")

    await pbx.hangs_up(first)
    await pbx.declines("102")
    await pbx.rings("101")
    await pbx.answers("101")

    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}
    assert pbx.leg("101") != first


async def test_who_placed_the_call_leaves_it_to_the_newcomer(pbx: Exchange) -> None:
    pbx = Exchange()
    pbx.flow = dials_a_customer
    await pbx.arrives("outbound", "89161234567", channel="5.0", name="PJSIP/101-00000001", number="101")
    await pbx.answers("89161234567")
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.answers("102")

    await pbx.hangs_up("5.0")
    assert set(pbx.bridges["5.0-bridge"]) == {leg, pbx.leg("89161234567")}
    await pbx.hangs_up(pbx.leg("89161234567"))

    assert pbx.channels == {}
    assert pbx.the_record.direction is Direction.OUTBOUND


# The service is started again meanwhile


async def test_after_a_restart_he_answers_and_joins_them(pbx: Exchange) -> None:
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")

    after = await restarted(pbx)
    after.asked += pbx.asked
    await after.answers("102")

    assert set(after.bridges["1.0-bridge"]) == {"1.0", pbx.leg("101"), leg}


async def test_after_a_restart_a_phone_that_lost_the_race_to_answer_falls_silent() -> None:
    pbx = Exchange()
    pbx.flow = rings_both
    await pbx.customer_calls()
    await pbx.rings("101", "102")
    pbx.refuse("hang_up", LinkDown, about=pbx.leg("102"))
    await pbx.answers("101")

    after = await restarted(pbx)

    assert "102" not in after.phones_ringing_or_up()
    assert "101" in after.phones_ringing_or_up()


async def dials_a_customer(call: Call) -> None:
    if (await call.ring([Target.outside("89161234567")], seconds=20)).answered_by:
        await call.talk()


async def rings_both(call: Call) -> None:
    if (await call.ring([Target.extension("101"), Target.extension("102")], seconds=20)).answered_by:
        await call.talk()
