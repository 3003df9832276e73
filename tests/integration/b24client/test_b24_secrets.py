"""Every way a request can fail, with secrets one would recognise: they are seen nowhere, however closely one looks."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from b24_peers import Authority
from loguru import logger

from b24client import (
    B24Error,
    Command,
    CommandResult,
    FinishCall,
    Limits,
    MemoryTokenStore,
    OAuthAuth,
    OAuthTokens,
    Portal,
    RegisterCall,
    StatusCode,
    WebhookAuth,
)
from b24client.methods.calls import CallType

HOOK, CLIENT, ACCESS, REFRESH, APPLICATION, CODE = (
    f"hush{name}hush" for name in ("webhook", "client", "access", "refresh", "application", "code")
)
SECRETS = (HOOK, CLIENT, ACCESS, REFRESH, APPLICATION, CODE)
FRESH = {"access_token": ACCESS, "refresh_token": REFRESH, "application_token": APPLICATION, "member_id": "m1"}


class Watch:
    """Collects everything anybody might read."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[BaseException] = []

    def saw(self, error: BaseException) -> None:
        """Look at an error from all sides; this file's own frames, which know the secrets, aside."""
        self.errors.append(error)
        for each in (error, *_chain(error)):
            trace = each.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
                trace = trace.tb_next
            each.__traceback__ = trace
        logger.opt(exception=error).error("failed: {!r} {}", error, error)
        logging.getLogger("somebody").error("failed", exc_info=error)
        self.lines += [str(error), repr(error), repr(error.args), repr(vars(error))]
        for part in _chain(error):
            self.lines += [str(part), repr(part), *traceback.format_exception(part)]
            logger.opt(exception=part).error("and before that")
        if isinstance(error, B24Error):
            copy = pickle.loads(pickle.dumps(error))
            self.lines += [str(copy), repr(copy)]

    def found(self) -> list[str]:
        """The lines in which secrets can be read."""
        lines = "\n".join(self.lines).splitlines()
        return [line for line in lines if any(secret in line for secret in SECRETS)]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """What led to an error, as a traceback shows it."""
    seen = {id(error)}
    part = error
    while True:
        before = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
        if before is None or id(before) in seen:
            return
        seen.add(id(before))
        yield before
        part = before


class Everything(logging.Handler):
    """Takes the records of the standard library's loggers, but for the log of the servers here."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("aiohttp.access"):
            self._lines += [self.format(record), repr(vars(record))]


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture) -> Iterator[Watch]:
    watch = Watch()
    handler = Everything(watch.lines)
    logging.getLogger().addHandler(handler)
    for name in ("", "aiohttp.client", "aiohttp.internal", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    yield watch
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def values_shown() -> bool:
    """Whether tracebacks in the log show the values of variables."""
    return True


@pytest.fixture(autouse=True)
async def nothing_was_shown(watch: Watch, values_shown: bool) -> AsyncIterator[None]:
    """Whatever a test did, at its end no secret may have been seen."""
    sink = logger.add(lambda line: watch.lines.append(str(line)), level=0, diagnose=values_shown, backtrace=False)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(lambda _, context: watch.lines.append(repr(context)))
    yield
    logger.remove(sink)
    assert watch.errors
    assert watch.found() == []


def webhook(base: str) -> WebhookAuth:
    return WebhookAuth(f"{base}/rest/1/{HOOK}/")


def application(base: str, store: MemoryTokenStore | None = None) -> OAuthAuth:
    return OAuthAuth(base, "local.1", CLIENT, store or MemoryTokenStore(OAuthTokens.from_token_reply(FRESH)), base)


Ask = Callable[[Portal], Awaitable[object]]

ASKED: dict[str, Ask] = {
    "call": lambda portal: portal.call("user.get", {"FILTER": {"ID": 1}}),
    "typed": lambda portal: portal.users.current(),
    "finish": lambda portal: portal.telephony.finish(
        FinishCall(call_id="externalCall.1", user_id=1, status_code=StatusCode.MISSED)
    ),
    "register": lambda portal: portal.telephony.register(
        RegisterCall(user_id=1, phone_number="+79", type=CallType.INCOMING, external_call_id="1.1")
    ),
    "batch": lambda portal: portal.batch([Command("a", "user.get"), Command("b", "profile")]),
    "page": lambda portal: portal.page("user.get", {"start": -1}),
}


async def ask_all(watch: Watch, base: str, **options: Any) -> None:
    """Ask everything both ways; each failure is looked at."""
    options = {"allow_http": True, "limits": Limits(enabled=False), "timeout": 5.0} | options
    for auth in (webhook(base), application(base)):
        async with Portal(auth, **options) as portal:
            for ask in ASKED.values():
                try:
                    results = await ask(portal)
                except (B24Error, TypeError) as error:
                    watch.saw(error)
                else:
                    for result in results.values() if isinstance(results, dict) else ():
                        if isinstance(result, CommandResult) and result.error is not None:
                            watch.saw(result.error)
            watch.lines += [
                repr(portal),
                repr(vars(portal)),
                repr(vars(portal._exchange)),
                repr(vars(portal._transport)),
            ]
        watch.lines += [repr(auth), repr(vars(auth))]


@asynccontextmanager
async def echoing(reply: Callable[[web.Request, str], web.StreamResponse]) -> AsyncIterator[str]:
    """A server whose answers repeat what it was sent; the address it is at."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return reply(request, f"{request.url} {await request.text()} {dict(request.headers)}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"


def as_json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


ECHOES: dict[str, Callable[[web.Request, str], web.StreamResponse]] = {
    "html": lambda request, told: web.Response(text=f"<h1>{told}</h1>", status=502, content_type="text/html"),
    "html 200": lambda request, told: web.Response(text=f"<h1>{told}</h1>"),
    "text 404": lambda request, told: web.Response(text=told, status=404),
    "refusal": lambda request, told: as_json({"error": "E", "error_description": told}, 400),
    "code": lambda request, told: as_json({"error": told, "error_description": ""}, 400),
    "nested": lambda request, told: as_json({"error": {"code": told, "message": [told]}}, 400),
    "list": lambda request, told: as_json([told]),
    "no result": lambda request, told: as_json({told: told}),
    "expired": lambda request, told: as_json({"error": "expired_token", "error_description": told}, 401),
    "limit": lambda request, told: as_json({"error": "QUERY_LIMIT_EXCEEDED", "error_description": told}, 503),
    "denied": lambda request, told: as_json({"error": "ACCESS_DENIED", "error_description": told}, 403),
    "truncated": lambda request, told: web.Response(text='{"result": "' + told.replace("/", "\\/")),
    "redirect": lambda request, told: web.Response(status=302, headers={"Location": str(request.url) + "/x"}),
    "redirect to itself": lambda request, told: web.Response(status=302, headers={"Location": str(request.url)}),
    "odd encoding": lambda request, told: web.Response(body=told.encode(), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("kind", ECHOES)
async def test_a_portal_that_repeats_what_it_was_sent(watch: Watch, kind: str) -> None:
    async with echoing(ECHOES[kind]) as base:
        await ask_all(watch, base)


RESULTS: dict[str, Callable[[str], Any]] = {
    "rows": lambda told: [{"ID": told}],
    "a map": lambda told: {"ID": told, "CALL_ID": [told]},
    "a batch": lambda told: {"result": told},
    "errors": lambda told: {"result": [], "result_error": {"a": {"error": told, "error_description": told}, "b": told}},
}


@pytest.mark.parametrize("values_shown", [False])
@pytest.mark.parametrize("kind", RESULTS)
async def test_a_result_that_can_t_be_read(watch: Watch, kind: str) -> None:
    """What a method gives is the caller's own, and a log that shows the values of variables shows it; we do not."""
    async with echoing(lambda request, told: as_json({"result": RESULTS[kind](told)})) as base:
        await ask_all(watch, base)


@pytest.mark.parametrize("kind", ["token", "odd token", "refusal", "another portal"])
async def test_a_renewal_that_fails(watch: Watch, kind: str) -> None:
    def reply(request: web.Request, told: str) -> web.StreamResponse:
        if "oauth" not in request.path:
            return as_json({"error": "expired_token", "error_description": told}, 401)
        match kind:
            case "token":
                return as_json({"access_token": [ACCESS], "refresh_token": REFRESH})
            case "odd token":
                return as_json({"access_token": ACCESS, "refresh_token": {"x": REFRESH}, "scope": {"x": REFRESH}})
            case "another portal":
                return as_json({**FRESH, "access_token": "other", "member_id": "m2"})
        return as_json({"error": "invalid_grant", "error_description": told}, 400)

    async with echoing(reply) as base:
        await ask_all(watch, base)
        with pytest.raises(B24Error) as error:
            await application(base).exchange_code(CODE)
        watch.saw(error.value)


async def test_a_store_that_fails(watch: Watch) -> None:
    class Broken(MemoryTokenStore):
        async def save(self, tokens: OAuthTokens) -> None:
            raise OSError("disk full")

    def reply(request: web.Request, told: str) -> web.StreamResponse:
        if "oauth" in request.path:
            return as_json({**FRESH, "access_token": "other"})
        return as_json({"error": "expired_token"}, 401)

    async with echoing(reply) as base:
        store = Broken(OAuthTokens.from_token_reply(FRESH))
        async with Portal(application(base, store), allow_http=True, limits=Limits(enabled=False)) as portal:
            with pytest.raises(OSError, match="disk full") as error:
                await portal.profile()
            watch.saw(error.value)


async def test_nobody_listens(watch: Watch) -> None:
    await ask_all(watch, f"http://127.0.0.1:{unused_port()}")
    await ask_all(watch, "http://no-such-host.invalid")
    await ask_all(watch, "http://127.0.0.1:99999")


async def test_a_certificate_nobody_trusts(watch: Watch, authority: Authority, tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=authority.context())
    base = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await ask_all(watch, base, allow_http=False)
    server.close()


@pytest.mark.parametrize("kind", ["hangs", "resets", "breaks off", "hangs half-way"])
async def test_an_answer_that_does_not_come(watch: Watch, kind: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(65_536)
            if kind in ("breaks off", "hangs half-way"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
                await writer.drain()
            if kind.startswith("hangs"):
                await reader.read()
            if kind == "resets":
                writer.transport.abort()
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await ask_all(watch, base, timeout=0.05)
    for auth in (webhook(base), application(base)):
        async with Portal(auth, allow_http=True, limits=Limits(enabled=False)) as portal:
            task = asyncio.create_task(portal.call("user.get"))
            if kind.startswith("hangs"):
                await asyncio.sleep(0.05)
                task.cancel()
            with pytest.raises((B24Error, asyncio.CancelledError)) as error:
                await task
            watch.saw(error.value)
    server.close()


async def test_a_session_that_was_closed(watch: Watch) -> None:
    session = aiohttp.ClientSession()
    await session.close()
    for auth in (webhook("http://127.0.0.1:9"), application("http://127.0.0.1:9")):
        async with Portal(auth, allow_http=True, session=session, limits=Limits(enabled=False)) as portal:
            with pytest.raises((B24Error, RuntimeError)) as error:
                await portal.profile()
            watch.saw(error.value)


async def test_parameters_that_can_t_be_written(watch: Watch) -> None:
    for auth in (webhook("http://127.0.0.1:9"), application("http://127.0.0.1:9")):
        async with Portal(auth, allow_http=True, limits=Limits(enabled=False)) as portal:
            with pytest.raises(TypeError) as error:
                await portal.call("user.get", {"FILTER": object()})
            watch.saw(error.value)


async def test_an_upload_address_holds_a_token(watch: Watch) -> None:
    async with echoing(ECHOES["html"]) as base:
        for auth in (webhook(base), application(base)):
            async with Portal(auth, allow_http=True, limits=Limits(enabled=False)) as portal:
                places = (f"{base}/rest/upload.json?auth={ACCESS}&token=telephony%7C{APPLICATION}", f"ftp://{ACCESS}/")
                for place in places:
                    with pytest.raises(B24Error) as error:
                        await upload(portal, place)
                    watch.saw(error.value)


async def upload(portal: Portal, place: str) -> Any:
    sent = portal.upload("telephony.externalCall.attachRecord", place, aiohttp.FormData, timeout=5)
    place = ""  # the watcher looks at this frame, too
    return await sent


def wrong_credentials() -> Iterator[Callable[[], object]]:
    """Constructors and readers, each with something wrong beside the secrets."""
    yield lambda: WebhookAuth(f"https://p.bitrix24.com/{HOOK}/")
    yield lambda: WebhookAuth(f"https://u:{HOOK}@p.bitrix24.com/rest/1/{HOOK}/x/y")
    yield lambda: Portal(webhook("http://p.bitrix24.com"))
    yield lambda: OAuthAuth("p.bitrix24.com", "local.1", CLIENT, MemoryTokenStore(), "ftp://x")
    yield lambda: OAuthTokens.from_token_reply({**FRESH, "access_token": None})
    yield lambda: OAuthTokens.from_token_reply({**FRESH, "scope": {"x": ACCESS}})
    yield lambda: OAuthTokens.from_token_reply({**FRESH, "refresh_token": [REFRESH]})
    yield lambda: OAuthTokens.from_install({"auth": {**FRESH, "member_id": ""}})
    yield lambda: OAuthTokens.from_install({"auth": {**FRESH, "scope": {"x": ACCESS}}})
    yield lambda: OAuthTokens.from_install({"AUTH_ID": ACCESS, "REFRESH_ID": REFRESH, "member_id": "", "DOMAIN": "p"})


async def test_credentials_of_a_wrong_kind(watch: Watch) -> None:
    for make in wrong_credentials():
        with pytest.raises(ValueError, match=r".") as error:
            make()
        watch.saw(error.value)


@pytest.mark.parametrize("values_shown", [False])
async def test_tokens_made_by_hand(watch: Watch) -> None:
    """Pydantic's own lines hold what they are given, but its error does not show it."""
    with pytest.raises(ValueError, match="access_token") as error:
        OAuthTokens.model_validate({"access_token": [ACCESS], "refresh_token": REFRESH, "scope": ACCESS})
    watch.saw(error.value)


async def test_another_portal_s_tokens(watch: Watch) -> None:
    auth = application("https://p.bitrix24.com")
    with pytest.raises(B24Error, match="another portal") as error:
        await auth.adopt(OAuthTokens.from_token_reply({**FRESH, "member_id": "m2"}))
    watch.saw(error.value)
    watch.lines += [repr(await auth.tokens()), str(await auth.tokens())]
