"""Several recordings of a call, and the two sides of a stereo one, become one file."""

from __future__ import annotations

import array
import wave
from pathlib import Path

import pytest

from stasis_app.mirror import RecordingError, Recordings, recordings
from stasis_app.mirror.audio import AudioError, join
from stasis_app.mirror.recordings import Part
from stasis_app.settings import RecordingSettings


def sound(path: Path, *samples: int, rate: int = 8000) -> Path:
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(array.array("h", samples).tobytes())
    return path


def heard(path: Path) -> tuple[int, list[int]]:
    with wave.open(str(path)) as wav:
        return wav.getnchannels(), array.array("h", wav.readframes(wav.getnframes())).tolist()


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recordings, "MISSING_FOR", 0.02)
    monkeypatch.setattr(recordings, "LOOK_EVERY", 0.01)
    return tmp_path


def of(spool: Path, **more: object) -> Recordings:
    return Recordings(RecordingSettings(directory=spool, **more))


async def test_parts_follow_each_other(spool):
    sound(spool / "a.wav", 1, 2)
    sound(spool / "b.wav", 3)

    async with of(spool).prepared(Part("a", "wav"), Part("b", "wav")) as (path, filename):
        assert (filename, heard(path)) == ("a.wav", (1, [1, 2, 3]))
    assert not path.exists()


async def test_the_customer_is_left_and_the_employee_right(spool):
    sound(spool / "a-in.wav", 1, 2, 3)
    sound(spool / "a-out.wav", 7, 8)

    async with of(spool).prepared(Part("a", "wav", stereo=True)) as (path, _):
        assert heard(path) == (2, [1, 7, 2, 8, 3, 0])


async def test_beside_a_stereo_part_one_of_one_channel_is_on_both_sides(spool):
    sound(spool / "a-in.wav", 1)
    sound(spool / "a-out.wav", 7)
    sound(spool / "m.wav", 5, 6)

    async with of(spool).prepared(Part("a", "wav", stereo=True), Part("m", "wav")) as (path, _):
        assert heard(path) == (2, [1, 7, 5, 5, 6, 6])


async def test_what_is_lacking_is_left_out_and_said(spool):
    sound(spool / "a-in.wav", 1, 2)
    lacking: list[str] = []

    async with of(spool).prepared(Part("a", "wav", stereo=True), Part("b", "wav"), lacking=lacking) as (path, _):
        assert heard(path) == (2, [1, 0, 2, 0])
    assert [text.split(":")[0] for text in lacking] == ["a-out", "b"]


async def test_when_nothing_is_there_it_is_said_so(spool):
    with pytest.raises(RecordingError, match=r"b-in.*b-out"):
        async with of(spool).prepared(Part("b", "wav", stereo=True)):
            pass


async def test_stereo_becomes_mp3(spool):
    sound(spool / "a-in.wav", *[9000, -9000] * 8000)
    sound(spool / "a-out.wav", *[0] * 16000)

    async with of(spool, format="mp3").prepared(Part("a", "wav", stereo=True)) as (path, filename):
        header = path.read_bytes()[:4]
        assert filename == "a.mp3"
        assert header[0] == 0xFF
        assert header[3] >> 6 != 3  # the channel mode of an MPEG frame: not single channel
    assert list(spool.glob("*.mp3")) == []


async def test_both_files_of_a_stereo_recording_are_deleted(spool):
    sound(spool / "a-in.wav", 1)
    sound(spool / "a-out.wav", 1)
    await of(spool, keep_days=0).delivered(Part("a", "wav", stereo=True))

    assert list(spool.iterdir()) == []


def test_parts_of_different_quality_are_not_joined(tmp_path):
    parts = [[sound(tmp_path / "a.wav", 1)], [sound(tmp_path / "b.wav", 1, rate=16000)]]

    with pytest.raises(AudioError, match="sample rates"):
        join(parts, tmp_path / "c.wav")
