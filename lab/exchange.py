"""Everything together: PBX, portal, service and people; and stories played on it, each judged at its end."""

from __future__ import annotations

import asyncio
import secrets
import socket
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from lab import compare
from lab.asterisk import Asterisk, OutboundLink
from lab.company import Company
from lab.phones import Carrier
from lab.processes import free_port
from lab.recordings import Heard, listen
from lab.rig import Rig
from lab.services import HOST, Portal, Program, sandbox, service
from lab.stage import RealCall, play
from lab.story import Story, Weather

# Seconds for the CRM to hold everything. Recordings come last: the portal's request limit has to leave room for them.
PATIENCE = {Weather.WELL: 45.0, Weather.SLOW: 60.0, Weather.DOWN: 90.0}
SLOW_S, DOWN_AFTER_S, DOWN_S = 3.0, 2.5, 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a story."""

    name: str
    calls: int
    differences: Sequence[str]

    @property
    def agrees(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Played:
    """A story whose calls are over. `known` are the calls the CRM held before it."""

    story: Story
    known: frozenset[str]
    calls: Sequence[RealCall]
    broke_off: str = ""


@dataclass
class Exchange(Rig):
    """The whole exchange. `async with Exchange(stories) as exchange: await exchange.perform(stories[0])`."""

    stories: Sequence[Story]
    keep: Path | None = None  # copy every log and trace here at the end
    globals: Mapping[str, str] = field(default_factory=dict)  # of the dialplan
    service_arguments: Sequence[str] = ()
    sandbox_arguments: Sequence[str] = ()
    dialplan: str = ""  # more dialplan
    second_trunk: str = ""  # its name; its carrier is the test's own
    configuration: str = ""  # more sections of stasis.toml
    phone_transfers: str = "auto"  # asterisk.phone_transfers
    plan: str = ""  # more tables of the plan
    scripts: str = ""  # the text of the scripts file
    outbound: bool = False  # Asterisk connects to the service, not the service to Asterisk
    recorded: Mapping[str, object] = field(default_factory=dict)  # more keys of [recording]
    storage: str = ""  # storage.url; a file of its own when empty
    company: Company = field(init=False)

    def __post_init__(self) -> None:
        super().__init__("lab", self.keep)
        self.company = Company(
            self.stories,
            phone_transfers=self.phone_transfers,
            recording=self.recorded,
            storage=self.storage,
            scripts=self.scripts,
        )
        kept = self.keep / "asterisk" if self.keep else None
        link = None
        if self.outbound:
            port = free_port(HOST, socket.SOCK_STREAM)
            link = OutboundLink(f"ws://{HOST}:{port}/ari", "asterisk", secrets.token_hex(12))
        self.pbx = Asterisk(
            self.company.accounts,
            globals=self.globals,
            dialplan=self.dialplan,
            outbound=link,
            keep_folder=kept,
            second_trunk=self.second_trunk,
        )
        self.service: Program
        self.sandbox: Program
        self.portal: Portal
        self.carrier: Carrier

    async def _start(self) -> None:
        await self._stack.enter_async_context(self.pbx)
        outside = [manner for story in self.stories for manner in story.outside]
        self.carrier = await self._stack.enter_async_context(Carrier(self.pbx, self.folder, numbers=outside))
        port = free_port(HOST, socket.SOCK_STREAM)
        self.sandbox = sandbox(self.folder / "seed.toml", self.folder, *self.sandbox_arguments)
        files = self.company.write(self.folder, self.pbx, portal=self.sandbox.url, http_port=port)
        files["stasis"].write_text(files["stasis"].read_text() + self.configuration)
        files["plan"].write_text(files["plan"].read_text() + self.plan)
        self._stack.push_async_callback(self.sandbox.stop)
        await self.sandbox.start()
        self.portal = await self._stack.enter_async_context(Portal(self.sandbox.url))
        if self.keep:
            self._stack.push_async_callback(self._keep_portal)
        self.service = service(files["stasis"], port, self.folder, *self.service_arguments)
        self._stack.push_async_callback(self.service.stop)
        await self.service.start()
        await self.portal.install(self.service.url)
        await self.until_ready()

    async def until_ready(self, seconds: float = 20.0) -> None:
        """Wait until every part of the service says it is well; `TimeoutError` with what it says otherwise."""
        told: Any = None
        headers = {"Authorization": f"Bearer {self.company.token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        async with http.get(f"{self.service.url}/readyz") as answer:
                            told = await answer.json()
                        if told["status"] == "ready":
                            return
                        await asyncio.sleep(0.1)
            except TimeoutError:
                raise TimeoutError(f"the service is not ready: {told}\n{self.service.last_words()}") from None

    def api(self) -> aiohttp.ClientSession:
        """The control API of the service, as somebody who may do everything."""
        return aiohttp.ClientSession(self.service.url, headers={"Authorization": f"Bearer {self.company.token}"})

    async def until_nothing_is_left(self, seconds: float = 15.0) -> None:
        """Wait until Asterisk has no channel and no bridge any more: `AssertionError` with those that stay."""
        deadline = asyncio.get_running_loop().time() + seconds
        while left := await self.pbx.left():
            assert asyncio.get_running_loop().time() < deadline, f"left in Asterisk: {left}"
            await asyncio.sleep(0.2)

    async def _keep_portal(self) -> None:
        """What the portal knows, beside the logs."""
        for what in ("calls", "requests"):
            (self.folder / f"portal-{what}.json").write_bytes(await self.portal.raw(what))

    # ---------------------------------------- a story

    async def perform(self, story: Story) -> Result:
        """Play a story and judge it."""
        return await self.judge(await self.play(story))

    async def play(self, story: Story) -> Played:
        """Play a story to the end of its last call."""
        known = frozenset(call["call_id"] for call in await self.portal.calls())
        weather = asyncio.create_task(self._make_weather(story.weather))
        try:
            return Played(story, known, await play(story, self.pbx, self.carrier, self.folder))
        except (TimeoutError, RuntimeError) as error:
            return Played(story, known, (), broke_off=f"the story broke off: {type(error).__name__} {error}")
        finally:
            weather.cancel()
            if story.weather is Weather.SLOW:
                await self.portal.no_trouble()

    async def judge(self, played: Played) -> Result:
        """Wait until the CRM holds everything (recordings come last, the portal takes few requests), then compare."""
        story, calls = played.story, played.calls
        if played.broke_off:
            return Result(story.name, len(story.calls), [played.broke_off])
        pairs, differences = compare.pair(story, calls, await self._settled(played))
        for call, crm in pairs:
            evidence = compare.Evidence(call, crm, await self.recording(crm))
            differences += compare.differences(story, evidence, self.company)
        return Result(story.name, len(calls), differences)

    async def _make_weather(self, weather: Weather) -> None:
        if weather is Weather.SLOW:
            await self.portal.trouble(kind="delay", seconds=SLOW_S)
        elif weather is Weather.DOWN:
            await asyncio.sleep(DOWN_AFTER_S)
            await self.portal.trouble(kind="down", for_s=DOWN_S)

    async def _settled(self, played: Played) -> list[dict[str, Any]]:
        """The CRM's calls of this story, once they are complete or patience is at an end."""
        story, calls, known = played.story, played.calls, played.known
        deadline = asyncio.get_running_loop().time() + PATIENCE[story.weather]
        while True:
            held = [c for c in await self.portal.calls() if c["call_id"] not in known and compare.belongs(story, c)]
            talks = sum(call.talk is not None for call in calls)
            complete = (
                len(held) >= len(calls)
                and all(c["finish"] for c in held)
                and sum(c["record"] is not None for c in held) >= talks
                and all(card["hidden_at"] for c in held for card in c["cards"])
            )
            if complete or asyncio.get_running_loop().time() > deadline:
                return held
            await asyncio.sleep(0.25)

    async def recording(self, crm: compare.Crm) -> Heard | None:
        """What is heard on the file attached to a call of the CRM, None without one."""
        if not crm["record"]:
            return None
        try:
            return listen(await self.portal.recording(crm["record"]["file_id"]))
        except (wave.Error, EOFError):
            return Heard(0.0, customer=False, employee=False)
