"""While a recording is paused nobody is heard on it, and no pause lasts for ever."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from calls_fakes import restarted
from calls_recorded import STEREO, WHOLE, calling, names, talking

from stasis_app.ari.errors import TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import RecordingPolicy


async def test_while_it_is_paused_silence_is_recorded() -> None:
    pbx = await talking(STEREO)
    call = pbx.call
    await call.recording.pause()
    assert pbx.muted == {"1.0-1-in", "1.0-1-out"}
    assert pbx.the_record.recording_paused

    await call.recording.resume()
    assert pbx.muted == set()
    assert not pbx.the_record.recording_paused
    await pbx.hangs_up("1.0")
    await pbx.passes(10)
    assert names(pbx) == ["1.0-1"]


async def test_what_can_not_be_silenced_is_ended() -> None:
    pbx = await talking(WHOLE)
    pbx.refuse("mute_recording", TimedOut)
    await pbx.call.recording.pause()
    await pbx.settled()

    assert pbx.recordings == {}
    assert names(pbx) == ["1.0-1"]

    await pbx.call.recording.resume()
    await pbx.settled()
    assert pbx.the_record.recording == "1.0-2"


async def test_a_pause_before_the_talk_keeps_it_from_being_recorded_until_resumed() -> None:
    pbx = await calling(WHOLE)
    await pbx.call.recording.pause()
    await pbx.answers("101")
    await pbx.settled()
    assert pbx.requests("snoop") == []

    await pbx.call.recording.resume()
    await pbx.settled()
    assert pbx.the_record.recording == "1.0-1"


async def test_a_pause_in_the_instant_a_recording_begins_holds() -> None:
    pbx = await calling(WHOLE)
    pbx.hold("record")
    await pbx.answers("101")
    await pbx.settled()
    await pbx.call.recording.pause()
    await pbx.let("record")

    assert pbx.muted == {"1.0-1"}


async def test_a_pause_that_is_forgotten_ends_by_itself() -> None:
    pbx = await talking(RecordingPolicy(RecordingMode.CALL, longest_pause=600))
    await pbx.call.recording.pause()
    await pbx.passes(590)
    assert pbx.muted == {"1.0-1"}

    await pbx.passes(20)
    assert pbx.muted == set()
    assert not pbx.the_record.recording_paused


async def test_the_end_of_one_pause_does_not_end_the_next() -> None:
    pbx = await talking(RecordingPolicy(RecordingMode.CALL, longest_pause=600))
    await pbx.call.recording.pause()
    await pbx.passes(500)
    await pbx.call.recording.resume()
    await pbx.call.recording.pause()
    await pbx.passes(300)
    assert pbx.the_record.recording_paused

    await pbx.passes(400)
    assert not pbx.the_record.recording_paused


async def test_without_a_limit_a_pause_lasts_until_it_is_ended() -> None:
    pbx = await talking(WHOLE)
    await pbx.call.recording.pause()
    await pbx.passes(100_000)

    assert pbx.the_record.recording_paused


@pytest.mark.parametrize(("ago", "left"), [(595, 5), (3000, 0)])
async def test_a_pause_ends_in_time_though_the_service_was_restarted(ago: int, left: int) -> None:
    before = await talking(WHOLE)
    began = datetime.now(UTC) - timedelta(seconds=ago)
    until = began + timedelta(seconds=600)
    await before.call.recording.pause()
    pause = f.RecordingPaused(call_id="1.0", at=began, until=until)
    before.records["1.0"] = replace(before.the_record, recording_pause=pause)
    pbx = await restarted(before, policy=WHOLE)
    if left:
        await pbx.passes(left - 2)
        assert pbx.muted == {"1.0-1"}
    await pbx.passes(left + 1)

    assert pbx.muted == set()
    assert not pbx.the_record.recording_paused
