"""WAV files as Asterisk writes them, joined, and MP3 made of them. Blocking: to be called in a thread.

A RIFF file states its size at bytes 4-8 and that of its samples in the `data` chunk; Asterisk fills both in when it
closes the file, so a file whose figures agree with its length is whole.
"""

from __future__ import annotations

import array
import shutil
import struct
import wave
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

import lameenc

EMPTY = 44
"""Length of a WAV file without a single sample."""
BIT_RATE = 32
"""Kilobits per second: transparent for telephone speech."""
FRAMES_AT_ONCE = 8000 * 60


class AudioError(Exception):
    """The file is not what it should be; the text says what is wrong."""


def is_whole(path: Path) -> bool:
    """Whether the file is complete. Raises `AudioError` for one that will never be a recording, OSError."""
    size = path.stat().st_size
    if path.suffix != ".wav":
        return size > 0
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12:
            return False
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise AudioError("the file is no WAV file")
        if struct.unpack("<I", head[4:8])[0] + 8 != size:
            return False
        if size <= EMPTY:
            raise AudioError("the recording is empty")
    return True


def mend(source: Path, target: Path) -> None:
    """Copy a WAV file whose sizes were never filled in, because Asterisk did not live to close it, with its sizes.

    Raises `AudioError` when there is nothing in it, OSError.
    """
    shutil.copyfile(source, target)
    size = target.stat().st_size
    with target.open("r+b") as file:
        head = file.read(EMPTY)
        if size <= EMPTY or head[36:40] != b"data":
            raise AudioError("the recording is empty")
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(40)
        file.write(struct.pack("<I", size - EMPTY))


def join(parts: Sequence[Sequence[Path | None]], target: Path) -> None:
    """One WAV file of several parts, one after another.

    A part is one file, or two: its left and its right channel, None for one that is not there. With one stereo part
    the whole is stereo, and parts of one channel are on both sides. Raises `AudioError`, OSError.
    """
    stereo = any(len(part) > 1 for part in parts)
    try:
        with ExitStack() as stack:
            opened = [
                [_checked(stack.enter_context(wave.open(str(path), "rb"))) if path else None for path in part]
                for part in parts
            ]
            rates = {wav.getframerate() for part in opened for wav in part if wav is not None}
            if len(rates) != 1:
                raise AudioError(f"the parts have {len(rates)} different sample rates")
            whole = stack.enter_context(wave.open(str(target), "wb"))
            whole.setnchannels(2 if stereo else 1)
            whole.setsampwidth(2)
            whole.setframerate(rates.pop())
            for part in opened:
                sides = part * 2 if stereo and len(part) == 1 else part
                for frames in _interleaved(sides) if stereo else _frames(sides[0]):
                    whole.writeframesraw(frames)
    except (wave.Error, EOFError) as error:
        raise AudioError(f"the recording can't be read: {error}") from None


def _checked(wav: wave.Wave_read) -> wave.Wave_read:
    if wav.getsampwidth() != 2 or wav.getnchannels() != 1:
        raise AudioError(f"the recording has {8 * wav.getsampwidth()} bits on {wav.getnchannels()} channels")
    return wav


def _frames(wav: wave.Wave_read | None) -> Iterator[bytes]:
    while wav is not None and (frames := wav.readframes(FRAMES_AT_ONCE)):
        yield frames


def _interleaved(sides: Sequence[wave.Wave_read | None]) -> Iterator[bytes]:
    """Left and right sample by sample; where one side is shorter, it is silent."""
    left, right = sides
    if left is right and left is not None:
        pairs: Iterator[tuple[bytes, bytes]] = ((frames, frames) for frames in _frames(left))
    else:
        pairs = zip_longest(_frames(left), _frames(right), fillvalue=b"")
    for one, other in pairs:
        length = max(len(one), len(other))
        both = array.array("h", bytes(2 * length))
        both[0::2] = array.array("h", one.ljust(length, b"\0"))
        both[1::2] = array.array("h", other.ljust(length, b"\0"))
        yield both.tobytes()


def encode_mp3(source: Path, target: Path) -> None:
    """Convert a WAV file (16 bit) to MP3, a minute at a time. Raises `AudioError`, OSError."""
    try:
        with wave.open(str(source), "rb") as wav, target.open("wb") as mp3:
            if wav.getsampwidth() != 2:
                raise AudioError(f"the recording has {8 * wav.getsampwidth()} bits per sample, 16 are expected")
            encoder = lameenc.Encoder()
            encoder.silence()
            encoder.set_bit_rate(BIT_RATE * wav.getnchannels())
            encoder.set_in_sample_rate(wav.getframerate())
            encoder.set_channels(wav.getnchannels())
            encoder.set_quality(5)
            while frames := wav.readframes(FRAMES_AT_ONCE):
                mp3.write(bytes(encoder.encode(frames)))
            mp3.write(bytes(encoder.flush()))
    except (wave.Error, EOFError) as error:
        raise AudioError(f"the recording can't be read: {error}") from None
