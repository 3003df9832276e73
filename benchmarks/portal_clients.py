"""Three ways of telling a portal about calls: ours, one request after another, and fast_bitrix24."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp

from b24client import MemoryTokenStore, OAuthAuth, OAuthTokens, Portal
from benchmarks.told_calls import Listener
from stasis_app.calls import facts as f
from stasis_app.calls.record import CallRecord
from stasis_app.mirror import B24PortalCalls, Mirror, Recordings
from stasis_app.settings import Bitrix24Settings, RecordingSettings, StorageSettings
from stasis_app.store import Store, open_store

WEBHOOK = "rest/1/sandboxsecret"
FIRST_USER = 100


class Staff:
    """The employees: extension 2000 is user 100, and so on."""

    def __init__(self, extensions: int) -> None:
        self.employees = [Employee(FIRST_USER + number) for number in range(extensions)]
        self._by_extension = {str(2000 + number): each for number, each in enumerate(self.employees)}

    def by_extension(self, extension: str) -> Employee | None:
        """The one with this extension."""
        return self._by_extension.get(extension)


class Employee:
    """One of them."""

    active = True
    name = ""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id


class Client(Protocol):
    """Something that hears of calls and tells a portal."""

    tell: Listener

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...


class OurMirror:
    """The service's mirror with its outbox on disk, over `b24client`."""

    def __init__(self, url: str, folder: Path, extensions: int) -> None:
        self._url = url
        self._folder = folder
        self._staff = Staff(extensions)
        self.tell: Listener = self._tell

    async def __aenter__(self) -> Self:
        async with aiohttp.ClientSession() as http, http.post(f"{self._url}/sandbox/api/issue_tokens", json={}) as got:
            tokens = OAuthTokens.from_token_reply(await got.json())
        auth = OAuthAuth(self._url, "local.sandbox", "sandboxappsecret", MemoryTokenStore(tokens), self._url)
        self.portal = Portal(auth, allow_http=True)
        await self.portal.start()
        self._store: Store = await open_store(StorageSettings(url=f"sqlite+aiosqlite:///{self._folder}/mirror.sqlite"))
        self.mirror = Mirror(
            self._store.outbox,
            B24PortalCalls(self.portal),
            self._staff,
            Recordings(RecordingSettings(directory=self._folder)),
            Bitrix24Settings(default_user=FIRST_USER),
        )
        await self.mirror.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.mirror.stop()
        await self.portal.aclose()
        await self._store.close()

    def _tell(self, record: CallRecord, fact: f.Fact) -> None:
        self.mirror.on_fact(record, fact)


class _Simple(ABC):
    """What both others have in common: each call's operations in order, one request each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tell: Listener = self._tell
        self.call_ids: dict[str, asyncio.Future[str]] = {}

    def _tell(self, record: CallRecord, fact: f.Fact) -> None:
        phones = [ring.party.number for ring in record.rings]
        users = [FIRST_USER + int(phone) - 2000 for phone in phones]
        match fact:
            case f.Identified():
                self.call_ids[fact.call_id] = asyncio.get_running_loop().create_future()
                number = record.customer_number
                register = {
                    "USER_ID": FIRST_USER, "PHONE_NUMBER": number, "TYPE": 2, "SHOW": 0, "CRM_CREATE": 1,
                    "EXTERNAL_CALL_ID": fact.call_id,
                }  # fmt: skip
                self.operation(fact.call_id, "register", register)
            case f.Ringing() if len(record.ringing_now) == len(phones) == 3:
                self.operation(fact.call_id, "show", {"USER_ID": users})
            case f.Answered():
                self.operation(fact.call_id, "hide", {"USER_ID": users[1:]})
            case f.Ended():
                end = {"USER_ID": users[0], "DURATION": round(record.talk_seconds), "STATUS_CODE": "200"}
                self.operation(fact.call_id, "finish", end)

    @abstractmethod
    def operation(self, call_id: str, name: str, params: dict[str, Any]) -> None:
        """Tell the portal something about a call."""


class InTurn(_Simple):
    """One request for each operation, one after another; a refusal is waited out and the request repeated."""

    async def __aenter__(self) -> Self:
        self._queue: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self._http = aiohttp.ClientSession()
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        await self._http.close()

    def operation(self, call_id: str, name: str, params: dict[str, Any]) -> None:
        self._queue.put_nowait((call_id, name, params))

    async def _work(self) -> None:
        while True:
            call_id, name, params = await self._queue.get()
            if name != "register":
                params["CALL_ID"] = await self.call_ids[call_id]
            result = await self._request(f"telephony.externalCall.{name}", params)
            if name == "register":
                self.call_ids[call_id].set_result(result["CALL_ID"])

    async def _request(self, method: str, params: Mapping[str, Any]) -> Any:
        while True:
            async with self._http.post(f"{self.url}/{WEBHOOK}/{method}", json=params) as answer:
                body = await answer.json()
            if answer.status != 503:
                return body["result"]
            await asyncio.sleep(1)


class FastBitrix24(_Simple):
    """fast_bitrix24 as its documentation shows it: all calls at once, its own throttle."""

    async def __aenter__(self) -> Self:
        from fast_bitrix24.bitrix import BitrixAsync  # what is installed for the tests only

        self._bitrix = BitrixAsync(f"{self.url}/{WEBHOOK}/", ssl=False)
        self._last: dict[str, asyncio.Task[None]] = {}
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._last.values():
            task.cancel()
        await asyncio.gather(*self._last.values(), return_exceptions=True)

    def operation(self, call_id: str, name: str, params: dict[str, Any]) -> None:
        before = self._last.get(call_id)
        self._last[call_id] = asyncio.create_task(self._carry_out(call_id, name, params, before))

    async def _carry_out(
        self, call_id: str, name: str, params: dict[str, Any], before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            with suppress(Exception):
                await before
        if name != "register":
            params["CALL_ID"] = await self.call_ids[call_id]
        result = await self._bitrix.call(f"telephony.externalCall.{name}", params, raw=True)
        if name == "register":
            self.call_ids[call_id].set_result(result["result"]["CALL_ID"])
