"""What is a recording a portal would take, and what is not yet one."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24client import BadRecording, UnfinishedRecording
from b24client import audio as module
from b24client.audio import check_content, check_recording


def wav(samples: bytes = b"\x01\x02" * 800) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples)
    return file.getvalue()


WAV = wav()
MP3 = b"\xff\xe3\x18\xc4" + bytes(400)  # a frame of MPEG 2.5, layer III, as of 8 kHz speech


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("talk.wav", WAV),
        ("TALK.WAV", WAV),
        ("talk.mp3", MP3),
        ("talk.mp3", b"ID3\x04" + bytes(400)),
        ("talk.mp3", b"\xff\xfb\x90\x00" + bytes(400)),
        ("odd.wav", wav(b"\x01" * 800) + b"\x00"),  # a pad byte nobody counted
    ],
)
def test_a_whole_recording_is_taken(filename: str, content: bytes) -> None:
    check_content(filename, content)


def test_other_chunks_may_stand_before_the_samples() -> None:
    fact = b"fact" + struct.pack("<I", 3) + b"abc\x00"
    body = WAV[8:36] + fact + WAV[36:]
    check_content("talk.wav", b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize("length", [1, 4, 11, 44, 45, len(WAV) - 2])
def test_a_file_still_being_written_is_recognised(length: int) -> None:
    with pytest.raises(UnfinishedRecording, match="wait until it is whole"):
        check_content("talk.wav", WAV[:length])


def test_a_header_that_is_filled_in_at_the_end_is_waited_for() -> None:
    growing = WAV[:4] + struct.pack("<I", 36) + WAV[8:40] + struct.pack("<I", 0) + WAV[44:]
    with pytest.raises(UnfinishedRecording, match="its header says 44"):
        check_content("talk.wav", growing)


def test_samples_that_are_announced_and_not_there_are_waited_for() -> None:
    with pytest.raises(UnfinishedRecording, match="lacks 400 bytes"):
        check_content("talk.wav", WAV[:40] + struct.pack("<I", 2000) + WAV[44:])


@pytest.mark.parametrize(
    ("filename", "content", "text"),
    [
        ("talk.ogg", WAV, r"filename: 'talk.ogg' .* \.wav or \.mp3"),
        ("talk", WAV, "filename: 'talk'"),
        (".wav", WAV, "filename: '.wav'"),
        ("talk.wav", b"", "is empty"),
        ("talk.mp3", b"", "is empty"),
        ("talk.wav", wav(b""), "no sound"),
        ("talk.wav", b"<html><body>404</body></html>", "no WAV file: convert"),
        ("talk.wav", MP3, r"an MP3 file: name it \.mp3"),
        ("talk.mp3", WAV, r"a WAV file: name it \.wav"),
        ("talk.mp3", b"<html><body>404</body></html>", "no MP3 file: convert"),
        ("talk.mp3", b"\xff\xf1\x50\x80" + bytes(400), "no MP3 file"),  # AAC begins alike
        ("talk.wav", b"RIFF\x04\x00\x00\x00WAVE", "no data chunk"),
    ],
)
def test_what_no_portal_would_take_is_named_with_a_remedy(filename: str, content: bytes, text: str) -> None:
    with pytest.raises(BadRecording, match=text) as bad:
        check_content(filename, content)
    assert not isinstance(bad.value, UnfinishedRecording)


def test_a_file_too_large_for_a_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", len(WAV) - 1)
    with pytest.raises(BadRecording, match=f"has {len(WAV)} bytes, a portal takes {len(WAV) - 1}; convert"):
        check_content("talk.wav", WAV)


@given(st.binary(max_size=200), st.sampled_from(["a.wav", "a.mp3"]))
def test_any_bytes_are_either_taken_or_explained(content: bytes, filename: str) -> None:
    try:
        assert check_recording(filename, io.BytesIO(content)) == len(content)
    except BadRecording as bad:
        assert str(bad).startswith("file: ")


@given(st.integers(12, len(WAV)), st.binary(min_size=1, max_size=8))
def test_a_damaged_header_breaks_nothing(place: int, noise: bytes) -> None:
    try:
        check_content("a.wav", (WAV[:place] + noise + WAV[place + len(noise) :])[: len(WAV)])
    except BadRecording as bad:
        assert "a.wav" in str(bad)
