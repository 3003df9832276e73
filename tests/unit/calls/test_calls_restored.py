"""The service was restarted: calls the journal has no end of go on where they stand, or end the ordinary way."""

from dataclasses import replace

import pytest
from calls_fakes import Exchange, restarted

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy, Unanswered
from stasis_app.calls.verbs import Target


async def ring_anna(call: Call) -> None:
    await call.answer()
    result = await call.ring([Target.extension("101")], seconds=60)
    if result.answered_by:
        await call.talk()


async def away(call: Call) -> None:
    await call.hand_over("night-desk", "s", 1)


@pytest.fixture
async def before() -> Exchange:
    pbx = Exchange(record=True)
    pbx.flow = ring_anna
    return pbx


async def test_a_talk_goes_on_and_is_one_talk(before: Exchange) -> None:
    await before.customer_calls()
    await before.answers("101")
    await before.passes(30)

    pbx = await restarted(before)
    assert pbx.asked == []
    assert pbx.facts == []
    assert pbx.tracker.engaged("101")

    await pbx.passes(30)
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]
    assert round(pbx.the_record.talk_seconds) == 60
    assert len(pbx.told(f.Recorded)) == 1
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.tracker.live() == []


async def test_a_service_that_is_stopped_does_nothing_more_and_leaves_the_phones_ringing(before: Exchange) -> None:
    await before.customer_calls()
    await before.rings("101")
    asked, told = list(before.asked), list(before.facts)

    before.tracker.suspend()
    await before.passes(120)
    await before.arrives("inbound", "main", channel="2.0")
    await before.hangs_up("1.0")
    await before.passes(1)

    assert before.asked == asked
    assert before.facts == told
    assert "101" in before.phones_ringing_or_up()


async def test_a_call_that_ended_meanwhile_ends_and_its_recording_is_kept(before: Exchange) -> None:
    await before.customer_calls()
    await before.answers("101")

    async def caller_hangs_up() -> None:
        before.recordings.clear()
        await before.hangs_up("1.0")

    pbx = await restarted(before, caller_hangs_up)
    await pbx.passes(10)

    assert len(pbx.told(f.Ended)) == 1
    assert [fact.name for fact in pbx.told(f.Recorded)] == ["1.0-1"]
    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.tracker.live() == []
    assert not pbx.tracker.engaged("101")


async def test_a_recording_whose_end_asterisk_kept_for_us_is_delivered_once(before: Exchange) -> None:
    await before.customer_calls()
    await before.answers("101")
    before.lose_events()
    before.recordings.clear()
    await before.hangs_up("1.0")

    after = Exchange(record=True)
    after.channels, after.bridges = before.channels, before.bridges
    after.tracker.restore(before.records.values())
    kept = e.RecordingFinished(
        timestamp=i.now(),
        recording=e.Recording(name="1.0-1", format="wav", target_uri="channel:1.0", duration=7),
    )
    after.tracker.on_world(replace(after.world(), missed=(kept,)))
    await after.passes(10)

    assert [(fact.name, fact.seconds) for fact in after.told(f.Recorded)] == [("1.0-1", 7)]


async def test_whoever_was_ringing_is_released_and_the_flow_begins_again(before: Exchange) -> None:
    await before.customer_calls()
    await before.rings("101")
    first = before.leg("101")

    pbx = await restarted(before)
    assert first not in pbx.channels

    await pbx.answers("101")
    assert [(ring.leg == first, ring.why) for ring in pbx.the_record.rings] == [
        (True, Unanswered.CANCELLED),
        (False, None),
    ]
    assert pbx.the_record.talking_now
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}


async def test_who_dials_out_and_hears_it_ring_is_not_hung_up_but_rung_anew(before: Exchange) -> None:
    async def dial(call: Call) -> None:
        result = await call.ring([Target.outside("89161234567")], seconds=60)
        if result.answered_by:
            await call.talk()

    before.flow = dial
    await before.arrives("outbound", "89161234567", name="PJSIP/101-00000001", number="101")
    await before.rings("89161234567")
    first = before.leg("89161234567")
    assert before.bridges == {"1.0-bridge": ["1.0", first]}  # he hears the far side's own tones

    pbx = await restarted(before)
    await pbx.passes(10)
    await pbx.answers("89161234567")

    assert pbx.leg("89161234567") != first
    assert pbx.the_record.talking_now
    assert pbx.told(f.Ended) == []


async def test_killed_again_in_the_moment_after_the_talk_nobody_is_rung_anew(before: Exchange) -> None:
    await before.customer_calls()
    await before.answers("101")
    anna = before.leg("101")

    async def anna_hangs_up() -> None:
        await before.hangs_up(anna)

    first = await restarted(before, anna_hangs_up)
    assert "1.0" in first.channels  # whoever was between two phones has a moment to come back

    pbx = await restarted(first)
    await pbx.passes(10)

    assert pbx.told(f.Dialled) == []
    assert pbx.told(f.Ended)
    assert not pbx.channels


async def test_a_call_handed_over_is_only_watched(before: Exchange) -> None:
    before.flow = away
    await before.customer_calls()

    pbx = await restarted(before)
    assert pbx.asked == [("watch", "1.0")]

    pbx.tell(e.ChannelDestroyed, channel=pbx.channels.pop("1.0"))
    await pbx.settled()
    assert pbx.the_record.ended_by is EndedBy.DIALPLAN
    assert pbx.tracker.live() == []


async def test_everything_that_was_told_before_is_not_told_again(before: Exchange) -> None:
    await before.customer_calls()
    await before.answers("101")

    pbx = await restarted(before)
    await pbx.hangs_up(before.leg("101"))
    await pbx.passes(10)

    assert [type(fact) for fact in pbx.facts if type(fact) in (f.Started, f.Dialled, f.Answered, f.Joined)] == []
    assert len(pbx.told(f.Ended)) == 1


async def test_a_call_that_is_new_to_the_journal_too_is_adopted_beside_the_others(before: Exchange) -> None:
    await before.customer_calls("1.0")
    before.lose_events()
    await before.arrives("inbound", "main", channel="2.0")

    pbx = await restarted(before)

    assert {record.call_id for record in pbx.tracker.live()} == {"1.0", "2.0"}
