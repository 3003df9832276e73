"""An office of three on a real Asterisk: Ivan calls, Anna's phone rings, and the CRM is asked who really talked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.moves import Moves
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office
from lab.story import Client, Numbers

N = Numbers(1)
ANNA, BORIS, VERA = N.phone(1), N.phone(2), N.phone(3)
TONES = {ANNA: 1000, BORIS: 1200, VERA: 1400}
PHONES = tuple(Manner(phone, ring_s=None) for phone in TONES)
IVAN = Client(N.client(1), ANNA, "Ivan Ivanov")


class Scene:
    """Ivan called; his call rings at Anna's."""

    def __init__(self, exchange: Exchange, office: Office, ivan: Caller, known: set[str]) -> None:
        self.exchange = exchange
        self.ivan = ivan
        self.anna, self.boris, self.vera = (office.phone(number) for number in TONES)
        self.known = known  # the calls the CRM held before

    async def begin(self) -> None:
        self.rings = await self.anna.until_ringing()

    async def talk(self) -> None:
        """Anna answers."""
        await self.anna.answer(self.rings)
        self.hers, self.his = await self.anna.until_talking(), await self.ivan.until_talking()
        await self.ivan.until_hears(self.his, TONES[ANNA])

    async def order(self, method: str, path: str, **body: object) -> Any:
        """Something is ordered of the service."""
        async with self.exchange.api() as http:
            async with http.get("/api/v1/calls") as answer:
                (call,) = (
                    call
                    for call in (await answer.json())["calls"]
                    if call["direction"] == "inbound" and not call["ended_at"]
                )
            url = f"/api/v1/calls/{call['id']}/{path}".rstrip("/")
            async with http.request(method, url, json=body or None) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json() if answer.content_type == "application/json" else None

    async def until_kept(self, kind: str) -> None:
        """Wait until a fact of his call is on disk: the service tells a story from there."""

        async def is_kept() -> bool:
            return any(fact["fact"] == kind for fact in (await self.order("GET", ""))["facts"])

        await eventually(is_kept, 10)

    async def now_with(self, party: Moves, number: str) -> Any:
        """The customer is with this employee, both hear each other."""
        talk = await party.until_talking()
        await self.ivan.until_hears(self.his, TONES[number])
        await party.until_hears(talk, CUSTOMER_TONE)
        return talk

    async def declines(self, party: Moves, number: str) -> None:
        """He looks at the card that came up, and declines."""
        ringing = await party.until_ringing()
        await self.exchange.portal.until_call(
            lambda c: any(card["user_id"] == self.user(number) for card in c["cards"]) and not c["finish"]
        )
        await party.decline(ringing)

    def user(self, number: str) -> int:
        return self.exchange.company.user_of(number)

    async def crm(self) -> dict[str, Any]:
        """The one record the CRM holds of it, after the customer hung up."""
        await self.ivan.hang_up()
        crm = await self.exchange.portal.until_call(lambda c: c["call_id"] not in self.known and bool(c["finish"]))
        held = [c for c in await self.exchange.portal.calls() if c["call_id"] not in self.known]
        assert [c["call_id"] for c in held] == [crm["call_id"]]
        return crm

    async def is_credited_to(self, number: str, *cards: str, perhaps: str = "") -> None:
        """Whom the CRM names, and who had a card in between; nobody has one any more.

        The portal takes few requests: a card that was wanted for a moment only may never have been shown. Who wanted
        it so stands in `perhaps`.
        """
        crm = await self.crm()
        assert int(crm["finish"]["user_id"]) == self.user(number)
        shown, wanted = {card["user_id"] for card in crm["cards"]}, {self.user(card) for card in (number, *cards)}
        assert shown - ({self.user(perhaps)} if perhaps else set()) == wanted
        assert [card for card in crm["cards"] if card["hidden_at"] is None] == []


@asynccontextmanager
async def ivan_calls(exchange: Exchange, office: Office) -> AsyncIterator[Scene]:
    """The call is on its way; whom it reaches is for the plan to say."""
    # Before he calls: the CRM may have his call before SIPp has told of it.
    known = {call["call_id"] for call in await exchange.portal.calls()}
    async with Caller(exchange.pbx, exchange.folder, number=N.did, from_number=N.client(1)) as ivan:
        yield Scene(exchange, office, ivan, known)
        await ivan.hang_up()


@asynccontextmanager
async def open_exchange(exchange: Exchange) -> AsyncIterator[Exchange]:
    """The exchange at work; when it closes nothing is left of any call, neither on it nor in the CRM."""
    async with exchange as running:
        yield running
        await running.until_nothing_is_left()
        assert await running.portal.audit() == []
