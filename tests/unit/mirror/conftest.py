"""A mirror with everything around it played by objects that remember."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from loguru import logger

from stasis_app.mirror import Mirror, Responsible, agenda, attempts, work
from stasis_app.mirror.recordings import Part
from stasis_app.settings import Bitrix24Settings
from tests.unit.mirror.mirror_story import ListeningPortal, MemoryOutbox, Office, Story


class KeptRecordings:
    """Every recording is there at once."""

    keep_days = None
    fetched_by_portal = False

    @asynccontextmanager
    async def published(self, *parts: Part, lacking: list[str]):
        yield f"https://pbx.example.com/{_together(parts)}"

    @asynccontextmanager
    async def prepared(self, *parts: Part, lacking: list[str]):
        yield Path(f"/spool/{_together(parts)}"), _together(parts)

    async def delivered(self, *parts: Part) -> None:
        pass


def _together(parts: tuple[Part, ...]) -> str:
    return "+".join(part.name for part in parts) + f".{parts[0].format}"


class Desk:
    """What a test acts on: tell stories, look at what the portal heard."""

    def __init__(self, office: Office, settings: Bitrix24Settings) -> None:
        self.portal = ListeningPortal()
        self.outbox = MemoryOutbox()
        self.office = office
        self.settings = settings
        self.recordings = KeptRecordings()
        self.responsible: Responsible | None = None  # what the CRM says of any number; None: it does not answer
        self.mirror = self._mirror()

    def call(self, call_id: str = "1773130778.1") -> Story:
        return Story(self.mirror.on_fact, call_id)

    async def heard(self) -> list[str]:
        """All the portal was told once nothing is left to be done."""
        await self.mirror.settled()
        return self.portal.said

    async def restart(self) -> None:
        """The service dies where it stands and comes up again with the same database."""
        await self.mirror.stop(0)
        self.mirror = self._mirror()
        await self.mirror.start()

    def _mirror(self) -> Mirror:
        return Mirror(  # type: ignore[arg-type]
            self.outbox,
            self.portal,
            self.office,
            self.recordings,
            self.settings,
            responsible_of=self._responsible_of,
        )

    async def _responsible_of(self, number: str) -> Responsible | None:
        return self.ask_for_responsible(number)

    def ask_for_responsible(self, number: str) -> Responsible | None:
        return self.responsible


@pytest.fixture
async def open_desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator:
    """Opens desks: `await open_desk(default_user=1, ...)` with settings of [bitrix24]."""
    monkeypatch.setattr(agenda, "SETTLE", 0.01)
    monkeypatch.setattr(agenda, "LINGER", 0.01)
    monkeypatch.setattr(work, "BETWEEN_ASKS", 0.001)
    monkeypatch.setattr(attempts, "LIVE_LONGEST", 0.01)
    monkeypatch.setattr(attempts, "LATE_LONGEST", 0.01)
    monkeypatch.setattr("stasis_app.mirror.gate.FIRST_PROBE", 0.01)
    monkeypatch.setattr("stasis_app.mirror.entries.STILL_AT_WORK", 0.01)
    async with AsyncExitStack() as stack:

        async def open_one(office: Office | None = None, **settings: object) -> Desk:
            desk = Desk(office or Office(), Bitrix24Settings(**settings))
            await desk.mirror.start()
            stack.push_async_callback(lambda: desk.mirror.stop(0))
            return desk

        yield open_one


@pytest.fixture
async def desk(open_desk) -> Desk:
    """The ordinary desk: user 1 answers for calls nobody took."""
    return await open_desk(default_user=1)


@pytest.fixture
def caught_log() -> Iterator[list[str]]:
    """What an operator reads: warnings and worse."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)
