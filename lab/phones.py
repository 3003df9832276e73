"""The people of the exchange: desk phones, the carrier (the outside world), customers, employees who dial."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.asterisk import PBX_ADDRESS, PHONE_ADDRESS, SECOND_TRUNK_ADDRESS, TRUNK_ADDRESS, Asterisk, PhoneAccount
from lab.media import Voice
from lab.processes import free_port
from lab.sipp import Sipp
from lab.truth import Dialog, Message, Trace

REFUSALS = (403, 404, 408, 480, 484, 486, 487, 488, 500, 503, 504, 600, 603)
REASONS = {486: "486 Busy Here", 603: "603 Decline", 480: "480 Temporarily Unavailable", 404: "404 Not Found"}
CUSTOMER_TONE, EMPLOYEE_TONE = 440, 1000  # Hz; neither is a harmonic of the other
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the phone with this number behaves when it is called. `number` is a regular expression for the carrier.

    It begins to ring `silent_s` seconds after it was called (a mobile that is searched for), rings `ring_s` seconds
    (None: until the caller gives up), then answers, or refuses with `refusal`. Having answered it hangs up after
    `talk_s` seconds (None: leaves that to the other side). A refusal at once does not ring.
    """

    number: str
    ring_s: float | None = 1.0
    talk_s: float | None = None
    refusal: int = 0
    silent_s: float = 0.0
    early: bool = False  # its carrier sends sound before the answer (183) instead of ringing (180)

    @property
    def rings(self) -> bool:
        return not (self.refusal and self.ring_s == 0)

    @property
    def ring_ms(self) -> int | None:
        return None if self.ring_s is None else round(self.ring_s * 1000)

    @property
    def talk_ms(self) -> int | None:
        return None if self.talk_s is None else round(self.talk_s * 1000)

    def in_scenario(self) -> dict[str, object]:
        """As the template wants it."""
        refusal = REASONS.get(self.refusal, f"{self.refusal} Refused") if self.refusal else ""
        return {
            "number": self.number,
            "rings": self.rings,
            "early": self.early,
            "silent_ms": round(self.silent_s * 1000),
            "ring_ms": self.ring_ms,
            "talk_ms": self.talk_ms,
            "refusal": refusal,
        }


@dataclass
class _Ear:
    """What all of them have: a voice, a trace, and the news of every SIP message."""

    pbx: Asterisk
    folder: Path
    tone: int
    voice: Voice = field(init=False)
    trace: Trace = field(init=False)
    changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.voice = Voice(self.tone)
        self.trace = Trace(self._hear)

    @property
    def dialogs(self) -> list[Dialog]:
        """The calls so far, in the order they began."""
        return list(self.trace.dialogs.values())

    def _hear(self, message: Message, dialog: Dialog) -> None:
        if dialog.sound_to and (dialog.answered_at or dialog.early_sent_at) and not dialog.over:
            self.voice.talk_to(dialog.sound_to)
        if dialog.over and dialog.sound_to:
            self.voice.hush(dialog.sound_to)
        self.changed.set()

    async def until(self, question: str, seconds: float = 20.0) -> Dialog:
        """Wait until some call has the named time (`ringing_at`, `answered_at`, `ended_at` ...); that call."""
        async with asyncio.timeout(seconds):
            while True:
                for dialog in self.dialogs:
                    if getattr(dialog, question):
                        return dialog
                self.changed.clear()
                await self.changed.wait()

    def heard(self, dialog: Dialog, hertz: int) -> bool:
        """Whether a tone was heard in this call; asked once, then what was heard is forgotten."""
        if dialog.sound_to is None:
            return False
        heard = self.voice.hears_from(dialog.sound_to, hertz)
        self.voice.forget(dialog.sound_to)
        return heard


@dataclass
class Office(_Ear):
    """Desk phones, one SIPp process for all of them. They register for real; `unregistered` ones stay away."""

    phones: Sequence[Manner] = ()
    unregistered: Sequence[str] = ()
    tone: int = EMPLOYEE_TONE
    name: str = ""

    async def __aenter__(self) -> Office:
        self.name = self.name or f"office-{next(_serial)}"
        media_port = await self.voice.open(PHONE_ADDRESS)
        self.sip_port = free_port(PHONE_ADDRESS)
        self._sipp = Sipp(self.pbx.toolbox, self.folder, self.name)
        await self._sipp.start(
            "answering.xml",
            {"phones": [p.in_scenario() for p in self.phones], "media_port": media_port},
            ["-i", PHONE_ADDRESS, "-p", str(self.sip_port)],
            self.trace.feed,
        )
        await self._sipp.listening(PHONE_ADDRESS, self.sip_port)
        present = [p.number for p in self.phones if p.number not in self.unregistered]
        await register(self.pbx, self.folder, present, self.sip_port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.voice.close()
        await self._sipp.stop()

    def calls_of(self, extension: str) -> list[Dialog]:
        """The calls that reached this phone."""
        return [d for d in self.dialogs if d.number == extension]


async def register(
    pbx: Asterisk, folder: Path, extensions: Sequence[str], contact_port: int, *, expires: int = 3600
) -> None:
    """Register phones with their passwords (`expires=0` takes them away); `RuntimeError` when Asterisk refuses."""
    if not extensions:
        return
    passwords = {account.extension: account.password for account in pbx.accounts}
    registrar = Sipp(pbx.toolbox, folder, f"register-{next(_serial)}")
    rows = [f"{e};[authentication username={e} password={passwords[e]}]" for e in extensions]
    users = folder / f"{registrar.name}.csv"
    users.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
    address = f"{PBX_ADDRESS}:{pbx.sip_port}"
    await registrar.start(
        "register.xml",
        {"pbx": address, "contact_port": contact_port, "expires": expires},
        [
            *("-i", PHONE_ADDRESS, "-p", str(free_port(PHONE_ADDRESS)), "-inf", str(users)),
            *("-m", str(len(extensions)), "-r", "200", address),
        ],
    )
    try:
        if await registrar.wait(20 + len(extensions) / 100):
            raise RuntimeError(f"registration of {', '.join(extensions)} failed: {registrar.complaints()}")
    finally:
        await registrar.stop()


@dataclass
class Carrier(_Ear):
    """The other side of a trunk: answers, rings or refuses by the number dialled."""

    numbers: Sequence[Manner] = ()
    tone: int = CUSTOMER_TONE
    second: bool = False  # that of the second trunk

    async def __aenter__(self) -> Carrier:
        address = SECOND_TRUNK_ADDRESS if self.second else TRUNK_ADDRESS
        port = self.pbx.second_carrier_port if self.second else self.pbx.carrier_port
        media_port = await self.voice.open(address)
        self._sipp = Sipp(self.pbx.toolbox, self.folder, "carrier-2" if self.second else "carrier")
        await self._sipp.start(
            "answering.xml",
            {"phones": [n.in_scenario() for n in self.numbers], "media_port": media_port},
            ["-i", address, "-p", str(port)],
            self.trace.feed,
        )
        await self._sipp.listening(address, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.voice.close()
        await self._sipp.stop()


@dataclass
class Caller(_Ear):
    """Somebody who calls once: a customer, or with `account` an employee from his desk phone.

    He gives up `gives_up_s` seconds after it began to ring, hangs up `talk_s` seconds after the answer (None: never),
    and presses `keys`: (seconds after the answer, key).
    """

    number: str = ""
    from_number: str = ""
    account: PhoneAccount | None = None
    talk_s: float | None = None
    gives_up_s: float | None = None
    keys: Sequence[tuple[float, str]] = ()
    anonymous: bool = False
    tone: int = CUSTOMER_TONE
    name: str = ""

    async def call(self, patience: float = 90.0) -> Dialog:
        """Make the call and see it through; what happened. `TimeoutError` after `patience` seconds."""
        self.name = self.name or f"caller-{next(_serial)}"
        address = PHONE_ADDRESS if self.account else TRUNK_ADDRESS
        media_port = await self.voice.open(address)
        sipp = Sipp(self.pbx.toolbox, self.folder, self.name)
        pressing = asyncio.create_task(self._press_keys())
        try:
            await sipp.start("calling.xml", self._values(media_port), self._arguments(address), self.trace.feed)
            await sipp.wait(patience)
        finally:
            pressing.cancel()
            await sipp.stop()
            self.voice.close()
        if not self.dialogs:
            raise RuntimeError(f"{self.name} made no call: {sipp.complaints()}")
        return self.dialogs[0]

    def _values(self, media_port: int) -> dict[str, object]:
        pbx = f"{PBX_ADDRESS}:{self.pbx.sip_port}"
        user = self.account.extension if self.account else self.from_number
        shown = f"<sip:{user}@{PHONE_ADDRESS if self.account else TRUNK_ADDRESS}>"
        if self.anonymous:
            shown = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        return {
            "number": self.number,
            "pbx": pbx,
            "from": shown,
            "user": user or "anonymous",
            "password": self.account.password if self.account else "",
            "media_port": media_port,
            "talk_ms": None if self.talk_s is None else round(self.talk_s * 1000),
            "cancel_ms": None if self.gives_up_s is None else round(self.gives_up_s * 1000),
            "refusals": REFUSALS,
        }

    def _arguments(self, address: str) -> list[str]:
        port = str(free_port(address))
        return ["-i", address, "-p", port, "-m", "1", "-l", "1", f"{PBX_ADDRESS}:{self.pbx.sip_port}"]

    async def _press_keys(self) -> None:
        dialog = await self.until("answered_at", 600)
        for after, key in self.keys:
            await asyncio.sleep(max(0.0, (dialog.answered_at or 0.0) + after - time.time()))
            if dialog.sound_to:
                self.voice.press(key, dialog.sound_to)
