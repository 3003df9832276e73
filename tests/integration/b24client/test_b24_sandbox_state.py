"""A portal that survives its restart, if asked, and the journal of every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestServer
from b24_office import talk as record

from b24client import FinishCall, MemoryTokenStore, OAuthAuth, OAuthTokens, Portal, Refused, RegisterCall
from b24client.sandbox import SAMPLE_SEED, SANDBOX, Sandbox, SandboxConfig, create_sandbox


class Running:
    """A sandbox on a socket with a folder of its own."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url

    def portal(self, store: MemoryTokenStore) -> Portal:
        auth = OAuthAuth(self.url, "local.sandbox", "sandboxappsecret", store, oauth_url=self.url)
        return Portal(auth, allow_http=True)

    def tokens(self) -> MemoryTokenStore:
        return MemoryTokenStore(OAuthTokens.from_token_reply(self.sandbox.access.grant(1, self.url)))


@asynccontextmanager
async def running(folder: Path | None, port: int = 0, **options: Any) -> AsyncIterator[Running]:
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    async with TestServer(create_sandbox(config, state=folder, **options), port=port) as server:
        yield Running(server.app[SANDBOX], str(server.make_url("/")).rstrip("/"))


async def test_everything_is_there_again(tmp_path: Path, unused_tcp_port: int) -> None:
    talk = tmp_path / "talk.wav"
    sound = record(talk, 0.2)
    async with running(tmp_path / "state", unused_tcp_port) as office:
        store = office.tokens()
        async with office.portal(store) as portal:
            await portal.call("telephony.externalLine.add", {"NUMBER": "7495", "NAME": "Main"})
            await portal.events.bind("ONEXTERNALCALLSTART", "http://127.0.0.1:9/")
            await portal.events.bind_offline("ONCRMCONTACTUPDATE")
            office.sandbox.postman.emit("ONCRMCONTACTUPDATE", {"FIELDS": {"ID": 7}}, 1, office.url)
            await portal.placements.bind("CALL_CARD", "http://127.0.0.1:9/tab")
            done = await portal.telephony.register(
                RegisterCall(user_id=11, phone_number="+79990001122", type=2, crm_create=True, external_call_id="1")
            )
            await portal.telephony.finish(FinishCall(call_id=done.call_id, user_id=12, duration=9, status_code="200"))
            await portal.telephony.attach_record(done.call_id, "talk.wav", talk)
            still = await portal.telephony.register(
                RegisterCall(user_id=11, phone_number="+79161234567", type=2, show=True, external_call_id="2")
            )
        application_token = office.sandbox.access.application_token

    async with running(tmp_path / "state", unused_tcp_port) as office, office.portal(store) as portal:
        assert (await portal.profile()).id == 1  # the tokens are still good
        assert office.sandbox.access.application_token == application_token
        assert [binding.event for binding in await portal.events.list()] == [
            "ONEXTERNALCALLSTART", "ONCRMCONTACTUPDATE"
        ]  # fmt: skip
        assert [event.entity_id async for event in portal.events.offline.consume()] == ["7"]
        assert len(await portal.placements.list()) == 1
        assert (await portal.call("telephony.externalLine.get"))[0]["NAME"] == "Main"
        assert [row.name for row in await portal.telephony.search_crm_entities("+79990001122")] != []
        (row,) = await portal.call("voximplant.statistic.get", {"FILTER": {"CALL_ID": done.call_id}})
        assert (row["CALL_DURATION"], row["PORTAL_USER_ID"]) == ("9", "12")
        async with aiohttp.ClientSession() as http, http.get(row["CALL_RECORD_URL"]) as audio:
            assert await audio.read() == sound
        with pytest.raises(Refused):
            await portal.telephony.finish(FinishCall(call_id=done.call_id, user_id=12, status_code="200"))
        again = await portal.telephony.register(
            RegisterCall(user_id=11, phone_number="+79161234567", type=2, external_call_id="2")
        )
        assert again.call_id == still.call_id  # the same call as before
        assert [card.user_id for card in office.sandbox.calls.calls[still.call_id].open_cards()] == [11]
        await portal.telephony.finish(FinishCall(call_id=still.call_id, user_id=11, status_code="304"))
        assert office.sandbox.calls.finished == 2
        assert len(office.sandbox.journal.told(method="telephony.externalCall.register")) == 3


async def test_state_is_saved_while_the_portal_runs(tmp_path: Path) -> None:
    async with running(tmp_path) as office, office.portal(office.tokens()) as portal:
        call = await portal.telephony.register(RegisterCall(user_id=11, phone_number="+79161234567", type=2))
        async with asyncio.timeout(20):
            while not (tmp_path / "state.json").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert call.call_id.encode() in (tmp_path / "state.json").read_bytes()
        assert not (tmp_path / "state.draft").exists()


async def test_without_a_folder_nothing_is_kept() -> None:
    async with running(None) as office, office.portal(office.tokens()) as portal:
        await portal.profile()
        records = office.sandbox.records
        assert records.exists()
    assert not records.exists()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 9, "stores": {}}', '{"format": 1, "stores": {"calls": {}}}']
)
async def test_a_folder_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ValueError, match="not the state of a sandbox"):
        create_sandbox(state=tmp_path)
    assert (tmp_path / "state.json").read_text() == text


async def test_every_request_is_written_down_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    async with running(None, journal=file) as office, office.portal(office.tokens()) as portal:
        for _ in range(30):
            await portal.profile()
        with pytest.raises(Refused):
            await portal.telephony.register(RegisterCall(user_id=999, phone_number="+7", type=2))
        tokens = list(office.sandbox.access.dump()["access"])
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    assert [line["method"] for line in lines] == ["profile"] * 30 + ["telephony.externalCall.register"]
    assert (lines[-1]["failed"], lines[-1]["status"]) == (True, 400)
    assert not any(token in file.read_text() for token in tokens)
