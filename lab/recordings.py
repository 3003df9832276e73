"""Listening to a recording: how long it is and whose voices are in it."""

from __future__ import annotations

import array
import io
import sys
import wave
from dataclasses import dataclass

from lab.ear import CUSTOMER_TONE, EMPLOYEE_TONES
from lab.media import CHUNK_SECONDS, hears

INAUDIBLE = 200  # of 32768


@dataclass(frozen=True, slots=True)
class Heard:
    """What is on a recording: whose voices in its middle, and which tones anywhere on it."""

    seconds: float
    customer: bool
    employee: bool
    tones: frozenset[int] = frozenset()


def listen(content: bytes) -> Heard:
    """Read a WAV file of 16-bit samples. Raises `wave.Error` or EOFError when it is none."""
    samples, channels, rate = _samples(content)
    frames = len(samples) // channels
    mono = [sum(samples[at : at + channels]) for at in range(0, len(samples), channels)]
    chunk = int(CHUNK_SECONDS * rate)
    middle = _tones(mono[frames // 2 : frames // 2 + chunk], rate)
    pieces = (mono[at : at + chunk] for at in range(0, frames - chunk + 1, 2 * chunk))
    anywhere = middle.union(*(_tones(piece, rate) for piece in pieces))
    return Heard(frames / rate, CUSTOMER_TONE in middle, bool(middle & set(EMPLOYEE_TONES)), anywhere)


def voices(content: bytes) -> list[str]:
    """Who is heard in each half second, a string for each channel: c the customer, e an employee, b both, - nobody."""
    samples, channels, rate = _samples(content)
    chunk = int(CHUNK_SECONDS * rate)
    found = []
    for channel in range(channels):
        side = samples[channel::channels].tolist()
        pieces = (side[at : at + chunk] for at in range(0, len(side) - chunk + 1, chunk))
        found.append("".join(_who(_tones(piece, rate)) for piece in pieces))
    return found


def longest_silence(content: bytes) -> float:
    """For how many seconds on end nothing is on it, to a tenth of a second."""
    samples, channels, rate = _samples(content)
    piece = channels * rate // 10
    longest = silent = 0
    for at in range(0, len(samples) - piece + 1, piece):
        silent = silent + 1 if max(map(abs, samples[at : at + piece])) < INAUDIBLE else 0
        longest = max(longest, silent)
    return longest / 10


def _who(tones: frozenset[int]) -> str:
    customer, employee = CUSTOMER_TONE in tones, bool(tones & set(EMPLOYEE_TONES))
    return "b" if customer and employee else "c" if customer else "e" if employee else "-"


def _samples(content: bytes) -> tuple[array.array[int], int, int]:
    """The samples, the number of channels, the sample rate."""
    with wave.open(io.BytesIO(content)) as sound:
        rate, frames = sound.getframerate(), sound.getnframes()
        channels, width = sound.getnchannels(), sound.getsampwidth()
        if width != 2:
            raise wave.Error(f"{width * 8}-bit samples")
        samples = array.array("h", sound.readframes(frames))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples, channels, rate


def _tones(samples: list[int], rate: int) -> frozenset[int]:
    return frozenset(hertz for hertz in (CUSTOMER_TONE, *EMPLOYEE_TONES) if hears(samples, hertz, rate))
