"""Whatever bytes come instead of an answer, the caller gets a B24Error that tells the method, the call and a little."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from b24client import (
    AccessDenied,
    B24Error,
    BadReply,
    Command,
    FinishCall,
    Limits,
    MemoryTokenStore,
    OAuthAuth,
    OAuthTokens,
    Portal,
    Refused,
    StatusCode,
    Temporary,
    UnknownOutcome,
    WebhookAuth,
)
from b24client import transport as transport_module

Wire = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

FINISH = FinishCall(call_id="externalCall.77.1", user_id=11, duration=5, status_code=StatusCode.SUCCESS)
SECRET = "hushhushhushhush"


@asynccontextmanager
async def wire(*answers: bytes) -> AsyncIterator[Portal]:
    """A portal that answers each connection's request with the next of these bytes (the last again and again)."""
    left = list(answers)
    async with wired(lambda: left.pop(0) if len(left) > 1 else left[0]) as portal:
        yield portal


@asynccontextmanager
async def wired(next_answer: Callable[[], bytes]) -> AsyncIterator[Portal]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            await reader.readexactly(length)
            writer.write(next_answer())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client had seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    auth = WebhookAuth(f"http://127.0.0.1:{port}/rest/1/{SECRET}/")
    try:
        async with Portal(auth, allow_http=True, limits=Limits(enabled=False), timeout=10) as portal:
            yield portal
    finally:
        server.close()


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    lines += [f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


GOOD = answer(b'{"result": {"ID": "1", "ADMIN": true}}')
HTML = b"<html><h1>504 Gateway\nTime-out</h1></html>"
DEEP = b'{"result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
SHRUNK = gzip.compress(b'{"result": []}')

UNREADABLE = {
    "html": answer(HTML),
    "truncated": answer(b'{"result": {"CALL_ID": "exter'),
    "empty": answer(b""),
    "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(HTML),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(HTML),
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxxx",
    "a list": answer(b'[{"result": 1}]'),
    "a string": answer(b'"result"'),
    "a number": answer(b"7"),
    "null": answer(b"null"),
    "NaN": answer(b'{"result": NaN}'),
    "infinity": answer(b'{"result": 1e999999, "x": Infinity}'),
    "not utf-8": answer(b'{"result": "\xff\xfe\xc3"}'),
    "zeros": answer(b"\0" * 5000),
    "deep": answer(DEEP),
    "a megabyte": answer(b"x" * 1_000_000),
    "two objects": answer(b'{"result": 1}{"result": 2}'),
    "neither": answer(b'{"time": {}}'),
    "wrong gzip": answer(HTML, "200 OK", "Content-Encoding: gzip"),
    "half a gzip": answer(SHRUNK[:14], "200 OK", "Content-Encoding: gzip"),
    "wrong brotli": answer(HTML, "200 OK", "Content-Encoding: br"),
    "wrong deflate": answer(HTML, "200 OK", "Content-Encoding: deflate"),
    "too short": answer(b'{"result": 1}', length=400),
    "cut short": answer(b'{"result": 100}', length=12),
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "garbage": bytes(range(256)) * 20,
    "a huge header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 100_000 + b"\r\n{}",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_what_can_t_be_read_is_told_so(kind: str) -> None:
    async with wire(UNREADABLE[kind]) as portal:
        with pytest.raises((BadReply, Temporary)) as error:
            await portal.profile()
        assert error.value.method == "profile"
        assert len(str(error.value)) < 400
        assert str(error.value).isprintable()

        with pytest.raises((UnknownOutcome, BadReply)) as doubt:
            await portal.telephony.finish(FINISH)
        # The portal may have finished the call, so nobody may believe it had not, but for an object without a result.
        assert isinstance(doubt.value, UnknownOutcome) or kind == "neither"
        assert doubt.value.method == "telephony.externalCall.finish"
        assert doubt.value.about == FINISH.call_id
        assert f"finish (call {FINISH.call_id}): " in str(doubt.value)


async def test_the_beginning_of_what_came_is_told() -> None:
    async with wire(answer(HTML, "504 Gateway Time-out")) as portal:
        with pytest.raises(Temporary, match=r"<html><h1>504 Gateway Time-out</h1></html> \[HTTP 504\]"):
            await portal.profile()


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "418 Teapot", "451 Gone", "303 See Other"])
async def test_a_refusal_without_json_did_not_carry_it_out(status: str) -> None:
    async with wire(answer(HTML, status)) as portal:
        with pytest.raises(BadReply):
            await portal.telephony.finish(FINISH)


WRONG_TYPES = [
    b"null",
    b"false",
    b"7",
    b'"x"',
    b"[]",
    b"[null]",
    b"[[]]",
    b"{}",
    b'{"x": null}',
    b'[{"ID": {"a": []}}]',
]


@pytest.mark.parametrize("result", WRONG_TYPES)
async def test_a_result_of_another_kind(result: bytes) -> None:
    """Each typed method either makes sense of it or raises a B24Error, and nothing else."""
    told = []
    async with wire(answer(b'{"result": ' + result + b', "next": {"x": 1}, "total": [], "time": "now"}')) as portal:
        for ask in (
            portal.profile,
            portal.app_info,
            portal.scope,
            portal.users.current,
            portal.events.list,
            lambda: portal.telephony.search_crm_entities("+79"),
            lambda: portal.telephony.finish(FINISH),
            lambda: portal.telephony.show("x", [1]),
        ):
            try:
                await ask()
            except B24Error as error:
                told.append(error)
    assert told
    assert all(error.method and error.description for error in told)


ODD_ERRORS = {
    b'{"error": {"code": "BITRIX_X", "message": "no such field", "validation": [{"field": "ID", "message": "odd"}]}}': (
        Refused,
        "BITRIX_X",
        "no such field; odd",
    ),
    b'{"error": {"code": "ACCESS_DENIED", "message": "no"}}': (Refused, "ACCESS_DENIED", "no"),
    b'{"error": {"code": "expired_scope", "message": {"a": 1}}}': (Refused, "expired_scope", "{'a': 1}"),
    b'{"error": {}}': (Refused, "", "refused without a reason"),
    b'{"error": ["a", "b"]}': (Refused, "['a', 'b']", "refused without a reason"),
    b'{"error": 100, "error_description": "odd"}': (Refused, "100", "odd"),
    b'{"error": true}': (Refused, "", "refused without a reason"),
    b'{"error": false}': (Refused, "", "refused without a reason"),
    b'{"error": "", "error_description": "Call is not found"}': (Refused, "", "Call is not found"),
    b'{"error": "ERROR_CORE", "error_description": ["a", {"b": 1}]}': (Refused, "ERROR_CORE", "['a', {'b': 1}]"),
    b'{"error": "ERROR_CORE", "error_description": null}': (Refused, "ERROR_CORE", "refused without a reason"),
    b'{"error": "A\\nB\\u001b[31m", "error_description": "x\\r\\ny"}': (Refused, "A B [31m", "x y"),
}


@pytest.mark.parametrize("body", ODD_ERRORS)
async def test_an_error_of_an_odd_shape(body: bytes) -> None:
    kind, code, text = ODD_ERRORS[body]
    async with wire(answer(body, "400 Bad Request")) as portal:
        with pytest.raises(kind) as error:
            await portal.telephony.finish(FINISH)
    assert (error.value.code, error.value.description) == (code, text)
    assert error.value.about == FINISH.call_id


@pytest.mark.parametrize("error", [b"false", b"null"])
async def test_no_error_beside_a_result_is_none(error: bytes) -> None:
    async with wire(answer(b'{"error": ' + error + b', "result": {"ID": "1"}}')) as portal:
        assert (await portal.profile()).id == 1


async def test_an_endless_error_text_is_cut() -> None:
    async with wire(
        answer(b'{"error": "' + b"E" * 5000 + b'", "error_description": "' + b"x" * 900_000 + b'"}')
    ) as portal:
        with pytest.raises(Refused) as error:
            await portal.profile()
    assert len(str(error.value)) < 700


async def test_a_secret_at_the_cut_is_not_shown_in_part() -> None:
    texts = [b"x" * before + SECRET.encode() + b"y" * 5000 for before in range(470, 505)]
    answers = [answer(b'{"error": "E", "error_description": "' + text + b'"}', "400 Bad Request") for text in texts]
    async with wire(*answers) as portal:
        for _ in answers:
            with pytest.raises(Refused) as error:
                await portal.profile()
            assert SECRET[:4] not in str(error.value)


async def test_a_flood_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_REPLY", 1_000_000)
    flood = answer(b"x" * 100_000, length=100 * 1024 * 1024)
    async with wire(flood) as portal:
        with pytest.raises(BadReply, match="more than 1000000 bytes"):
            await portal.profile()
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 3_000_000
    async with wire(endless) as portal:
        with pytest.raises(BadReply, match="more than"):
            await portal.profile()
        with pytest.raises(UnknownOutcome, match="more than"):
            await portal.telephony.finish(FINISH)


async def test_a_bomb_goes_off_in_nobody_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that unpack to very many: reading stops at the longest answer there may be."""
    monkeypatch.setattr(transport_module, "MAX_REPLY", 1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 200_000
    read = 0
    chunks = transport_module.aiohttp.StreamReader.iter_chunked

    async def counting(self: object, size: int) -> AsyncIterator[bytes]:
        nonlocal read
        async for chunk in chunks(self, size):  # type: ignore[arg-type]
            read += len(chunk)
            yield chunk

    monkeypatch.setattr(transport_module.aiohttp.StreamReader, "iter_chunked", counting)
    async with wire(answer(bomb, "200 OK", "Content-Encoding: gzip")) as portal:
        with pytest.raises(BadReply, match="more than"):
            await portal.profile()
    assert 1_000_000 < read < 1_200_000


async def test_a_packed_answer_is_unpacked() -> None:
    packed = gzip.compress(b'{"result": {"ID": "1"}}')
    async with wire(answer(packed, "200 OK", "Content-Encoding: gzip")) as portal:
        assert (await portal.profile()).id == 1


@pytest.mark.parametrize("kind", ["html", "cut short", "too short", "bad chunks", "no http", "wrong gzip", "204"])
async def test_the_next_request_is_none_the_worse(kind: str) -> None:
    async with wire(UNREADABLE[kind], GOOD) as portal:
        with pytest.raises(B24Error):
            await portal.profile()
        assert (await portal.profile()).id == 1


async def test_what_follows_an_answer_is_not_the_next_one() -> None:
    """A proxy that sends more than it announced must not make us take the rest for an answer."""
    late = b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"result": {"ID": "666"}, "x": 1}'
    keep = b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"result": {"ID": "1"}}'
    async with wire(keep + late, GOOD) as portal:
        assert (await portal.profile()).id == 1
        assert (await portal.profile()).id == 1


REDIRECTS = {
    "nowhere": "",
    "relative": "/rest/1/x/profile",
    "broken": "https://[::1",
    "wrong port": "https://p.bitrix24.com:99999/rest/1/x/profile",
    "port zero": "https://p.bitrix24.com:0/rest/1/x/profile",
    "elsewhere": "https://p.bitrix24.com/auth/?back=1",
    "script": "javascript:alert(1)",
    "file": "file:///etc/passwd",
    "userinfo": "https://p.bitrix24.com@evil.example/rest/1/x/profile",
    "no host": "https:///rest/1/x/profile",
}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("kind", REDIRECTS)
async def test_a_redirect_that_leads_to_no_portal(kind: str, status: str) -> None:
    moved: list[str] = []
    redirect = answer(b"", status, f"Location: {REDIRECTS[kind]}")
    async with wire(redirect if REDIRECTS[kind] else answer(b"", status)) as portal:
        portal._exchange._on_moved = moved.append
        with pytest.raises(BadReply, match="redirect") as error:
            await portal.telephony.finish(FINISH)
    assert error.value.about == FINISH.call_id
    assert moved == []


async def test_portals_that_send_us_round_in_circles() -> None:
    ports: list[int] = []
    method = f"/rest/1/{SECRET}/profile"

    def to_the_other(which: int) -> Callable[[], bytes]:
        return lambda: answer(b"", "302 Found", f"Location: http://127.0.0.1:{ports[which]}{method}")

    async with wired(to_the_other(1)) as portal, wired(to_the_other(0)) as other:
        ports += [int(each.host.rpartition(":")[2]) for each in (portal, other)]
        with pytest.raises(BadReply, match="from one address to the next"):
            await portal.profile()


async def test_a_portal_that_redirects_to_itself() -> None:
    here: list[str] = []
    async with wired(lambda: answer(b"", "302 Found", f"Location: {here[0]}/rest/1/{SECRET}/profile")) as portal:
        here.append(portal.auth.base)
        with pytest.raises(BadReply, match="to itself"):
            await portal.profile()


BATCHES = [
    b"[]", b"null", b'"x"', b'{"result": 7}', b'{"result": [], "result_error": "x"}',
    b'{"result": {"a": 1}, "result_error": {"b": null}}', b'{"result": {"a": 1}, "result_error": {"b": ["x"]}}',
    b'{"result": {"a": 1}, "result_error": {"b": {"error": {"code": 1}, "error_description": []}}}',
    b'{"result": {"a": 1}, "result_time": 7, "result_next": "x", "result_total": [[]]}',
]  # fmt: skip


@pytest.mark.parametrize("result", BATCHES)
async def test_a_batch_s_answer_of_another_kind(result: bytes) -> None:
    async with wire(answer(b'{"result": ' + result + b"}")) as portal:
        try:
            results = await portal.batch([Command("a", "profile"), Command("b", "user.current")])
        except BadReply as error:
            assert error.method == "batch"
        else:
            with pytest.raises(B24Error) as error:
                results["b"].unwrap()
            assert error.value.method == "user.current"


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"<html>", b"{}", b'{"access_token": 7}', b'{"access_token": "A", "refresh_token": {"x": "y"}}',
        b'{"access_token": "A", "scope": {"x": 1}, "member_id": [1]}',
        b'{"access_token": "A", "expires_in": "NaN", "user_id": "\\u00b2", "refresh_token": 1}',
    ],
)  # fmt: skip
async def test_an_oauth_server_that_answers_nonsense(body: bytes) -> None:
    async with wire(answer(b'{"error": "expired_token"}', "401 Unauthorized")) as portal, wire(answer(body)) as oauth:
        tokens = OAuthTokens.from_token_reply({"access_token": "old", "refresh_token": "older"})
        store = MemoryTokenStore(tokens)
        auth = OAuthAuth(portal.auth.base, "local.1", "s", store, oauth.auth.base)
        async with Portal(auth, allow_http=True, limits=Limits(enabled=False)) as installed:
            with pytest.raises((BadReply, Temporary)):
                await installed.profile()
        assert store.tokens == tokens  # what works is not replaced by what does not


async def test_an_oauth_server_that_redirects_gets_no_secret_anywhere_else() -> None:
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    elsewhere = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    async with wire(answer(b"", "302 Found", f"Location: http://127.0.0.1:{port}/oauth/token/")) as oauth:
        auth = OAuthAuth(oauth.auth.base, "local.1", "s", MemoryTokenStore(), oauth.auth.base)
        with pytest.raises((BadReply, AccessDenied)):
            await auth.exchange_code("code")
    elsewhere.close()
    assert asked == []
