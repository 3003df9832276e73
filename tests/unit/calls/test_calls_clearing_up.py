"""What is left of a call is cleared up, whatever fails while that is done."""

from calls_fakes import Exchange, rings_101

from stasis_app.ari.errors import TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call


async def test_a_recording_that_can_not_be_stopped_does_not_keep_the_call() -> None:
    pbx = Exchange(record=True)
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.recordings.clear()  # it ends, and nobody is told
    pbx.refuse("stop_recording", TimedOut)
    await pbx.hangs_up("1.0")
    await pbx.passes(20)

    assert pbx.requests("stop_recording")
    assert pbx.told(f.Recorded)
    assert not pbx.bridges
    assert pbx.tracker.live() == []


async def test_a_bridge_made_for_a_call_that_is_gone_after_the_restart_is_destroyed() -> None:
    before = Exchange()
    before.flow = rings_101
    await before.customer_calls()
    await before.rings("101")
    before.lose_events()
    await before.hangs_up("1.0")
    pbx = Exchange()
    pbx.channels, pbx.bridges = before.channels, before.bridges
    assert pbx.bridges
    pbx.tracker.restore(before.records.values())
    await pbx.link_is_back()
    await pbx.passes(20)
    assert not pbx.channels
    assert not pbx.bridges


async def test_a_caller_who_can_not_be_hung_up_is_tried_again() -> None:
    pbx = Exchange()

    async def brief(call: Call) -> None:
        return

    pbx.flow = brief
    pbx.refuse("hang_up", TimedOut)
    await pbx.customer_calls()
    await pbx.passes(60)
    assert not pbx.channels


async def test_a_lost_caller_in_the_gap_while_his_leg_is_talking_to_nobody() -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.rings("101")
    pbx.refuse("hang_up", TimedOut, about="1.0-")
    await pbx.hangs_up("1.0")
    await pbx.passes(60)
    assert not pbx.channels
    assert pbx.tracker.live() == []
