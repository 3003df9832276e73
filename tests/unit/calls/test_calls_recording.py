"""What is recorded of a call: from its first conversation on, through whatever happens to it."""

from calls_fakes import Exchange, restarted
from calls_recorded import EACH, STEREO, WHOLE, anna_then_boris, calling, names, talking

from stasis_app.ari.errors import TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.calls.verbs import Target


async def test_the_menu_is_not_recorded_and_the_talk_is_from_its_first_moment() -> None:
    pbx = await calling(WHOLE)
    await pbx.rings("101")
    assert pbx.requests("snoop", "record") == []

    await pbx.answers("101")
    await pbx.settled()
    assert pbx.requests("snoop", "record") == [("snoop", "1.0", "1.0-1", "both"), ("record", "1.0-1", "1.0-1")]
    assert pbx.the_record.recording == "1.0-1"

    await pbx.hangs_up("1.0")
    await pbx.passes(10)
    assert names(pbx) == ["1.0-1"]
    assert not pbx.channels
    assert pbx.tracker.live() == []


async def test_the_whole_call_is_one_file_through_a_change_of_employees() -> None:
    pbx = await talking(WHOLE, anna_then_boris)
    await pbx.hangs_up(pbx.leg("101"))
    await pbx.answers("102")
    await pbx.passes(30)
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "102"]
    assert names(pbx) == ["1.0-1"]


async def test_each_employees_talk_is_a_file_of_its_own_in_order() -> None:
    pbx = await talking(EACH, anna_then_boris)
    anna = pbx.leg("101")
    await pbx.hangs_up(anna)
    assert pbx.recordings == {}
    await pbx.answers("102")
    await pbx.settled()
    boris = pbx.leg("102")
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert [(recorded.name, recorded.talk) for recorded in pbx.the_record.recordings] == [
        ("1.0-1", anna),
        ("1.0-2", boris),
    ]


async def test_stereo_is_one_recording_of_two_files() -> None:
    pbx = await talking(STEREO)
    assert {(request[2], request[3]) for request in pbx.requests("snoop")} == {("1.0-1-in", "in"), ("1.0-1-out", "out")}
    assert len(pbx.told(f.RecordingStarted)) == 1

    await pbx.hangs_up("1.0")
    await pbx.passes(10)
    (recorded,) = pbx.told(f.Recorded)
    assert (recorded.name, recorded.stereo, recorded.seconds) == ("1.0-1", True, 3)


async def test_an_outbound_call_is_recorded_on_the_customers_side() -> None:
    pbx = Exchange(policy=WHOLE)

    async def dial(call: Call) -> None:
        if (await call.ring([Target.outside("79990001122")], seconds=20)).answered_by:
            await call.talk()

    pbx.flow = dial
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a")
    await pbx.answers("79990001122")
    await pbx.settled()

    assert [request[1] for request in pbx.requests("snoop")] == [pbx.leg("79990001122")]


async def test_recording_is_begun_and_ended_on_demand() -> None:
    pbx = await talking(RecordingPolicy())
    assert pbx.requests("snoop") == []
    pbx.call.recording.start()
    await pbx.settled()
    assert pbx.the_record.recording == "1.0-1"

    pbx.call.recording.stop()
    await pbx.passes(5)
    assert pbx.recordings == {}
    assert names(pbx) == ["1.0-1"]
    assert pbx.the_record.talking_now  # they talk on


async def test_a_recording_that_can_not_begin_is_a_fact_and_is_not_tried_for_ever() -> None:
    pbx = await calling(WHOLE)
    pbx.refuse("snoop", 500)
    await pbx.answers("101")
    await pbx.passes(30)

    (failed,) = pbx.told(f.RecordingFailed)
    assert failed.name == "1.0-1"
    assert len(pbx.requests("snoop")) == 1
    assert pbx.the_record.talking_now

    pbx.call.recording.start()
    pbx.call.recording.choose(RecordingMode.TALK)
    await pbx.settled()
    assert pbx.the_record.recording == "1.0-2"


async def test_one_side_that_can_not_be_recorded_leaves_no_half_of_it_running() -> None:
    pbx = await calling(STEREO)
    pbx.refuse("record", 500, about="-out")
    await pbx.answers("101")
    await pbx.passes(1)

    assert len(pbx.told(f.RecordingFailed)) == 1
    assert pbx.snoops == {}


async def test_what_could_not_be_recorded_for_want_of_a_link_is_recorded_when_it_is_back() -> None:
    pbx = await calling(WHOLE)
    pbx.refuse("record", TimedOut)
    await pbx.answers("101")
    await pbx.passes(5)
    assert not pbx.recordings
    pbx.lose_events()

    await pbx.link_is_back()
    await pbx.settled()

    assert list(pbx.recordings) == ["1.0-2"]


async def test_a_call_given_to_the_dialplan_is_not_recorded_there() -> None:
    pbx = await talking(WHOLE)
    pbx.call.divert(lambda call: call.hand_over("night-desk", "s", 1))
    await pbx.passes(1)

    assert pbx.snoops == {}
    assert names(pbx) == ["1.0-1"]


async def test_a_recording_goes_on_through_a_restart() -> None:
    pbx = await restarted(await talking(STEREO), policy=STEREO)
    assert pbx.asked == []

    await pbx.passes(30)
    await pbx.hangs_up("1.0")
    await pbx.passes(10)
    assert [(recorded.name, recorded.stereo) for recorded in pbx.told(f.Recorded)] == [("1.0-1", True)]


async def test_a_talk_that_was_not_recorded_yet_when_the_service_died_is_recorded_afterwards() -> None:
    before = await calling(WHOLE)
    before.hold("snoop")
    await before.answers("101")
    pbx = await restarted(before, policy=WHOLE)
    await pbx.settled()

    assert pbx.requests("snoop") == [("snoop", "1.0", "1.0-1", "both")]
    assert pbx.the_record.recording == "1.0-1"


async def test_nothing_is_recorded_of_a_talk_that_ended_in_the_gap() -> None:
    before = await calling(WHOLE)
    before.hold("snoop")
    await before.answers("101")
    before.lose_events()
    await before.hangs_up("1.0")
    pbx = await restarted(before, policy=WHOLE)
    await pbx.passes(10)

    assert pbx.requests("snoop") == []
    assert pbx.told(f.RecordingFailed) == []


async def test_a_recording_whose_end_was_missed_is_there() -> None:
    before = await talking(WHOLE)
    before.lose_events()
    await before.hang_up("1.0-1", 16)
    pbx = await restarted(before, policy=WHOLE)
    await pbx.settled()

    assert names(pbx) == ["1.0-1"]
    assert pbx.the_record.recording == "1.0-2"


async def test_a_call_the_journal_does_not_know_keeps_the_recording_it_has() -> None:
    before = await talking(STEREO)
    before.lose_events()
    before.records.clear()
    pbx = await restarted(before, policy=STEREO)
    await pbx.settled()
    assert pbx.requests("snoop", "record") == []

    await pbx.hangs_up("1.0")
    await pbx.passes(10)
    assert [(recorded.name, recorded.stereo) for recorded in pbx.told(f.Recorded)] == [("1.0-1", True)]


async def test_a_snoop_left_over_from_a_call_that_is_gone_is_ended() -> None:
    pbx = Exchange()
    await pbx.arrives("record", "0.9", "0.9-1", channel="0.9-1", name="Snoop/0.9-00000000")

    assert not pbx.channels
    assert pbx.facts == []
    assert pbx.tracker.stray.total() == 0


async def test_the_caller_is_told_before_anybody_is_rung_and_once() -> None:
    pbx = Exchange(policy=RecordingPolicy(RecordingMode.CALL, consent=("recorded",)))

    async def twice(call: Call) -> None:
        await call.ring([Target.extension("101")], seconds=5)
        await call.ring([Target.extension("102")], seconds=5)

    pbx.flow = twice
    await pbx.customer_calls()
    assert [request[2] for request in pbx.requests("play")] == ["sound:recorded"]
    assert pbx.requests("originate") == []
    await pbx.prompt_ends()
    assert len(pbx.requests("originate")) == 1
    await pbx.passes(10)
    assert len(pbx.requests("originate")) == 2
    assert pbx.count()["play"] == 1


async def test_both_are_told_when_they_are_connected() -> None:
    policy = RecordingPolicy(RecordingMode.CALL, consent=("recorded",), consent_when=ConsentWhen.CONNECTED)
    pbx = await talking(policy)

    assert pbx.requests("play_in_bridge") == [("play_in_bridge", "1.0-bridge", "sound:recorded")]
    assert pbx.the_record.consent_announced


async def test_nobody_is_told_of_a_recording_that_is_not_made() -> None:
    policy = RecordingPolicy(RecordingMode.OFF, consent=("recorded",), consent_when=ConsentWhen.CONNECTED)
    pbx = await talking(policy)

    assert pbx.requests("play_in_bridge", "play") == []
