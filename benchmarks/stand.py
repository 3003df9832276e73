"""Where everything is measured: a real Asterisk, phones and callers of SIPp, the portal sandbox and the service.

Every caller is a client of the CRM, and each has a responsible employee of his own, so a run of calls is the service's
main job over and over: who is calling, whose client is he, is that one's phone free, ring it, show the card, record.
"""

from __future__ import annotations

import asyncio
import re
import socket
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from lab.asterisk import Asterisk
from lab.company import Company, table
from lab.load import LoadPhones
from lab.phones import Manner
from lab.processes import free_port
from lab.rig import Rig
from lab.services import HOST, Portal, Program, sandbox, service
from lab.story import HANG_UP, Client, Story

PORTAL_LATENCY_S = 0.06
SERVICE_LINE = "74957770000"
_FIRST_EXTENSION = 2000


class Stand(Rig):
    """`async with Stand() as stand: ...` starts everything; at the end nothing is left.

    Args:
        phones: how many desk phones there are, and as many clients. A phone takes one call at a time, so there have to
            be more of them than calls at once.
        dialplan: more dialplan.
        record: whether talks are recorded.
        on_trace: given the phones' trace of SIP messages as it grows.
        keep: copy the logs here at the end.
    """

    def __init__(
        self,
        *,
        phones: int = 500,
        dialplan: str = "",
        record: bool = True,
        on_trace: Callable[[bytes], None] | None = None,
        keep: Path | None = None,
    ) -> None:
        super().__init__("bench", keep)
        self.extensions = [str(_FIRST_EXTENSION + n) for n in range(phones)]
        self.clients = [f"7916555{n:04d}" for n in range(phones)]
        self._company = Company([_everybody(self.extensions, self.clients)])
        self._record = record
        self._on_trace = on_trace
        self.pbx = Asterisk(self._company.accounts, dialplan=dialplan, keep_folder=keep and keep / "asterisk")
        self.portal: Portal
        self.service: Program

    async def _start(self) -> None:
        await self._stack.enter_async_context(self.pbx)
        phones = LoadPhones(self.pbx, self.folder, self.extensions, on_trace=self._on_trace)
        await self._stack.enter_async_context(phones)
        port = free_port(HOST, socket.SOCK_STREAM)
        latency = ("--no-limits", "--latency", str(PORTAL_LATENCY_S))
        portal = sandbox(self.folder / "seed.toml", self.folder, *latency)
        files = self._company.write(self.folder, self.pbx, portal=portal.url, http_port=port)
        _configure_for_load(files["stasis"], record=self._record)
        self._stack.push_async_callback(portal.stop)
        await portal.start()
        self.portal = await self._stack.enter_async_context(Portal(portal.url))
        self.service = service(files["stasis"], port, self.folder)
        self._stack.push_async_callback(self.service.stop)
        await self.service.start()
        await self.portal.install(self.service.url)
        await self._until("is ready", self._is_ready)

    @property
    def headers(self) -> dict[str, str]:
        """What opens the service's API."""
        return {"Authorization": f"Bearer {self._company.token}"}

    async def restart_service(self) -> None:
        """A fresh process, for figures of memory."""
        await self.service.stop()
        await self.service.start()
        await self._until("is ready", self._is_ready)

    async def settle(self, patience: float = 300.0) -> None:
        """Wait until no call is left in Asterisk and the portal knows all there is to know; `TimeoutError` if not."""
        await self._until("has done everything", self._is_idle, patience)

    async def complete_in_crm(self, since: float) -> int:
        """How many calls registered since then (Unix time) the portal holds with their end and their recording."""
        calls = await self.portal.calls()
        return sum(bool(c["registered_at"] >= since and c["finish"] and c["record"]) for c in calls)

    async def _until(
        self, state: str, reached: Callable[[aiohttp.ClientSession], Awaitable[bool]], patience: float = 30
    ) -> None:
        try:
            async with asyncio.timeout(patience), aiohttp.ClientSession() as http:
                while True:
                    if await reached(http):
                        return
                    await asyncio.sleep(0.25)
        except TimeoutError:
            words = self.service.last_words()
            raise TimeoutError(f"after {patience:g} s still no service that {state}:\n{words}") from None

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        async with http.get(f"{self.service.url}/readyz", headers=self.headers) as answer:
            return bool((await answer.json())["status"] == "ready")

    async def _is_idle(self, http: aiohttp.ClientSession) -> bool:
        async with http.get(f"{self.pbx.url}/ari/channels", headers=self.pbx.credentials) as answer:
            if await answer.json():
                return False
        return await self.figure(http, "stasis_portal_calls_waiting") == 0

    async def figure(self, http: aiohttp.ClientSession, name: str) -> float | None:
        """One of the service's metrics; None while it tells none."""
        async with http.get(f"{self.service.url}/metrics", headers=self.headers) as answer:
            found = re.search(rf"^{name} (\S+)$", await answer.text(), re.MULTILINE)
            return float(found.group(1)) if found else None


def _everybody(extensions: list[str], clients: list[str]) -> Story:
    """Employees, each with a client of his own, and a plan that brings a client to his responsible."""
    return Story(
        name="load",
        calls=(),
        phones=tuple(Manner(extension) for extension in extensions),
        clients=tuple(
            Client(number, extension, f"Client {number[-4:]}")
            for number, extension in zip(clients, extensions, strict=True)
        ),
        lines={SERVICE_LINE: "responsible"},
        elements={
            "responsible": {"type": "responsible", "seconds": 20, "on_unknown": "end", "on_no_answer": "end"},
            "end": HANG_UP,
        },
    )


def _configure_for_load(path: Path, *, record: bool) -> None:
    """As in production, but for a portal that sets no limits: two requests a second would be all that is measured."""
    sections = tomllib.loads(path.read_text())
    sections["bitrix24"]["limits"] = "off"
    sections["recording"]["enabled"] = record
    del sections["logging"]
    path.write_text("".join(table(name, values) for name, values in sections.items()))
