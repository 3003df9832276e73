"""The (sandbox) portal fetches recordings from the service."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port
from http_fakes import World, dependencies
from loguru import logger

from b24client import FinishCall, Limits, Portal, RegisterCall, StatusCode, WebhookAuth, record_command
from b24client.sandbox import SAMPLE_SEED, SANDBOX, Sandbox, SandboxConfig, create_sandbox
from stasis_app.http import create_http
from stasis_app.mirror import Recordings
from stasis_app.mirror.recordings import Part
from stasis_app.portal import PublishedRecordings, add_recordings
from stasis_app.settings import RecordingSettings


def speech(path: Path) -> bytes:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x01\x02" * 8000)
    return path.read_bytes()


class Company:
    """The service's recordings, the portal, and the way between them."""

    def __init__(
        self, service: TestClient, sandbox: Sandbox, portal: Portal, spool: Path, published: PublishedRecordings
    ) -> None:
        self.service, self.sandbox, self.portal, self.spool = service, sandbox, portal, spool
        self.published = published
        self.log: list[str] = []

    def recordings(self, **settings: object) -> Recordings:
        return Recordings(RecordingSettings(directory=self.spool, deliver="url", **settings), None, self.published)

    async def finished(self, number: int = 1) -> str:
        call = await self.portal.telephony.register(
            RegisterCall(user_id=11, phone_number="+79161234567", type=2, external_call_id=f"pbx-{number}")
        )
        ended = FinishCall(call_id=call.call_id, user_id=11, duration=1, status_code=StatusCode.SUCCESS)
        await self.portal.telephony.finish(ended)
        return call.call_id

    def kept(self, call_id: str) -> bytes:
        record = self.sandbox.calls.calls[call_id].record
        assert record is not None
        return Path(record.path).read_bytes()


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    spool = tmp_path / "spool"
    spool.mkdir()
    async with AsyncExitStack() as stack:
        config = SandboxConfig.from_file(SAMPLE_SEED)
        config.limits.enabled, config.switches.allow_webhook_telephony = False, True
        sandbox = await stack.enter_async_context(TestServer(create_sandbox(config)))
        auth = WebhookAuth(f"http://127.0.0.1:{sandbox.port}/rest/1/sandboxsecret/")
        portal = await stack.enter_async_context(Portal(auth, allow_http=True, limits=Limits(enabled=False)))

        app, port = create_http(dependencies(World())), unused_port()
        published = PublishedRecordings(f"http://127.0.0.1:{port}")
        add_recordings(app, published)
        client = await stack.enter_async_context(TestClient(TestServer(app, port=port)))
        company = Company(client, sandbox.app[SANDBOX], portal, spool, published)
        sink = logger.add(company.log.append, level="DEBUG")
        stack.callback(logger.remove, sink)
        yield company


async def test_many_recordings_come_with_one_request(company: Company) -> None:
    recordings = company.recordings()
    talks = {await company.finished(number): speech(company.spool / f"talk{number}.wav") for number in range(4)}
    before = company.sandbox.journal.requests

    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(recordings.published(Part(f"talk{n}", "wav"))) for n in range(4)]
        commands = [
            record_command(f"r{n}", call_id, url=url) for n, (call_id, url) in enumerate(zip(talks, urls, strict=True))
        ]
        for result in (await company.portal.batch(commands)).values():
            result.unwrap()

    assert company.sandbox.journal.requests == before + 1
    for call_id, content in talks.items():
        assert company.kept(call_id) == content


async def test_a_recording_is_converted_and_fetched(company: Company) -> None:
    speech(company.spool / "talk.wav")
    call_id = await company.finished()
    async with company.recordings(format="mp3").published(Part("talk", "wav")) as url:
        await company.portal.telephony.attach_record_url(call_id, url)
    assert company.kept(call_id)[0] == 0xFF
    record = company.sandbox.calls.calls[call_id].record
    assert record is not None
    assert record.filename == "talk.mp3"


async def test_an_address_tells_what_it_is_and_opens_nothing_afterwards(company: Company) -> None:
    content = speech(company.spool / "talk.wav")
    async with company.recordings().published(Part("talk", "wav")) as url:
        path = urlsplit(url).path
        async with company.service.get(path) as got:
            assert (got.status, got.content_type, got.content_length) == (200, "audio/x-wav", len(content))
            assert got.headers["Cache-Control"] == "private, no-store"
            assert await got.read() == content
    async with company.service.get(path) as gone:
        assert gone.status == 404
        assert path not in await gone.text()
    token = path.split("/")[3]
    assert any("talk.wav" in line for line in company.log)
    assert not any(token in line for line in company.log)


@pytest.mark.parametrize(
    "path",
    [
        "/bitrix24/recordings/",
        "/bitrix24/recordings/talk.wav",
        "/bitrix24/recordings/x/talk.wav",
        "/bitrix24/recordings/{token}/",
        "/bitrix24/recordings/{token}/other.wav",
        "/bitrix24/recordings/{token}/talk.mp3",
        "/bitrix24/recordings/{token}/talk.toml",
        "/bitrix24/recordings/{token}/..%2ftalk.wav",
        "/bitrix24/recordings/{token}/%2e%2e/talk.wav",
        "/bitrix24/recordings/{token}/%2fetc%2fpasswd.wav",
        "/bitrix24/recordings/..%2f..%2fspool/talk.wav",
    ],
)
async def test_nothing_else_is_served(company: Company, path: str) -> None:
    speech(company.spool / "talk.wav")
    async with company.recordings().published(Part("talk", "wav")) as url:
        token = urlsplit(url).path.split("/")[3]
        async with company.service.get(path.replace("{token}", token)) as got:
            assert got.status == 404


async def test_guesses_are_told_once_a_minute_not_each_time(company: Company) -> None:
    for number in range(20):
        async with company.service.get(f"/bitrix24/recordings/{number:x}.ffffffff.{'a' * 43}/talk.wav") as got:
            assert got.status == 404
    assert len([line for line in company.log if "refused" in line]) == 1


async def test_a_file_that_vanished_is_not_found(company: Company) -> None:
    speech(company.spool / "talk.wav")
    async with company.recordings().published(Part("talk", "wav")) as url:
        (company.spool / "talk.wav").unlink()
        async with company.service.get(urlsplit(url).path) as got:
            assert got.status == 404


async def test_nobody_posts_there(company: Company) -> None:
    speech(company.spool / "talk.wav")
    async with (
        company.recordings().published(Part("talk", "wav")) as url,
        company.service.post(urlsplit(url).path, data=b"x") as got,
    ):
        assert got.status == 405
