"""Recordings on their way from Asterisk's spool to the portal."""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from stasis_app.mirror import RecordingError, Recordings, recordings
from stasis_app.mirror.recordings import Part
from stasis_app.settings import RecordingSettings


def speech(path: Path, seconds: float = 0.5, *, rate: int = 8000) -> bytes:
    """A WAV file as Asterisk writes it: 16 bit, mono, 8 kHz."""
    frames = b"".join(struct.pack("<h", int(9000 * math.sin(i / 5))) for i in range(int(seconds * rate)))
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(frames)
    return path.read_bytes()


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recordings, "MISSING_FOR", 0.05)
    monkeypatch.setattr(recordings, "GROWING_FOR", 0.05)
    monkeypatch.setattr(recordings, "LOOK_EVERY", 0.01)
    return tmp_path


def of(spool: Path, **more: object) -> Recordings:
    return Recordings(RecordingSettings(directory=spool, **more))


async def test_a_whole_file_is_delivered_as_it_is(spool):
    whole = speech(spool / "talk.wav")

    async with of(spool).prepared(Part("talk", "wav")) as (path, filename):
        assert (filename, path.read_bytes()) == ("talk.wav", whole)


async def test_a_file_is_waited_for_until_it_is_whole(spool, monkeypatch):
    monkeypatch.setattr(recordings, "GROWING_FOR", 5)
    whole = speech(spool / "talk.wav")
    (spool / "talk.wav").write_bytes(whole[:44])
    asyncio.get_running_loop().call_later(0.05, (spool / "talk.wav").write_bytes, whole)

    async with of(spool).prepared(Part("talk", "wav")) as (path, _):
        assert path.read_bytes() == whole


async def test_mp3_is_made_on_the_way_and_nothing_of_it_stays(spool):
    speech(spool / "talk.wav", 2)

    async with of(spool, format="mp3").prepared(Part("talk", "wav")) as (path, filename):
        assert filename == "talk.mp3"
        assert path.read_bytes()[0] == 0xFF  # an MPEG frame
        assert 4000 < path.stat().st_size < 16000  # two seconds at 32 kbit/s
    assert not path.exists()
    assert (spool / "talk.wav").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no file"),
        (b"", "never became whole"),
        (b"not a recording at all", "no WAV file"),
    ],
)
async def test_what_will_never_be_a_recording_is_said_so(spool, content, why):
    if content is not None:
        (spool / "talk.wav").write_bytes(content)

    with pytest.raises(RecordingError, match=why):
        async with of(spool).prepared(Part("talk", "wav")):
            pass


async def test_a_recording_without_a_sound_is_said_so(spool):
    speech(spool / "talk.wav", 0)

    with pytest.raises(RecordingError, match="empty"):
        async with of(spool).prepared(Part("talk", "wav")):
            pass


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
async def test_a_name_can_not_lead_out_of_the_spool(spool, name):
    with pytest.raises(RecordingError, match="leads out"):
        async with of(spool).prepared(Part(name, "wav")):
            pass


@pytest.mark.parametrize(("keep_days", "stays"), [(0, False), (30, True), (None, True)])
async def test_a_delivered_recording_is_kept_as_long_as_configured(spool, keep_days, stays):
    speech(spool / "talk.wav")
    await of(spool, keep_days=keep_days).delivered(Part("talk", "wav"))

    assert (spool / "talk.wav").exists() is stays


class Ari:
    """Asterisk on another machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deleted: list[str] = []

    async def fetch(self, name: str, format: str) -> Path:  # noqa: A002
        if name != "talk":
            raise FileNotFoundError(name)
        speech(self.folder / "copy.wav")
        return self.folder / "copy.wav"

    async def delete(self, name: str) -> None:
        self.deleted.append(name)


async def test_without_a_spool_in_sight_a_copy_is_fetched_and_removed(spool):
    ari = Ari(spool)
    fetched = Recordings(RecordingSettings(keep_days=0), ari)

    async with fetched.prepared(Part("talk", "wav")) as (path, filename):
        assert filename == "talk.wav"
    await fetched.delivered(Part("talk", "wav"))

    assert not path.exists()
    assert ari.deleted == ["talk"]


async def test_a_recording_asterisk_does_not_have_is_said_so(spool):
    with pytest.raises(RecordingError, match="does not have"):
        async with Recordings(RecordingSettings(), Ari(spool)).prepared(Part("other", "wav")):
            pass


class Shelf:
    """Where the portal fetches files from."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[Path, str]] = {}

    def publish(self, path: Path, filename: str) -> str:
        url = f"https://pbx.example.com/{len(self.files)}/{filename}"
        self.files[url] = (path, filename)
        return url

    def withdraw(self, url: str) -> None:
        del self.files[url]


async def test_a_recording_lies_on_the_shelf_for_as_long_as_the_portal_is_told_of_it(spool):
    speech(spool / "talk.wav", 1)
    shelf = Shelf()
    recordings = Recordings(RecordingSettings(directory=spool, format="mp3"), publisher=shelf)

    async with recordings.published(Part("talk", "wav")) as url:
        path, filename = shelf.files[url]
        assert filename == "talk.mp3"
        assert path.read_bytes()[0] == 0xFF
    assert shelf.files == {}
    assert not path.exists()
    assert (spool / "talk.wav").exists()


async def test_more_recordings_can_lie_there_than_are_prepared_at_a_time(spool):
    shelf, many = Shelf(), recordings.AT_ONCE + 3
    for number in range(many):
        speech(spool / f"talk{number}.wav")
    published = Recordings(RecordingSettings(directory=spool), publisher=shelf)

    async with asyncio.timeout(5), AsyncExitStack() as stack:
        for number in range(many):
            await stack.enter_async_context(published.published(Part(f"talk{number}", "wav")))
        assert len(shelf.files) == many
    assert shelf.files == {}


async def test_a_copy_from_another_machine_lies_there_and_is_removed(spool):
    shelf = Shelf()
    async with Recordings(RecordingSettings(), Ari(spool), shelf).published(Part("talk", "wav")) as url:
        path, _ = shelf.files[url]
        assert path.exists()
    assert not path.exists()


async def test_what_can_not_be_published_is_said_so(spool):
    with pytest.raises(RecordingError, match="deliver"):
        async with of(spool).published(Part("talk", "wav")):
            pass
    shelf = Shelf()
    for name, why in (("talk", "no file"), ("../secret", "leads out")):
        with pytest.raises(RecordingError, match=why):
            async with Recordings(RecordingSettings(directory=spool), publisher=shelf).published(Part(name, "wav")):
                pass
    assert shelf.files == {}


async def test_a_failure_while_it_is_published_takes_it_off_the_shelf(spool):
    speech(spool / "talk.wav")
    shelf = Shelf()
    with pytest.raises(OSError, match="portal"):
        async with Recordings(RecordingSettings(directory=spool), publisher=shelf).published(Part("talk", "wav")):
            raise OSError("the portal is away")
    assert shelf.files == {}
