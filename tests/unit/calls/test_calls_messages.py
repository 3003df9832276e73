"""A message: what the caller says after a beep, however it ends."""

from calls_fakes import Exchange, restarted
from calls_recorded import names

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import RecordingKind
from stasis_app.calls.policy import RecordingPolicy


async def leave_message(call: Call) -> None:
    kept = await call.take_message(seconds=60, silence=3, least=2)
    call.visit("after", "note", f"{kept:g}")


async def test_a_message_is_recorded_from_the_callers_own_channel() -> None:
    pbx = Exchange()
    pbx.flow = leave_message
    await pbx.customer_calls()
    assert pbx.recordings == {"1.0-m1": "1.0"}
    await pbx.stop_recording("1.0-m1")  # he is silent
    await pbx.settled()

    (recorded,) = pbx.told(f.Recorded)
    assert (recorded.name, recorded.kind, recorded.seconds) == ("1.0-m1", RecordingKind.MESSAGE, 3)
    assert not pbx.the_record.answered


async def test_a_caller_who_hangs_up_has_left_what_he_said() -> None:
    pbx = Exchange()
    pbx.flow = leave_message
    await pbx.customer_calls()
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert names(pbx) == ["1.0-m1"]
    assert pbx.tracker.live() == []


async def test_a_message_too_short_is_thrown_away() -> None:
    pbx = Exchange()
    pbx.flow = leave_message
    pbx.seconds_recorded = 1
    await pbx.customer_calls()
    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert names(pbx) == []
    assert pbx.told(f.RecordingDiscarded)
    assert pbx.the_record.recording == ""


async def test_a_message_that_asterisk_does_not_end_is_ended() -> None:
    """A phone that sends no sound while nobody speaks keeps Asterisk from counting."""
    pbx = Exchange()
    pbx.flow = leave_message
    await pbx.customer_calls()
    await pbx.passes(70)

    assert pbx.requests("stop_recording") == [("stop_recording", "1.0-m1")]
    assert names(pbx) == ["1.0-m1"]
    assert [visited.why for visited in pbx.the_record.visited] == ["3"]


async def test_after_a_restart_the_message_begun_before_is_kept_and_another_is_taken() -> None:
    before = Exchange()
    before.flow = leave_message
    await before.customer_calls()
    pbx = await restarted(before, policy=RecordingPolicy())
    await pbx.settled()

    assert pbx.recordings == {"1.0-m2": "1.0"}
    assert names(pbx) == ["1.0-m1"]


async def test_a_gap_in_the_events_does_not_cut_a_message_short() -> None:
    pbx = Exchange()
    pbx.flow = leave_message
    await pbx.customer_calls()
    pbx.lose_events()
    await pbx.link_is_back()
    await pbx.passes(5)
    assert pbx.recordings == {"1.0-m1": "1.0"}

    pbx.lose_events()
    await pbx.stop_recording("1.0-m1")  # he stopped speaking while nobody was told
    await pbx.link_is_back()
    await pbx.passes(3)

    assert names(pbx) == ["1.0-m1"]
    assert [visited.element for visited in pbx.the_record.visited] == ["after"]
