"""The people of the exchange: desk phones, the carrier (the outside world), customers, employees who dial."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.asterisk import PBX_ADDRESS, PHONE_ADDRESS, SECOND_TRUNK_ADDRESS, TRUNK_ADDRESS, Asterisk, PhoneAccount
from lab.ear import CUSTOMER_TONE, EMPLOYEE_TONE, Ear
from lab.media import Address
from lab.moves import Moves
from lab.processes import free_port
from lab.sipp import Sipp
from lab.truth import Dialog

__all__ = ["CUSTOMER_TONE", "EMPLOYEE_TONE", "Caller", "Carrier", "Manner", "Office", "Phone", "register"]

REFUSALS = (403, 404, 408, 480, 484, 486, 487, 488, 500, 503, 504, 600, 603)
REASONS = {
    302: "302 Moved Temporarily",
    486: "486 Busy Here",
    603: "603 Decline",
    480: "480 Temporarily Unavailable",
    404: "404 Not Found",
}
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the phone with this number behaves when it is called. `number` is a regular expression for the carrier.

    It begins to ring `silent_s` seconds after it was called (a mobile that is searched for), rings `ring_s` seconds
    (None: until somebody does something), then answers, or refuses with `refusal`, or sends the call to `forwards_to`
    (302). Having answered it hangs up after `talk_s` seconds (None: leaves that to the other side). A refusal at once
    does not ring.
    """

    number: str
    ring_s: float | None = 1.0
    talk_s: float | None = None
    refusal: int = 0
    silent_s: float = 0.0
    early: bool = False  # its carrier sends sound before the answer (183) instead of ringing (180)
    forwards_to: str = ""  # a number

    @property
    def rings(self) -> bool:
        return not ((self.refusal or self.forwards_to) and self.ring_s == 0)

    @property
    def ring_ms(self) -> int | None:
        return None if self.ring_s is None else round(self.ring_s * 1000)

    @property
    def talk_ms(self) -> int | None:
        return None if self.talk_s is None else round(self.talk_s * 1000)

    def in_scenario(self, pbx: str) -> dict[str, object]:
        """As the template wants it."""
        status = 302 if self.forwards_to else self.refusal
        refusal = REASONS.get(status, f"{status} Refused") if status else ""
        return {
            "number": self.number,
            "rings": self.rings,
            "early": self.early,
            "silent_ms": round(self.silent_s * 1000),
            "ring_ms": self.ring_ms,
            "talk_ms": self.talk_ms,
            "refusal": refusal,
            "forwards_to": f"sip:{self.forwards_to}@{pbx}" if self.forwards_to else "",
        }


def address_of(pbx: Asterisk) -> str:
    """Host and port of its SIP."""
    return f"{PBX_ADDRESS}:{pbx.sip_port}"


def answering(pbx: Asterisk, manners: Sequence[Manner], media_port: int) -> dict[str, object]:
    """The values of answering.xml."""
    phones = [manner.in_scenario(address_of(pbx)) for manner in manners]
    return {"phones": phones, "media_port": media_port, "refusals": REASONS}


@dataclass
class Called(Ear):
    """Phones that are called, one SIPp process for all of them.

    All speak with one tone, those named in `tones` with their own (Hz, multiples of 20).
    """

    tones: Mapping[str, int] = field(default_factory=dict)

    async def play(self, name: str, manners: Sequence[Manner], sip: Address) -> None:
        """Let the phones be there, at an address and port of SIP."""
        self.sip = sip
        self._sipp = Sipp(self.pbx.toolbox, self.folder, name)
        values = answering(self.pbx, manners, await self.open(sip[0]))
        await self._sipp.start("answering.xml", values, ["-i", sip[0], "-p", str(sip[1])], self.trace.feed)
        await self._sipp.listening(*sip)

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self._sipp.stop()

    def tone_of(self, dialog: Dialog) -> int:
        """What the phone of a call says in it."""
        return self.tones.get(dialog.number, self.tone)

    def phone(self, number: str) -> Phone:
        """One of the phones, to do something with it."""
        return Phone(self, number)


@dataclass
class Phone(Moves):
    """A phone that is called, and who sits at it."""

    of: Called
    number: str

    @property
    def ear(self) -> Ear:
        """Whose calls these are."""
        return self.of

    @property
    def dialogs(self) -> list[Dialog]:
        """The calls that reached this phone."""
        return [d for d in self.of.dialogs if d.number == self.number]

    def dial(self, number: str) -> Caller:
        """A call from this desk phone beside those it has: `async with anna.dial("102") as consults: ...`."""
        pbx = self.of.pbx
        account = next(a for a in pbx.accounts if a.extension == self.number)
        tone = self.of.tones.get(self.number, self.of.tone)
        return Caller(pbx, self.of.folder, number=number, account=account, tone=tone)


@dataclass
class Office(Called):
    """Desk phones. They register for real; `unregistered` ones stay away."""

    phones: Sequence[Manner] = ()
    unregistered: Sequence[str] = ()
    tone: int = EMPLOYEE_TONE
    name: str = ""

    async def __aenter__(self) -> Office:
        self.name = self.name or f"office-{next(_serial)}"
        self.sip_port = free_port(PHONE_ADDRESS)
        try:
            await self.play(self.name, self.phones, (PHONE_ADDRESS, self.sip_port))
            present = [p.number for p in self.phones if p.number not in self.unregistered]
            await register(self.pbx, self.folder, present, self.sip_port)
        except BaseException:
            await self.__aexit__()
            raise
        return self

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
    address = address_of(pbx)
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
class Carrier(Called):
    """The other side of a trunk: answers, rings or refuses by the number dialled."""

    numbers: Sequence[Manner] = ()
    tone: int = CUSTOMER_TONE
    second: bool = False  # that of the second trunk

    async def __aenter__(self) -> Carrier:
        name, sip = "carrier", (TRUNK_ADDRESS, self.pbx.carrier_port)
        if self.second:
            name, sip = "carrier-2", (SECOND_TRUNK_ADDRESS, self.pbx.second_carrier_port)
        try:
            await self.play(name, self.numbers, sip)
        except BaseException:
            await self.__aexit__()
            raise
        return self


@dataclass
class Caller(Ear, Moves):
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

    @property
    def ear(self) -> Ear:
        """Whose calls these are."""
        return self

    async def call(self, patience: float = 90.0) -> Dialog:
        """Make the call and see it through; what happened. `TimeoutError` after `patience` seconds."""
        try:
            await self.start()
            await self._sipp.wait(patience)
        finally:
            await self.stop()
        return self.dialogs[0]

    async def __aenter__(self) -> Caller:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.leave()
            return
        try:
            with contextlib.suppress(TimeoutError, RuntimeError):  # something else has failed already
                await self.hang_up()  # or the call would be left over for the next test
        finally:
            await self.stop()

    async def leave(self) -> None:
        """Hang up, if need be, and be gone."""
        try:
            await self.hang_up()
            await self._sipp.wait(10)
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to call; returns when the INVITE is out. `RuntimeError` when SIPp does not make it."""
        self.name = self.name or f"caller-{next(_serial)}"
        address = PHONE_ADDRESS if self.account else TRUNK_ADDRESS
        self.sip = address, free_port(address)
        media_port = await self.open(address)
        self._sipp = Sipp(self.pbx.toolbox, self.folder, self.name)
        await self._sipp.start("calling.xml", self._values(media_port), self._arguments(), self.trace.feed)
        try:
            await self.until("invited_at", 10)
        except TimeoutError:
            raise RuntimeError(f"{self.name} made no call: {self._sipp.complaints()}") from None
        self.keep_habit(asyncio.create_task(self._press_keys()))

    async def stop(self) -> None:
        """Be gone, without a word to anybody."""
        self.close()
        await self._sipp.stop()

    def _values(self, media_port: int) -> dict[str, object]:
        user = self.account.extension if self.account else self.from_number
        shown = f"<sip:{user}@{PHONE_ADDRESS if self.account else TRUNK_ADDRESS}>"
        if self.anonymous:
            shown = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        return {
            "number": self.number,
            "pbx": address_of(self.pbx),
            "from": shown,
            "user": user or "anonymous",
            "password": self.account.password if self.account else "",
            "media_port": media_port,
            "talk_ms": None if self.talk_s is None else round(self.talk_s * 1000),
            "cancel_ms": None if self.gives_up_s is None else round(self.gives_up_s * 1000),
            "refusals": REFUSALS,
        }

    def _arguments(self) -> list[str]:
        host, port = self.sip
        return ["-i", host, "-p", str(port), "-m", "1", "-l", "1", address_of(self.pbx)]

    async def _press_keys(self) -> None:
        dialog = await self.until("answered_at", 600)
        for after, key in self.keys:
            await asyncio.sleep(max(0.0, (dialog.answered_at or 0.0) + after - time.time()))
            if dialog.sound_to:
                self.voice.press(key, dialog.sound_to)
