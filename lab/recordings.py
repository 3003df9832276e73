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
    with wave.open(io.BytesIO(content)) as sound:
        rate, frames = sound.getframerate(), sound.getnframes()
        channels, width = sound.getnchannels(), sound.getsampwidth()
        if width != 2:
            raise wave.Error(f"{width * 8}-bit samples")
        samples = array.array("h", sound.readframes(frames))
    if sys.byteorder == "big":
        samples.byteswap()
    middle = samples[len(samples) // 2 : len(samples) // 2 + int(CHUNK_SECONDS * rate) * channels]
    mono = [sum(middle[at : at + channels]) for at in range(0, len(middle), channels)]
    return Heard(frames / rate, hears(mono, CUSTOMER_TONE, rate), hears(mono, EMPLOYEE_TONE, rate))
