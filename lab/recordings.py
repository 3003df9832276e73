"""Listening to a recording: how long it is and whose voices are in it."""

from __future__ import annotations

import array
import io
import sys
import wave
from dataclasses import dataclass

from lab.media import CHUNK_SECONDS, hears
from lab.phones import CUSTOMER_TONE, EMPLOYEE_TONE


@dataclass(frozen=True, slots=True)
class Heard:
    """What is on a recording."""

    seconds: float
    customer: bool
    employee: bool


def listen(content: bytes) -> Heard:
    """Read a WAV file of 16-bit samples. Raises `wave.Error` or EOFError when it is none."""
    samples, channels, rate = _samples(content)
    frames = len(samples) // channels
    middle = samples[frames // 2 * channels : (frames // 2 + int(CHUNK_SECONDS * rate)) * channels]
    mono = [sum(middle[at : at + channels]) for at in range(0, len(middle), channels)]
    return Heard(frames / rate, hears(mono, CUSTOMER_TONE, rate), hears(mono, EMPLOYEE_TONE, rate))


def voices(content: bytes) -> list[str]:
    """Who is heard in each half second, a string for each channel: c the customer, e an employee, b both, - nobody."""
    samples, channels, rate = _samples(content)
    chunk = int(CHUNK_SECONDS * rate)
    found = []
    for channel in range(channels):
        side = samples[channel::channels]
        pieces = (side[at : at + chunk] for at in range(0, len(side) - chunk + 1, chunk))
        found.append("".join(_who(piece, rate) for piece in pieces))
    return found


def _who(piece: array.array[int], rate: int) -> str:
    customer, employee = hears(piece, CUSTOMER_TONE, rate), hears(piece, EMPLOYEE_TONE, rate)
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
