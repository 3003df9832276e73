"""Credentials in use: renewal, installation, permissions, a portal that moves."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens
from loguru import logger

from b24client import (
    AccessDenied,
    B24Error,
    BadReply,
    MemoryTokenStore,
    OAuthAuth,
    OAuthTokens,
    Portal,
    Temporary,
    WebhookAuth,
    check_access,
    decode_form,
)


async def test_twenty_callers_meet_an_expired_token_and_one_renews_it(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    office.sandbox.access.expire_all()

    profiles = await asyncio.gather(*(portal.profile() for _ in range(20)))

    assert {profile.id for profile in profiles} == {1}
    assert office.requests("oauth.token") == 1
    assert len(store.saved) == 1


async def test_the_new_refresh_token_is_safe_before_it_is_used(office: Office) -> None:
    seen: list[int] = []

    class Watching(MemoryTokenStore):
        async def save(self, tokens: OAuthTokens) -> None:
            seen.append(office.requests("profile"))
            await super().save(tokens)

    portal = await office.installed(Watching(office.tokens()))
    office.sandbox.access.expire_all()
    await portal.profile()
    assert seen == [1]  # only the attempt that failed
    assert office.requests("profile") == 2


async def test_a_caller_who_gives_up_does_not_lose_the_renewal(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    office.sandbox.access.expire_all()
    office.trouble(kind="hang", seconds=0.3, times=1, methods=["oauth.token"])
    with pytest.raises(Temporary):
        await portal.call("profile", timeout=0.1)
    await portal.auth.aclose()
    assert len(store.saved) == 1


async def test_a_dead_refresh_token_is_an_access_problem(office: Office) -> None:
    tokens = office.tokens()
    office.sandbox.access.revoke_all()
    portal = await office.installed(MemoryTokenStore(tokens))
    with pytest.raises(AccessDenied, match="install the application"):
        await portal.profile()


async def test_a_new_installation_is_found_in_the_store(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    await portal.profile()
    office.sandbox.access.revoke_all()
    store.tokens = office.tokens()  # what the installation handler saved
    assert (await portal.profile()).id == 1
    assert office.requests("oauth.token") == 0


async def test_not_installed_yet(office: Office) -> None:
    portal = await office.installed(MemoryTokenStore())
    with pytest.raises(AccessDenied, match="NOT_INSTALLED"):
        await portal.profile()


async def test_a_code_becomes_tokens(office: Office, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{office.url}/oauth/authorize/?client_id=local.sandbox&state=x") as page:
        given = await page.json()
    assert given["state"] == "x"
    auth = OAuthAuth(office.url, "local.sandbox", "sandboxappsecret", MemoryTokenStore(), oauth_url=office.url)
    tokens = await auth.exchange_code(given["code"])
    assert tokens.client_endpoint == f"{office.url}/rest/"
    with pytest.raises(AccessDenied, match="invalid_grant"):
        await auth.exchange_code(given["code"])


async def test_a_wrong_client_secret(office: Office) -> None:
    auth = OAuthAuth(office.url, "local.sandbox", "wrongwrong", MemoryTokenStore(), oauth_url=office.url)
    with pytest.raises(AccessDenied, match="client_id and client_secret"):
        await auth.exchange_code("x")


async def test_the_portal_installs_the_application(office: Office, http: aiohttp.ClientSession) -> None:
    posted: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        posted.append(await request.text())
        return web.Response()

    app = web.Application()
    app.router.add_post("/bitrix24/install", handler)
    async with TestServer(app) as ours:
        body = {"handler": str(ours.make_url("/bitrix24/install"))}
        async with http.post(f"{office.url}/sandbox/api/install", json=body) as answer:
            assert await answer.json() == {"status": 200}

    form = decode_form(posted[0])
    assert form["event"] == "ONAPPINSTALL"
    portal = await office.installed(MemoryTokenStore(OAuthTokens.from_install(form)))
    assert (await portal.app_info()).installed


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_webhook(open_office: Opens, status: int) -> None:
    office = await open_office(lambda config: setattr(config.switches, "credentials_status", status))
    async with Portal(WebhookAuth(f"{office.url}/rest/1/wrongwrong/"), allow_http=True) as portal:
        with pytest.raises(AccessDenied, match="webhook"):
            await portal.profile()


async def test_the_access_check_names_what_is_missing(open_office: Opens) -> None:
    office = await open_office(lambda config: setattr(config.webhook, "scope", ["crm"]))
    report = await check_access(await office.by_webhook())
    assert report.missing == {"telephony", "user_basic"}
    assert len(report.problems) == 2

    application = await check_access(await office.installed())
    assert application.missing == frozenset()


async def test_a_missing_scope_is_an_access_problem(open_office: Opens) -> None:
    office = await open_office(lambda config: setattr(config.webhook, "scope", ["crm"]))
    with pytest.raises(AccessDenied, match="insufficient_scope"):
        await (await office.by_webhook()).users.list()


async def test_a_renamed_portal_is_followed_with_the_whole_request(office: Office, open_office: Opens) -> None:
    moved: list[str] = []
    new = await open_office()
    office.trouble(kind="moved", to=new.url)
    portal = await office.by_webhook(on_moved=moved.append)

    found = await portal.telephony.search_crm_entities("+79161234567")

    assert found[0].name == "Ivan Ivanov"
    assert moved == [new.url]
    assert portal.host == new.url.removeprefix("http://")
    await portal.profile()
    assert office.sandbox.journal.requests == 1


async def test_a_renamed_portal_is_remembered_with_its_tokens(office: Office, open_office: Opens) -> None:
    new = await open_office()
    new.sandbox.access = office.sandbox.access
    office.trouble(kind="moved", to=new.url)
    store = MemoryTokenStore(office.tokens())
    await (await office.installed(store)).profile()
    assert store.tokens is not None
    assert store.tokens.client_endpoint == f"{new.url}/rest/"


@pytest.mark.parametrize("to", ["http://127.0.0.1:9/login?back=", "ftp://p", "//user:pass@evil", ""])
async def test_a_redirect_to_anything_else_is_not_followed(office: Office, to: str) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": to})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}/rest/1/hushhushhush/"
        async with Portal(WebhookAuth(url), allow_http=True) as portal:
            with pytest.raises(BadReply):
                await portal.profile()


async def test_a_portal_that_repeats_our_secrets_does_not_make_us_show_them() -> None:
    async def echo(request: web.Request) -> web.Response:
        body = (await request.text())[:500]
        if "html" in request.path:
            return web.Response(text=f"<h1>no {request.path} {body}</h1>", status=502, content_type="text/html")
        code = "expired_token" if "expire" in request.path else f"E {request.path}"
        told = {"error": code, "error_description": f"{request.url} {body}"}
        return web.json_response(told, status=400)

    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, diagnose=True, backtrace=True)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    secrets = ("hushwebhookhush", "hushclienthush", "hushaccesshush", "hushrefreshhush")
    async with TestServer(app) as server:
        base = f"http://127.0.0.1:{server.port}"
        tokens = OAuthTokens.from_token_reply({"access_token": secrets[2], "refresh_token": secrets[3]})
        store = MemoryTokenStore(tokens)
        auths = (WebhookAuth(f"{base}/rest/1/{secrets[0]}/"), OAuthAuth(base, "local.1", secrets[1], store, base))
        for auth in auths:
            async with Portal(auth, allow_http=True) as portal:
                for method in ("user.get", "html.get", "html.add", "expire.get"):
                    try:
                        await portal.call(method, {"NAME": "x"})
                    except B24Error as error:
                        logger.exception("failed: {!r} {}", error, error)
    logger.remove(sink)
    assert lines
    shown = "".join(lines)
    assert [secret for secret in secrets if secret in shown] == []
