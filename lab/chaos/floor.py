"""Where the calls of a chaos run take place: the phones, who has which, and the calls under way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from lab.asterisk import PHONE_ADDRESS, TRUNK_ADDRESS, Asterisk
from lab.chaos.attempt import PATIENCE_S, Attempt, Manner, Ordered
from lab.chaos.company import OVERFLOW, RECEPTION, Office, Offices
from lab.chaos.manners import answers
from lab.ear import CUSTOMER_TONE
from lab.media import tone_frames
from lab.phones import register
from lab.sip_call import SipCall
from lab.softphones import Softphones


@dataclass
class Floor:
    """All people of the exchange. `async with Floor(...) as floor: floor.dial_in(attempt)`."""

    pbx: Asterisk
    folder: Path
    offices: Offices
    service_url: str
    attempts: list[Attempt] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # calls at phones that nobody should have called
    idle: list[Office] = field(init=False)

    def __post_init__(self) -> None:
        self.idle = list(self.offices.offices)
        self._by_phone: dict[str, Attempt] = {}
        self._by_number: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._passwords = {account.extension: account.password for account in self.offices.company.accounts}
        self.desks = Softphones(self.pbx, PHONE_ADDRESS, self._at_a_desk, self.offices.tone_of)
        self.trunk = Softphones(self.pbx, TRUNK_ADDRESS, self._outside, lambda _: CUSTOMER_TONE)
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Floor:
        for hertz in {CUSTOMER_TONE, *map(self.offices.tone_of, self._passwords)}:
            tone_frames(hertz)
        await self.desks.open()
        await self.trunk.open(self.pbx.carrier_port)
        await register(self.pbx, self.folder, list(self._passwords), self.desks.sip[1])
        headers = {"Authorization": f"Bearer {self.offices.company.token}"}
        self._http = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=8))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        self.desks.close()
        self.trunk.close()
        await self._http.close()

    # ---------------------------------------- calls

    @contextlib.asynccontextmanager
    async def having(self, attempt: Attempt) -> AsyncIterator[None]:
        """While a call is under way its office and its customer are its own."""
        self.attempts.append(attempt)
        for phone in attempt.office.phones:
            self._by_phone[phone] = attempt
        if attempt.customer:
            self._by_number[attempt.customer[-10:]] = attempt
        try:
            yield
            await attempt.see_off()
            await asyncio.sleep(1.5)  # what is still on its way belongs to this call
        finally:
            for phone in attempt.office.phones:
                del self._by_phone[phone]
            self._by_number.pop(attempt.customer[-10:], None)
            self.idle.append(attempt.office)
            attempt.listen(self.offices.tone_of)
            for call in attempt.calls:
                call.phones.forget(call)

    def dial_in(self, attempt: Attempt) -> SipCall:
        """The customer calls the line."""
        attempt.tell(f"customer {attempt.customer} calls {attempt.line}")
        attempt.outside = attempt.caller = self.trunk.call(attempt.line, by=attempt.customer)
        return attempt.outside

    def dial_from(self, attempt: Attempt, extension: str, number: str) -> SipCall:
        """An employee dials."""
        attempt.tell(f"{extension} dials {number}")
        call = self.desks.call(number, by=extension, password=self._passwords[extension])
        attempt.legs.append(call)
        return call

    async def order(self, attempt: Attempt, extension: str, number: str) -> bool:
        """A call is ordered of the service; whether it took the order."""
        attempt.tell(f"the API is asked to connect {extension} and {number}")
        at = time.time()
        taken = await self._ask(attempt, "POST", "/api/v1/calls", {"extension": extension, "number": number})
        attempt.ordered = Ordered(at, taken)
        return bool(taken)

    async def order_move(self, attempt: Attempt, what: str, body: dict[str, object], method: str = "POST") -> bool:
        """Something is ordered to be done with a live call (`transfer` ...); whether the service took the order."""
        call_id = (await self._live(attempt)).get("id")
        if not call_id:
            attempt.tell(f"the service knows no such live call, so no {what} can be ordered")
            return False
        attempt.tell(f"the API is asked for {what} {body}")
        return bool(await self._ask(attempt, method, f"/api/v1/calls/{call_id}/{what}", body))

    async def set_at(self, attempt: Attempt, extension: str, **settings: object) -> bool:
        """An employee sets something at his phone (`do_not_disturb` ...); whether the service took it."""
        attempt.tell(f"the API is asked to set {settings} for {extension}")
        return bool(await self._ask(attempt, "PUT", f"/api/v1/extensions/{extension}", settings))

    async def slot_of(self, attempt: Attempt) -> str:
        """Under which number it waits to be taken, "" when it is not parked or the service can't be asked."""
        return str((await self._live(attempt)).get("parked", ""))

    async def is_something_to_be_told(self) -> bool:
        """Whether the service still has something to tell the portal; true as well when it can't be asked."""
        try:
            async with self._http.get(f"{self.service_url}/api/v1/outbox") as answer:
                return answer.status != 200 or any(i["state"] != "refused" for i in (await answer.json())["items"])
        except (aiohttp.ClientError, TimeoutError):
            return True

    async def _live(self, attempt: Attempt) -> Mapping[str, Any]:
        """What the service says of the call; nothing when it knows no such live one, or can't be asked."""
        try:
            async with self._http.get(f"{self.service_url}/api/v1/calls") as answer:
                calls = (await answer.json())["calls"]
        except (aiohttp.ClientError, TimeoutError):
            return {}
        mine = attempt.customer[-10:] or repr(attempt.placed_by)
        return next((call for call in calls if mine in str(call)), {})

    async def _ask(self, attempt: Attempt, method: str, path: str, body: dict[str, object]) -> bool | None:
        """Whether the service did what it was asked for; None when nobody knows."""
        try:
            async with self._http.request(method, f"{self.service_url}{path}", json=body) as answer:
                if answer.status >= 300:
                    attempt.tell(f"the service refuses: HTTP {answer.status} {(await answer.text())[:200]}")
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError) as error:
            attempt.tell(f"the service does not answer: {type(error).__name__}")
            return False if isinstance(error, aiohttp.ClientConnectorError) else None

    async def until_hung_up(self, attempt: Attempt, patience: float = PATIENCE_S) -> None:
        """The customer waits, talks, and has his limits."""
        side = attempt.outside
        if side is None or await side.until_over(patience):
            return
        attempt.out_of_patience = True
        attempt.tell("the customer is out of patience")
        await side.hang_up()

    # ---------------------------------------- calls that come

    def _at_a_desk(self, call: SipCall) -> None:
        common = call.number in (RECEPTION, OVERFLOW)
        number = call.dialog.caller[-10:]
        attempt = self._by_number.get(number) if common else self._by_phone.get(call.number)
        manner: Manner | None = None
        if attempt is not None:
            manner = answers(0.5) if common else attempt.manner_of(call.number)
        if attempt is None or manner is None:
            self.strangers.append(f"{time.time():.3f} {call.number} was called by {call.dialog.caller}")
            call.refuse(486)
            return
        attempt.legs.append(call)
        attempt.tell(f"{call.number} is called, its display shows {call.dialog.caller}")
        self._spawn(self._behave(attempt, call, manner))

    def _outside(self, call: SipCall) -> None:
        attempt = self._by_number.get(call.number[-10:])
        manner = attempt.manner_of("outside") if attempt else None
        if attempt is None or manner is None:
            self.strangers.append(f"{time.time():.3f} the outside number {call.number} was called")
            call.refuse(404)
            return
        if attempt.outside is not None and not attempt.outside.over:
            self.strangers.append(f"{time.time():.3f} the outside number {call.number} was called twice")
            call.refuse(486)
            return
        attempt.outside = call
        attempt.tell(f"outside {call.number} is called")
        self._spawn(self._behave(attempt, call, manner))

    async def _behave(self, attempt: Attempt, call: SipCall, manner: Manner) -> None:
        try:
            await manner(attempt, call)
        except Exception as error:
            attempt.stall(f"what {call.number} did failed: {type(error).__name__} {error}")
            await call.hang_up()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
