"""The voices of the exchange: RTP in PCMA with a tone of one's own, keys as RFC 4733 events, and what was heard.

SIPp does the SIP; the sound of its calls is made here, over an ordinary UDP socket (SIPp's own key presses need raw
sockets, hence root). Twenty milliseconds a packet, as desk phones do.
"""

from __future__ import annotations

import asyncio
import bisect
import math
import random
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

RATE = 8000
FRAME = 160  # samples in 20 ms
PCMA, TELEPHONE_EVENT = 8, 101
CHUNK_SECONDS = 0.5  # of sound, enough to tell the tones apart
AUDIBLE = 800  # the amplitude from which a tone counts as heard
LOOK_EVERY = 10  # packets, for who talked when
KEYS = "0123456789*#ABCD"

Address = tuple[str, int]


def _alaw_decoded(code: int) -> int:
    """One A-law octet as a 16-bit sample (ITU-T G.711)."""
    code ^= 0x55
    mantissa, exponent = code & 0x0F, (code & 0x70) >> 4
    sample = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return sample if code & 0x80 else -sample


ALAW = tuple(_alaw_decoded(code) for code in range(256))
_BY_SAMPLE = sorted((sample, code) for code, sample in enumerate(ALAW))


def alaw(sample: int) -> int:
    """The A-law octet nearest to a 16-bit sample."""
    at = bisect.bisect_left(_BY_SAMPLE, (sample, 0))
    return min(_BY_SAMPLE[max(0, at - 1) : at + 1], key=lambda entry: abs(entry[0] - sample))[1]


@cache
def tone_frames(hertz: int, seconds: int = 1, level: int = 6000) -> list[bytes]:
    """A whole number of seconds of a sine tone as PCMA frames; played round and round it has no clicks."""
    once = bytes(alaw(round(level * math.sin(2 * math.pi * hertz * n / RATE))) for n in range(RATE * seconds))
    return [once[at : at + FRAME] for at in range(0, len(once), FRAME)]


def loudness(samples: Sequence[float], hertz: int, rate: int = RATE) -> float:
    """The amplitude of one frequency in a piece of sound (Goertzel), in units of the samples."""
    if not samples:
        return 0.0
    factor = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def hears(samples: Sequence[float], hertz: int, rate: int = RATE) -> bool:
    """Whether a tone of this exchange is in the sound, be it mixed with another.

    Asked of pieces of 50 ms, most of which must have it: a lost packet shifts the phase, and over a longer piece the
    tone would cancel itself out.
    """
    piece = rate // 20
    pieces = [samples[at : at + piece] for at in range(0, len(samples) - piece + 1, piece)]
    return sum(loudness(p, hertz, rate) > AUDIBLE for p in pieces) * 2 > len(pieces)


SILENCE = bytes(abs(sample) < 200 for sample in ALAW)  # by A-law octet: 1 where nobody would call it a sound


@dataclass
class Sound:
    """What came from one address, packet by packet, with the Unix time of its arrival."""

    packets: list[tuple[float, bytes]] = field(default_factory=list)
    presses: dict[int, str] = field(default_factory=dict)  # by the RTP timestamp of a key's beginning

    @property
    def keys(self) -> str:
        """The keys that were pressed, as RFC 4733 events (the packets of one key share their timestamp: 2.5.1.2)."""
        return "".join(self.presses.values())

    def hears(self, hertz: int, since: float = 0.0, until: float = math.inf) -> bool:
        """Whether a tone was there for half a second at least."""
        heard = b"".join(payload for at, payload in self.packets if since <= at <= until)
        chunk = int(CHUNK_SECONDS * RATE)
        return any(
            hears([ALAW[octet] for octet in heard[at : at + chunk]], hertz)
            for at in range(0, len(heard) - chunk + 1, chunk)
        )

    def when(self, hertz: int) -> list[tuple[float, float]]:
        """From when to when a tone was heard; asked five times a second, a gap of half a second is none."""
        moments = []
        for at in range(0, len(self.packets) - 2, LOOK_EVERY):
            piece = b"".join(payload for _, payload in self.packets[at : at + 3])[: RATE // 20]
            if loudness([ALAW[octet] for octet in piece], hertz) > AUDIBLE:
                moments.append(self.packets[at][0])
        intervals: list[tuple[float, float]] = []
        for moment in moments:
            if intervals and moment - intervals[-1][1] < 0.5:
                intervals[-1] = intervals[-1][0], moment
            else:
                intervals.append((moment, moment))
        return [(began, ended + LOOK_EVERY * FRAME / RATE) for began, ended in intervals]

    def told(self, since: float) -> str:
        """What came since a moment, in words for whoever waited for something else."""
        late = [payload for at, payload in self.packets if at >= since]
        if not late:
            return "no sound came at all"
        samples = [ALAW[octet] for octet in b"".join(late[-5:])]
        tones = [f"{hertz} Hz" for hertz in range(100, 2001, 20) if loudness(samples, hertz) > AUDIBLE]
        return f"{len(late)} packets came, at last {' and '.join(tones) or 'silence'}"

    def longest_silence(self, since: float, until: float) -> float:
        """The longest time without any sound between two moments, seconds."""
        return max((ended - began for began, ended in self.silences(since, until, 0.0)), default=0.0)

    def silences(self, since: float, until: float, longer_than: float) -> list[tuple[float, float]]:
        """From when to when there was no sound at all between two moments, for more than so many seconds."""
        audible = [
            at
            for at, payload in self.packets
            if since < at < until and payload.translate(SILENCE).count(0) > len(payload) // 20
        ]
        return [(left, right) for left, right in pairwise([since, *audible, until]) if right - left > longer_than]


@dataclass
class _Stream:
    """Sound being sent to one address."""

    to: Address
    frames: list[bytes]
    sequence: int = field(default_factory=lambda: random.randrange(1 << 15))
    timestamp: int = field(default_factory=lambda: random.randrange(1 << 31))
    source: int = field(default_factory=lambda: random.randrange(1 << 32))
    frame: int = 0
    keys: list[tuple[str, int]] = field(default_factory=list)  # key, packets of it already sent
    paused: bool = False


class Voice(asyncio.DatagramProtocol):
    """One RTP socket: says its tone into every open call and keeps what it hears, by the other side's address."""

    def __init__(self, hertz: int) -> None:
        self.hertz = hertz
        self.heard: dict[Address, Sound] = {}
        self._streams: dict[Address, _Stream] = {}
        self._arrived = asyncio.Event()
        self._through = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._clock: asyncio.Task[None] | None = None

    async def open(self, address: str) -> int:
        """Bind to a free port of `address`; the port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 0))
        self._clock = asyncio.create_task(self._run(), name=f"voice {self.hertz} Hz")
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Fall silent for good."""
        if self._clock:
            self._clock.cancel()
        if self._transport:
            self._transport.close()

    def talk_to(self, address: Address, hertz: int | None = None) -> None:
        """Begin to send the tone (or another) there, or go on after a pause; does nothing when one is being sent."""
        if address not in self._streams:
            self._streams[address] = _Stream(address, tone_frames(hertz or self.hertz))
        self._streams[address].paused = False

    def pause(self, address: Address) -> None:
        """Send nothing there until `talk_to`; it stays the same stream, as a phone's does during a hold."""
        if stream := self._streams.get(address):
            stream.paused = True

    def fall_silent(self, address: Address) -> None:
        """Go on sending there, but nothing that can be heard, as a phone does whose owner says nothing."""
        if stream := self._streams.get(address):
            stream.frames = tone_frames(0)

    def hush(self, address: Address) -> None:
        """Stop sending there."""
        self._streams.pop(address, None)
        self._through.set()

    def forget(self, address: Address) -> Sound:
        """Forget what was heard from there: the port may be another call's next. What was heard."""
        return self.heard.pop(address, Sound())

    def press(self, key: str, address: Address) -> None:
        """Press a key for 100 ms in the call with `address`; ignored when that call is over."""
        if stream := self._streams.get(address):
            stream.keys.append((key, 0))

    async def until_pressed(self, address: Address) -> None:
        """Wait until every key pressed in the call with `address` is through."""
        while (stream := self._streams.get(address)) and stream.keys:
            self._through.clear()
            await self._through.wait()

    def hears_from(self, address: Address, hertz: int) -> bool:
        """Whether a tone came from there for half a second at least."""
        return self.heard.get(address, Sound()).hears(hertz)

    async def until_heard(self, address: Address, frames: int) -> None:
        """Wait until so many packets of sound have come from there."""
        while len(self.heard.setdefault(address, Sound()).packets) < frames:
            self._arrived.clear()
            await self._arrived.wait()

    async def until_keys(self, address: Address, keys: str) -> None:
        """Wait until exactly these keys have come from there."""
        while self.heard.setdefault(address, Sound()).keys != keys:
            self._arrived.clear()
            await self._arrived.wait()

    async def until_hears(self, address: Address, hertz: int) -> None:
        """Wait until a tone comes from there that was not there before, or still is."""
        chunk = int(CHUNK_SECONDS * RATE / FRAME)
        while True:
            have = len(self.heard.setdefault(address, Sound()).packets)
            await self.until_heard(address, have + chunk)
            if Sound(self.heard[address].packets[have : have + chunk]).hears(hertz):
                return

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Keep sound and keys, pass over everything else."""
        kind, payload = data[1] & 0x7F if len(data) > 12 else None, data[12:]
        if kind == PCMA:
            self.heard.setdefault(addr, Sound()).packets.append((time.time(), payload))
        elif kind == TELEPHONE_EVENT and payload[0] < len(KEYS):
            (began,) = struct.unpack("!I", data[4:8])
            self.heard.setdefault(addr, Sound()).presses[began] = KEYS[payload[0]]
        self._arrived.set()

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            for stream in list(self._streams.values()):
                self._send_next(stream)
            due += FRAME / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _send_next(self, stream: _Stream) -> None:
        if stream.keys:
            self._send_key(stream)
        elif not stream.paused:
            self._send(stream, PCMA, stream.timestamp, stream.frames[stream.frame % len(stream.frames)])
        stream.frame += 1
        stream.timestamp = (stream.timestamp + FRAME) & 0xFFFFFFFF

    def _send_key(self, stream: _Stream) -> None:
        """One packet of a key press: five while it is held, three that end it, then silence (RFC 4733, 2.5)."""
        key, sent = stream.keys[0]
        if sent < 8:
            began = (stream.timestamp - sent * FRAME) & 0xFFFFFFFF
            ends = sent >= 5
            event = struct.pack("!BBH", KEYS.index(key), (0x80 if ends else 0) | 10, FRAME * min(sent + 1, 6))
            self._send(stream, TELEPHONE_EVENT, began, event, marker=sent == 0)
        stream.keys[0] = (key, sent + 1)
        if sent + 1 >= 13:
            stream.keys.pop(0)
            self._through.set()

    def _send(self, stream: _Stream, kind: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        header = struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | kind, stream.sequence, timestamp, stream.source)
        stream.sequence = (stream.sequence + 1) & 0xFFFF
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(header + payload, stream.to)
