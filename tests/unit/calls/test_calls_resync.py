"""After a gap in the events, or a restart: what was missed is found out, and the calls that are there go on."""

from datetime import UTC, datetime, timedelta

import pytest
from calls_asterisk import APP, BEGIN
from calls_fakes import CUSTOMER, Exchange

from stasis_app.ari import events as e
from stasis_app.ari.world import World
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Exchange:
    pbx = Exchange()
    pbx.flow = ring_anna
    return pbx


async def ring_anna(call: Call) -> None:
    result = await call.ring([Target.extension("101")], seconds=60)
    if result.answered_by:
        await call.talk()


def in_stasis(channel: str, args: str, state: str = "Up", app: str = APP, name: str = "PJSIP/trunk-1") -> e.Channel:
    return e.Channel(
        id=channel,
        name=name,
        state=state,
        caller=e.CallerId(number=CUSTOMER),
        dialplan=e.Dialplan(app_name="Stasis", app_data=f"{app},{args}"),
        creationtime=datetime(2026, 3, 10, 10, 59, tzinfo=UTC),
    )


async def test_the_caller_hung_up_during_the_gap(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.lose_events()
    await pbx.hangs_up("1.0")
    assert pbx.phones_ringing_or_up() == {"101"}

    await pbx.link_is_back()

    assert not pbx.channels
    assert not pbx.bridges
    assert len(pbx.told(f.Ended)) == 1
    assert pbx.tracker.live() == []


async def test_the_employee_hung_up_during_the_gap(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.lose_events()
    await pbx.hangs_up(pbx.leg("101"))

    await pbx.link_is_back()

    assert not pbx.channels
    assert pbx.tracker.live() == []


async def test_when_each_of_them_hung_up_was_noted_by_the_dialplan(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.lose_events()
    annas, left, hung_up = pbx.leg("101"), BEGIN + timedelta(minutes=2), BEGIN + timedelta(minutes=3)
    for channel in (annas, "1.0"):
        await pbx.hangs_up(channel)

    await pbx.link_is_back(ended={"1.0": hung_up, annas: left})

    (ended,) = pbx.told(f.Ended)
    assert ended.at == hung_up
    assert [(talk.party.number, talk.ended_at) for talk in pbx.the_record.talks] == [("101", left)]


async def test_a_clock_that_was_wrong_does_not_end_a_call_in_the_future(pbx: Exchange) -> None:
    await pbx.customer_calls()
    pbx.lose_events()
    await pbx.hangs_up("1.0")

    await pbx.link_is_back(ended={"1.0": datetime.now(UTC) + timedelta(days=1)})

    assert pbx.told(f.Ended)[0].at <= datetime.now(UTC)


async def test_the_phone_was_answered_during_the_gap(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.rings("101")
    pbx.lose_events()
    await pbx.answers("101")

    await pbx.link_is_back()

    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]


async def test_the_phone_began_to_ring_during_the_gap(pbx: Exchange) -> None:
    await pbx.customer_calls()
    pbx.lose_events()
    await pbx.rings("101")

    await pbx.link_is_back()

    assert [ring.party.number for ring in pbx.the_record.ringing_now] == ["101"]


async def test_both_were_connected_and_the_events_of_it_lost(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.rings("101")
    pbx.hold("add_to_bridge")
    await pbx.answers("101")
    pbx.lose_events()
    await pbx.let("add_to_bridge")
    assert not pbx.the_record.answered

    await pbx.link_is_back()

    assert pbx.the_record.answered


async def test_the_employee_was_taken_out_of_the_bridge_during_the_gap(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.lose_events()
    pbx.bridges["1.0-bridge"].remove(pbx.leg("101"))

    await pbx.link_is_back()

    assert [fact.party.number for fact in pbx.told(f.Left)][:1] == ["101"]
    assert not pbx.channels  # nobody talks any more, so the call is over
    assert not pbx.bridges


async def test_a_call_in_which_nothing_happened_meanwhile_notices_nothing(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    told = list(pbx.facts)

    pbx.lose_events()
    await pbx.link_is_back()
    await pbx.link_is_back()

    assert pbx.facts == told


async def test_a_call_that_came_during_the_gap_is_taken_in(pbx: Exchange) -> None:
    pbx.lose_events()
    await pbx.arrives("inbound", "main", "74951230000")
    assert pbx.tracker.live() == []

    await pbx.link_is_back()

    assert (pbx.the_record.element, pbx.the_record.line) == ("main", "74951230000")
    assert pbx.phones_ringing_or_up() == {"trunk", "101"}


async def test_a_call_found_talking_is_left_alone_and_followed_to_its_end(pbx: Exchange) -> None:
    leg = "1.0-abc"
    pbx.channels["1.0"] = in_stasis("1.0", "inbound,main,74951230000")
    pbx.channels[leg] = in_stasis(leg, "leg,1.0,employee,101", name="PJSIP/101-1")
    pbx.bridges["1.0-bridge"] = ["1.0", leg]

    await pbx.link_is_back()
    assert pbx.asked == []
    assert [talk.party.number for talk in pbx.the_record.talking_now] == ["101"]
    assert pbx.tracker.engaged("101")

    await pbx.hangs_up(leg)
    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.the_record.ended_by is EndedBy.EMPLOYEE
    assert pbx.tracker.live() == []


async def test_the_customer_ends_a_call_found_talking(pbx: Exchange) -> None:
    leg = "1.0-abc"
    pbx.channels["1.0"] = in_stasis("1.0", "inbound,main,74951230000")
    pbx.channels[leg] = in_stasis(leg, "leg,1.0,employee,101", name="PJSIP/101-1")
    pbx.bridges["1.0-bridge"] = ["1.0", leg]
    await pbx.link_is_back()

    pbx.tell(e.ChannelHangupRequest, channel=pbx.channels["1.0"])
    pbx.tell(e.StasisEnd, channel=pbx.channels.pop("1.0"))
    await pbx.settled()

    assert not pbx.bridges
    assert pbx.requests("hang_up") == [("hang_up", leg, "16")]
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER


async def test_a_caller_found_waiting_begins_again(pbx: Exchange) -> None:
    pbx.channels["1.0"] = in_stasis("1.0", "inbound,main,74951230000")

    await pbx.link_is_back()
    await pbx.rings("101")
    await pbx.answers("101")

    assert pbx.the_record.answered
    assert pbx.the_record.started_at == datetime(2026, 3, 10, 10, 59, tzinfo=UTC)


async def test_a_leg_found_without_its_caller_is_hung_up(pbx: Exchange) -> None:
    pbx.channels["0.9-abc"] = in_stasis("0.9-abc", "leg,0.9,employee,101")

    await pbx.link_is_back()

    assert not pbx.channels
    assert pbx.tracker.live() == []


async def test_channels_of_others_are_none_of_our_business(pbx: Exchange) -> None:
    pbx.channels["8.8"] = in_stasis("8.8", "inbound,main", app="another-app")
    pbx.channels["8.9"] = e.Channel(id="8.9", state="Up", dialplan=e.Dialplan(app_name="Dial", app_data="PJSIP/101"))
    pbx.channels["8.7"] = in_stasis("8.7", "something,else")

    await pbx.link_is_back()

    assert set(pbx.channels) == {"8.7", "8.8", "8.9"}
    assert pbx.asked == []
    assert pbx.tracker.live() == []


async def test_events_held_back_during_the_resync_do_no_harm(pbx: Exchange) -> None:
    """They follow the picture of the world, which may already show what they tell."""
    await pbx.customer_calls()
    await pbx.rings("101")
    pbx.lose_events()
    await pbx.answers("101")
    ringing = pbx.channels[pbx.leg("101")].model_copy(update={"state": "Ringing"})
    await pbx.link_is_back()

    pbx.tell(e.ChannelStateChange, channel=ringing)
    pbx.tell(e.StasisStart, channel=pbx.channels[pbx.leg("101")], args=("leg",))
    await pbx.settled()

    assert len(pbx.told(f.Answered)) == 2  # the employee, and the caller by us
    assert len(pbx.the_record.talks) == 1


async def test_everything_is_gone_after_asterisk_was_restarted(pbx: Exchange) -> None:
    await pbx.customer_calls("1.0")
    await pbx.answers("101")
    await pbx.customer_calls("2.0")

    pbx.channels.clear()
    pbx.bridges.clear()
    pbx.tracker.on_world(World((), ()))
    await pbx.settled()

    assert len(pbx.told(f.Ended)) == 2
    assert pbx.tracker.live() == []
    assert not pbx.tracker.engaged("101")
