"""The hard cases: something goes wrong, or happens, between two requests."""

import asyncio

import pytest
from calls_fakes import Exchange, rings_101

from stasis_app.ari import events as e
from stasis_app.ari.errors import Gone, ServerFailed, TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.lifecycle import Order
from stasis_app.calls.verbs import Strategy, Target


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


async def test_the_caller_gives_up_while_a_phone_that_is_not_registered_is_called(pbx: Exchange) -> None:
    pbx.flow = rings_101
    pbx.hold("originate")
    pbx.refuse("originate", ServerFailed)
    await pbx.customer_calls()

    await pbx.hangs_up("1.0")
    await pbx.let("originate")
    await pbx.passes(60)

    assert pbx.tracker.live() == []
    assert not pbx.tracker.engaged("101")


async def test_a_recording_whose_end_was_missed_ends_with_the_call() -> None:
    pbx = Exchange(record=True)
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.answers("101")
    pbx.recordings.clear()  # ended by itself, in a gap
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert pbx.told(f.Recorded)
    assert pbx.tracker.live() == []


async def test_a_phone_that_did_not_answer_is_free_while_the_call_goes_on(pbx: Exchange) -> None:
    async def in_turn(call: Call) -> None:
        targets = [Target.extension("101"), Target.extension("102")]
        if (await call.ring(targets, seconds=20, strategy=Strategy.IN_TURN)).answered_by:
            await call.talk()

    pbx.flow = in_turn
    await pbx.customer_calls()
    await pbx.declines("101")
    await pbx.answers("102")

    assert pbx.tracker.engaged("102")
    assert not pbx.tracker.engaged("101")


async def test_the_dialplans_phones_do_not_free_somebody_in_another_call(pbx: Exchange) -> None:
    pbx.flow = rings_101
    await pbx.customer_calls("2.0")
    await pbx.answers("101")

    async def away(call: Call) -> None:
        await call.hand_over()

    pbx.flow = away
    await pbx.customer_calls("1.0")
    phone = e.Channel(id="d.1", name="PJSIP/101-00000009")
    for status in ("", "RINGING", "NOANSWER"):
        pbx.tell(e.Dial, peer=phone, caller=e.Channel(id="1.0"), dialstatus=status)
    await pbx.settled()
    await pbx.hangs_up("1.0")

    assert pbx.tracker.engaged("101")


async def test_a_call_ordered_for_a_phone_that_is_not_registered_ends(pbx: Exchange) -> None:
    pbx.refuse("originate", ServerFailed)
    pbx.tracker.originate(Order(extension="101", number="79990001122"))
    await pbx.passes(120)

    assert pbx.told(f.Ended)
    assert pbx.tracker.live() == []
    assert not pbx.tracker.engaged("101")


async def test_a_flow_that_fails_while_phones_ring_leaves_none_ringing(pbx: Exchange) -> None:
    async def impatient(call: Call) -> None:
        async with asyncio.timeout(5):
            await rings_101(call)

    pbx.flow = impatient
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.passes(6)

    assert pbx.count()["proceed"] == 1
    assert pbx.phones_ringing_or_up() == {"trunk"}


async def test_a_script_that_stops_waiting_for_one_phone_and_rings_another(pbx: Exchange) -> None:
    async def impatient(call: Call) -> None:
        try:
            async with asyncio.timeout(5):
                await call.ring([Target.extension("101")], seconds=60)
        except TimeoutError:
            pass
        await call.ring([Target.extension("102")], seconds=60)

    pbx.flow = impatient
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.passes(6)

    assert pbx.phones_ringing_or_up() == {"trunk", "102"}


async def test_connecting_fails_and_nobody_is_left_listening_to_silence(pbx: Exchange) -> None:
    pbx.flow = rings_101
    pbx.refuse("add_to_bridge", TimedOut)
    await pbx.customer_calls()
    await pbx.answers("101")

    assert pbx.count()["proceed"] == 1
    assert pbx.phones_ringing_or_up() == {"trunk"}


async def test_a_leg_created_only_after_the_link_came_back_does_not_ring_for_nobody(pbx: Exchange) -> None:
    """The request was under way when the link was lost; the world was read before it was sent again."""

    async def one_then_the_other(call: Call) -> None:
        targets = [Target.extension("101"), Target.extension("102")]
        if (await call.ring(targets, seconds=20, strategy=Strategy.IN_TURN)).answered_by:
            await call.talk()

    pbx.flow = one_then_the_other
    pbx.hold("originate")
    await pbx.customer_calls()
    await pbx.link_is_back()
    await pbx.let("originate")

    (rings,) = [channel for channel, known in pbx.channels.items() if "/101" in known.name]
    assert rings == pbx.leg("101")  # rung anew for this call; the late one is gone


async def test_the_caller_gives_up_while_the_bridge_is_made(pbx: Exchange) -> None:
    pbx.flow = rings_101
    pbx.hold("make_bridge")
    await pbx.customer_calls()
    await pbx.rings("101")

    await pbx.hangs_up("1.0")
    await pbx.let("make_bridge")
    await pbx.passes(10)

    assert not pbx.bridges


async def test_a_flow_that_hangs_up_with_a_cause_does_not_do_so_twice(pbx: Exchange) -> None:
    async def busy(call: Call) -> None:
        await call.hang_up(17)

    pbx.flow = busy
    await pbx.customer_calls()

    assert pbx.requests("hang_up") == [("hang_up", "1.0", "17")]


async def test_a_caller_who_can_not_be_handed_over_is_not_left_in_silence(pbx: Exchange) -> None:
    async def away(call: Call) -> None:
        await call.hand_over("night-desk", "s", 1)

    pbx.flow = away
    for _ in range(5):
        pbx.refuse("proceed", ServerFailed)
    await pbx.customer_calls()
    await pbx.passes(60)

    assert not pbx.channels
    assert pbx.tracker.live() == []


async def test_ringing_phones_that_are_not_there_over_and_over_leaves_nothing_behind(pbx: Exchange) -> None:
    async def queue(call: Call) -> None:
        for _ in range(50):
            pbx.refuse("originate", ServerFailed)
            await call.ring([Target.extension("101")], seconds=20)
        await call.until(lambda: None)

    pbx.flow = queue
    await pbx.customer_calls()

    assert len(pbx.call._errands) <= 3


async def test_a_number_followed_by_the_terminator_leaves_no_key_for_the_next_question(pbx: Exchange) -> None:
    read: list[str] = []

    async def twice(call: Call) -> None:
        read.append(await call.read("extension", digits=3))
        read.append(await call.read("confirm", digits=1))
        await call.until(lambda: None)

    async def greet(call: Call) -> None:
        await call.say("welcome")
        await twice(call)

    pbx.flow = greet
    await pbx.customer_calls()
    await pbx.presses("1", "0", "2", "#")
    await pbx.prompt_ends()

    assert read == ["102"]


async def test_picking_up_a_ringing_phone_connects_the_one_who_picks_up(pbx: Exchange) -> None:
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.rings("101")
    rung = pbx.leg("101")
    pbx.tell(e.ChannelDestroyed, channel=pbx.channels.pop(rung), cause=16)
    await pbx.arrives("leg", "1.0", "employee", "101", channel="7.7", name="PJSIP/102-00000005", state="Up")

    assert pbx.bridges.get("1.0-bridge") == ["1.0", "7.7"]


async def test_a_prompt_the_server_refuses_is_skipped_as_the_verbs_promise(pbx: Exchange) -> None:
    async def greet(call: Call) -> None:
        await call.say("first", "second")

    pbx.flow = greet
    pbx.refuse("play", 400, about="first")
    await pbx.customer_calls()

    assert [request[2] for request in pbx.requests("play")] == ["sound:first", "sound:second"]


async def test_a_leg_released_whose_channel_never_was_does_not_keep_the_call(pbx: Exchange) -> None:
    """The request timed out and never arrived; hanging the leg up finds nothing."""
    pbx.flow = rings_101
    pbx.hold("originate")
    pbx.refuse("originate", Gone)
    await pbx.customer_calls()
    await pbx.hangs_up("1.0")
    await pbx.let("originate")
    await pbx.passes(60)

    assert pbx.tracker.live() == []
