"""A sandbox portal on a real socket, a database on disk, and a mirror between them."""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from loguru import logger

from b24client import Limits, Portal, WebhookAuth
from b24client.sandbox import SAMPLE_SEED, SANDBOX, Sandbox, SandboxConfig, create_sandbox
from b24client.sandbox.audit import audit
from b24client.sandbox.calls import Call
from b24client.sandbox.faults import Fault
from stasis_app.mirror import B24PortalCalls, Mirror, Recordings
from stasis_app.ops import IncidentBook
from stasis_app.settings import Bitrix24Settings, RecordingSettings, StorageSettings
from stasis_app.store import Store, open_store
from tests.unit.mirror.mirror_story import Office, Story


class Company:
    """The service's half that talks to the portal, and the portal as its employees see it."""

    def __init__(self, sandbox: Sandbox, portal: Portal, folder: Path, storage: str) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.storage = storage
        self.portal = portal
        self.effects: asyncio.Queue[str] = asyncio.Queue()

    async def open(self, **recording: Any) -> None:
        self.store: Store = await open_store(StorageSettings(url=self.storage))
        self.incidents = IncidentBook(self.store.incidents)
        self.mirror = Mirror(
            self.store.outbox,
            B24PortalCalls(self.portal),
            Office(),
            Recordings(RecordingSettings(directory=self.folder, **recording)),
            Bitrix24Settings(default_user=1),
            observe=lambda kind, seconds: self.effects.put_nowait(kind),
            incidents=self.incidents,
        )
        await self.mirror.start()

    async def close(self, patience: float = 3.0) -> None:
        await self.mirror.stop(patience)
        await self.store.close()

    async def restart(self, **recording: Any) -> None:
        """The service is killed where it stands and comes up again."""
        await self.close(patience=0)
        await self.open(**recording)

    async def sees(self, effect: str) -> None:
        """Wait until an operation of this kind has taken effect."""
        async with asyncio.timeout(5):
            while await self.effects.get() != effect:
                continue

    def call(self, call_id: str = "1773130778.1") -> Story:
        return Story(self.mirror.on_fact, call_id)

    def trouble(self, **fault: Any) -> None:
        self.sandbox.faults.add(Fault(**fault))

    def in_crm(self, call_id: str = "1773130778.1") -> Call:
        """The one call the CRM holds of this one."""
        (call,) = self.sandbox.calls.by_external[call_id]
        return call

    def on_screens(self, call_id: str = "1773130778.1") -> set[int]:
        return {card.user_id for card in self.in_crm(call_id).open_cards()}

    def findings(self, *tolerated: str) -> list[dict[str, Any]]:
        """What a well-behaved telephone system would not have left behind."""
        return [finding for finding in audit(self.sandbox) if finding["invariant"] not in tolerated]

    async def outbox(self) -> dict[str, int]:
        await self.store.writer.flush()
        return (await self.store.outbox.summary()).counts

    def records(self, name: str = "talk", seconds: float = 1.0) -> bytes:
        """Asterisk has left a recording in its spool."""
        path = self.folder / f"{name}.wav"
        with wave.open(str(path), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(8000)
            wav.writeframes(
                b"".join(struct.pack("<h", int(9000 * math.sin(i / 5))) for i in range(int(seconds * 8000)))
            )
        return path.read_bytes()


@pytest.fixture
def storage(tmp_path: Path) -> str:
    """Where the service keeps what it has to tell."""
    return f"sqlite+aiosqlite:///{tmp_path}/stasis.sqlite"


@pytest.fixture
async def company(tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    monkeypatch.setattr("stasis_app.mirror.entries.STILL_AT_WORK", 0.5)
    async with AsyncExitStack() as stack:
        config = SandboxConfig.from_file(SAMPLE_SEED)
        config.limits.enabled = False
        config.switches.allow_webhook_telephony = True
        # A portal does not stop when nobody waits any more for its answer. aiohttp's TestServer would.
        server = web.AppRunner(create_sandbox(config), shutdown_timeout=0.1)
        await server.setup()
        stack.push_async_callback(server.cleanup)
        await web.TCPSite(server, "127.0.0.1", 0).start()
        auth = WebhookAuth(f"http://127.0.0.1:{server.addresses[0][1]}/rest/1/sandboxsecret/")
        portal = await stack.enter_async_context(Portal(auth, allow_http=True, limits=Limits(enabled=False)))
        company = Company(server.app[SANDBOX], portal, tmp_path, storage)
        await company.open()
        stack.push_async_callback(company.close)
        yield company


@pytest.fixture
def caught_storage_log() -> Iterator[asyncio.Queue[str]]:
    """What an operator reads, line by line as it is written."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    sink = logger.add(lines.put_nowait, level="ERROR", format="{message}")
    yield lines
    logger.remove(sink)
