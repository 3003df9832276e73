"""The three ways of a recording to the portal, and what may befall it on each."""

from __future__ import annotations

import asyncio
import resource
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens, talk

from b24client import (
    AccessDenied,
    BadRecording,
    Portal,
    Refusal,
    Refused,
    RegisterCall,
    Temporary,
    UnfinishedRecording,
    Way,
    record_command,
    record_file_id,
)
from b24client.methods import recordings
from b24client.methods.calls import FinishCall, StatusCode
from b24client.record_file import RecordFile
from b24client.sandbox import SandboxConfig

ATTACH = "telephony.externalCall.attachRecord"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "FIRST_PAUSE", 0.01)


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    talk(tmp_path / "talk.wav")
    return tmp_path / "talk.wav"


async def finished(portal: Portal, external_call_id: str = "pbx-1") -> str:
    """A call that may have a recording."""
    call = await portal.telephony.register(
        RegisterCall(user_id=11, phone_number="+79161234567", type=2, external_call_id=external_call_id)
    )
    await portal.telephony.finish(
        FinishCall(call_id=call.call_id, user_id=11, duration=3, status_code=StatusCode.SUCCESS)
    )
    return call.call_id


def kept(office: Office, call_id: str) -> bytes:
    """What the portal has of the call."""
    record = office.sandbox.calls.calls[call_id].record
    assert record is not None
    return Path(record.path).read_bytes()


def content(path: Path) -> bytes:
    return path.read_bytes()


def cut_short(path: Path, lacking: int) -> None:
    path.write_bytes(path.read_bytes()[:-lacking])


class Pbx:
    """A web server where recordings lie, as the portal sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gets = 0

    async def get(self, request: web.Request) -> web.StreamResponse:
        self.gets += 1
        path = self.folder / request.match_info["name"]
        if not path.exists():
            raise web.HTTPNotFound()
        return web.FileResponse(path)


@pytest.fixture
async def pbx(tmp_path: Path) -> AsyncIterator[tuple[Pbx, str]]:
    pbx = Pbx(tmp_path)
    app = web.Application()
    app.router.add_get("/r/{name}", pbx.get)
    async with TestServer(app) as server:
        yield pbx, f"http://127.0.0.1:{server.port}/r"


@pytest.mark.parametrize(
    ("inline_limit", "way"), [(10_000_000, Way.INLINE), (0, Way.UPLOAD)], ids=["in the request", "uploaded"]
)
async def test_a_recording_arrives_whole(
    office: Office, portal: Portal, recording: Path, http: aiohttp.ClientSession, inline_limit: int, way: Way
) -> None:
    call = await portal.telephony.register(RegisterCall(user_id=11, phone_number="+79161234567", type=2))
    with pytest.raises(Refused) as early:
        await portal.telephony.attach_record(call.call_id, "talk.wav", recording)
    assert early.value.reason is Refusal.NOT_FINISHED

    call_id = await finished(portal)
    record = await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=inline_limit)

    assert record.way is way
    (row,) = await portal.telephony.statistic({"CALL_ID": call_id})
    assert (row.record_file_id, row.record_duration) == (record.file_id, 3)
    async with http.get(f"{office.url}/sandbox/api/records/{record.file_id}") as played:
        assert await played.read() == content(recording)


async def test_the_portal_fetches_a_recording(
    office: Office, portal: Portal, recording: Path, pbx: tuple[Pbx, str]
) -> None:
    server, at = pbx
    call_id = await finished(portal)

    record = await portal.telephony.attach_record_url(call_id, f"{at}/talk.wav?key=1")

    assert record.way is Way.URL
    assert kept(office, call_id) == content(recording)
    assert office.sandbox.calls.calls[call_id].record.filename == "talk.wav"  # type: ignore[union-attr]
    assert server.gets == 1


async def test_a_given_name_goes_before_the_one_in_the_address(
    office: Office, portal: Portal, recording: Path, pbx: tuple[Pbx, str]
) -> None:
    talk(recording.with_name("42"))
    call_id = await finished(portal)
    await portal.telephony.attach_record_url(call_id, f"{pbx[1]}/42", filename="talk.wav")
    assert office.sandbox.calls.calls[call_id].record.filename == "talk.wav"  # type: ignore[union-attr]


async def test_a_recording_that_is_not_there_is_refused_and_can_be_sent_otherwise(
    office: Office, portal: Portal, recording: Path, pbx: tuple[Pbx, str]
) -> None:
    call_id = await finished(portal)
    for address in (f"{pbx[1]}/other.wav", "http://127.0.0.1:9/talk.wav"):
        with pytest.raises(Refused, match="Server returns HTTP error code") as refused:
            await portal.telephony.attach_record_url(call_id, address)
        assert refused.value.reason is Refusal.NOT_FETCHED
    assert pbx[0].gets == 1  # the portal asks once

    await portal.telephony.attach_record(call_id, "talk.wav", recording)
    assert kept(office, call_id) == content(recording)


async def test_the_cloud_does_not_fetch_from_private_addresses(
    open_office: Opens, recording: Path, pbx: tuple[Pbx, str]
) -> None:
    office = await open_office(lambda config: setattr(config.switches, "refuse_private_urls", True))
    portal = await office.installed()
    with pytest.raises(Refused, match="non-public") as refused:
        await portal.telephony.attach_record_url(await finished(portal), f"{pbx[1]}/talk.wav")
    assert refused.value.reason is Refusal.NOT_FETCHED
    assert pbx[0].gets == 0


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ftp://pbx/talk.wav", "http or https"),
        ("https:///talk.wav", "http or https"),
        ("https://[/talk.wav", "not an address"),
        ("https://pbx.example.com/s3cret/talk.ogg", r"ends with '.ogg'.*\.wav and \.mp3"),
        ("https://pbx.example.com/s3cret", "filename"),
    ],
)
async def test_an_address_no_portal_would_take_is_not_sent(office: Office, portal: Portal, url: str, text: str) -> None:
    with pytest.raises(BadRecording, match=text) as bad:
        await portal.telephony.attach_record_url("c", url)
    assert "s3cret" not in str(bad.value)
    assert office.requests(ATTACH) == 0


async def test_a_file_no_portal_would_take_is_not_sent(office: Office, portal: Portal, tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(ValueError, match="empty"):
        await portal.telephony.attach_record("c", "empty.wav", empty)
    with pytest.raises(ValueError, match=r"\.mp3"):
        await portal.telephony.attach_record("c", "talk.ogg", empty)
    with pytest.raises(FileNotFoundError):
        await portal.telephony.attach_record("c", "talk.wav", tmp_path / "nothing.wav")
    assert office.requests(ATTACH) == 0


async def test_recordings_travel_in_one_batch(
    office: Office, portal: Portal, recording: Path, pbx: tuple[Pbx, str]
) -> None:
    first, second, third = [await finished(portal, f"pbx-{number}") for number in range(3)]
    before = office.sandbox.journal.requests
    results = await portal.batch(
        [
            record_command("a", first, url=f"{pbx[1]}/talk.wav"),
            record_command("b", second, filename="talk.wav", content=content(recording)),
            record_command("c", third, url=f"{pbx[1]}/other.wav"),
        ]
    )
    assert office.sandbox.journal.requests == before + 1
    assert kept(office, first) == kept(office, second) == content(recording)
    assert record_file_id(results["a"].unwrap()) != record_file_id(results["b"].unwrap()) != 0
    with pytest.raises(Refused, match="404"):
        results["c"].unwrap()


def test_what_does_not_fit_into_a_command(recording: Path) -> None:
    with pytest.raises(BadRecording, match="one of the two"):
        record_command("a", "c")
    with pytest.raises(BadRecording, match="one of the two"):
        record_command("a", "c", url="https://pbx/a.wav", filename="a.wav", content=b"")
    with pytest.raises(BadRecording, match="use attach_record"):
        record_command("a", "c", filename="a.mp3", content=b"ID3" + bytes(recordings.COMMAND_LIMIT))


async def test_attaching_again_replaces(office: Office, portal: Portal, tmp_path: Path) -> None:
    call_id = await finished(portal)
    talk(tmp_path / "first.wav", 1)
    talk(tmp_path / "second.wav", 2)
    for name in ("first.wav", "second.wav"):
        await portal.telephony.attach_record(call_id, name, tmp_path / name, inline_limit=0)
    assert kept(office, call_id) == (tmp_path / "second.wav").read_bytes()
    assert len(list(office.sandbox.records.iterdir())) == 1


# An upload goes on after failures. The transport itself sends a request whose connection broke once more, so that two
# broken connections make one failed attempt.


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "after_bytes": 20_000, "times": 2},
        {"kind": "error", "status": 500, "body": "<html><h1>Internal Server Error</h1></html>", "times": 1},
        {"kind": "error", "status": 502, "body": "<html><h1>Bad Gateway</h1></html>", "times": 2},
        {"kind": "error", "status": 503, "code": "QUERY_LIMIT_EXCEEDED", "times": 1},
    ],
    ids=["reset in the middle", "500 with HTML", "502 twice", "limit"],
)
async def test_a_failed_upload_goes_on_with_the_address_it_has(
    office: Office, portal: Portal, recording: Path, fault: dict[str, Any]
) -> None:
    call_id = await finished(portal)
    office.trouble(methods=["upload"], **fault)

    record = await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0)

    assert record.way is Way.UPLOAD
    assert kept(office, call_id) == content(recording)
    assert office.requests(ATTACH) == 1


async def test_a_lost_answer_to_an_upload_is_harmless(office: Office, portal: Portal, recording: Path) -> None:
    call_id = await finished(portal)
    office.trouble(kind="lose_reply", methods=["upload"], times=1)

    record = await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0)

    assert office.requests(ATTACH) == 2  # the first address was used up by the attempt nobody heard of
    assert record.file_id == office.sandbox.calls.calls[call_id].record.file_id  # type: ignore[union-attr]
    assert kept(office, call_id) == content(recording)


@pytest.mark.parametrize("fault", ["lose_reply", "down"])
async def test_a_lost_answer_to_attaching_is_harmless(
    office: Office, portal: Portal, recording: Path, fault: str
) -> None:
    call_id = await finished(portal)
    office.trouble(kind=fault, methods=[ATTACH], times=3)
    await portal.telephony.attach_record(call_id, "talk.wav", recording)
    assert kept(office, call_id) == content(recording)


async def test_an_address_that_has_expired_is_replaced(
    office: Office, portal: Portal, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await finished(portal)
    seen: list[str] = []
    good = type(office.sandbox.uploads).good

    def expired_at_first(uploads: Any, auth: str, token: str) -> Any:
        if not seen:
            uploads.expire_all()
        seen.append(token)
        return good(uploads, auth, token)

    monkeypatch.setattr(type(office.sandbox.uploads), "good", expired_at_first)
    await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0)
    assert len(seen) == len(set(seen)) == 2
    assert kept(office, call_id) == content(recording)


async def test_addresses_that_are_always_refused_are_given_up(open_office: Opens, recording: Path) -> None:
    office = await open_office(lambda config: setattr(config.recordings, "upload_ttl", 1e-9))
    portal = await office.installed()
    with pytest.raises(AccessDenied):
        await portal.telephony.attach_record(await finished(portal), "talk.wav", recording, inline_limit=0)
    assert office.requests(ATTACH) == 2


async def test_an_outage_is_told_after_the_last_attempt(office: Office, portal: Portal, recording: Path) -> None:
    call_id = await finished(portal)
    office.trouble(kind="error", status=502, body="<html></html>", methods=["upload"])
    with pytest.raises(Temporary):
        await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0, attempts=3)
    assert office.requests("upload") == 3
    assert office.requests(ATTACH) == 1


async def test_a_portal_that_never_answers_costs_the_time_given(
    office: Office, portal: Portal, recording: Path
) -> None:
    call_id = await finished(portal)
    office.trouble(kind="hang", seconds=30, methods=["upload"])
    with pytest.raises(Temporary, match=r"0\.2 s"):
        await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0, timeout=0.2)


async def test_more_than_the_portal_takes(open_office: Opens, recording: Path, pbx: tuple[Pbx, str]) -> None:
    office = await open_office(lambda config: setattr(config.recordings, "max_bytes", 10_000))
    portal = await office.installed()
    call_id = await finished(portal)
    with pytest.raises(Refused, match="more than the portal takes") as refused:
        await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0)
    assert (refused.value.status, refused.value.reason) == (413, Refusal.BAD_FILE)
    with pytest.raises(Refused, match="Server returns"):
        await portal.telephony.attach_record_url(call_id, f"{pbx[1]}/talk.wav")
    assert list(office.sandbox.records.iterdir()) == []


async def test_an_upload_the_portal_finds_too_slow(open_office: Opens, recording: Path) -> None:
    office = await open_office(lambda config: setattr(config.recordings, "request_seconds", 0.05))
    portal = await office.installed()
    call_id = await finished(portal)
    office.trouble(kind="delay", seconds=5, methods=["upload"], times=1)
    await portal.telephony.attach_record(call_id, "talk.wav", recording, inline_limit=0)
    assert kept(office, call_id) == content(recording)


async def test_a_file_still_being_written_is_not_sent(office: Office, portal: Portal, recording: Path) -> None:
    cut_short(recording, 100)
    with pytest.raises(UnfinishedRecording, match="wait until it is whole"):
        await portal.telephony.attach_record("c", "talk.wav", recording)
    assert office.requests(ATTACH) == 0


@pytest.mark.parametrize("inline_limit", [10_000_000, 0])
async def test_a_file_that_grows_while_it_is_sent_is_told(
    office: Office, portal: Portal, tmp_path: Path, inline_limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"ID3" + bytes(100_000))
    call_id = await finished(portal)
    attach = office.sandbox.calls.attach

    def somebody_writes_on(*what: Any) -> Any:
        with path.open("ab") as file:
            file.write(bytes(5000))
        return attach(*what)

    monkeypatch.setattr(office.sandbox.calls, "attach", somebody_writes_on)
    with pytest.raises(UnfinishedRecording, match="had 100003 bytes and has 105003 now"):
        await portal.telephony.attach_record(call_id, "talk.mp3", path, inline_limit=inline_limit)
    assert len(kept(office, call_id)) == 100_003  # and not a byte beyond what was announced

    monkeypatch.undo()
    await portal.telephony.attach_record(call_id, "talk.mp3", path, inline_limit=inline_limit)
    assert len(kept(office, call_id)) == 105_003


async def test_a_file_that_shrinks_while_it_is_sent_is_told(
    office: Office, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"ID3" + bytes(3_000_000))
    call_id = await finished(portal)
    good = type(office.sandbox.uploads).good

    def somebody_cuts(uploads: Any, auth: str, token: str) -> Any:
        with path.open("r+b") as file:
            file.truncate(1000)
        return good(uploads, auth, token)

    monkeypatch.setattr(type(office.sandbox.uploads), "good", somebody_cuts)
    with pytest.raises(UnfinishedRecording, match="has 1000 now"):
        await portal.telephony.attach_record(call_id, "talk.mp3", path, inline_limit=0)


def sparse_wav(path: Path, size: int) -> None:
    """A WAV file of silence that takes no room on the disk."""
    with path.open("wb") as file:
        head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data"
        file.write(b"RIFF" + struct.pack("<I", size - 8) + head + struct.pack("<I", size - 44))
        file.truncate(size)


@pytest.fixture
def heap() -> Iterator[Callable[[], int]]:
    """The most memory Python objects took since the test began, bytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


async def test_an_hour_long_recording_passes_through_and_not_into_memory(
    office: Office, portal: Portal, tmp_path: Path, heap: Callable[[], int]
) -> None:
    path = tmp_path / "talk.wav"
    sparse_wav(path, 200 * 1024 * 1024)
    call_id = await finished(portal)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await portal.telephony.attach_record(call_id, "talk.wav", path)

    record = office.sandbox.calls.calls[call_id].record
    assert record is not None
    assert record.size == 200 * 1024 * 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert heap() < 40 * 1024 * 1024  # client and portal together
    assert grown < 80 * 1024 * 1024


async def test_the_loop_goes_on_while_a_recording_is_encoded(
    office: Office, portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.wav"
    sparse_wav(path, 1_000_000)
    call_id = await finished(portal)
    loop, here = asyncio.get_running_loop(), []

    def on_the_loop(source: Any) -> str:
        try:
            here.append(asyncio.get_running_loop() is loop)
        except RuntimeError:
            here.append(False)
        return encode(source)

    encode = RecordFile.base64
    monkeypatch.setattr(RecordFile, "base64", on_the_loop)
    await portal.telephony.attach_record(call_id, "talk.wav", path)
    assert here == [False]


@pytest.mark.parametrize(
    ("result", "file_id"),
    [
        ({"FILE_ID": 9079}, 9079), ({"FILE_ID": "9079"}, 9079), ({"file_id": 5}, 5), ({"fileId": "5"}, 5),
        ({"ID": 7}, 7), ([{"FILE_ID": 5}], 5), ([5], 5), (5, 5), ("5", 5), ({"FILE_ID": {"ID": "8"}}, 8),
        ({"FILE_ID": None}, 0), ([], 0), ({}, 0), (True, 0), (None, 0), ("²", 0), ({"FILE_ID": -1}, 0), ([[5]], 0),
        (1.5, 0), ({"ID": {"ID": {"ID": {"ID": {"ID": 5}}}}}, 0),
    ],
)  # fmt: skip
def test_the_id_of_the_file_in_any_shape(result: Any, file_id: int) -> None:
    assert record_file_id(result) == file_id


def test_the_sandbox_takes_the_limits_of_recordings_from_its_seed(tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text("[recordings]\nmax_bytes = 1\nrequest_seconds = 2\nupload_ttl = 3\n", encoding="utf-8")
    limits = SandboxConfig.from_file(seed).recordings
    assert (limits.max_bytes, limits.request_seconds, limits.upload_ttl) == (1, 2, 3)
