"""Portals on-premise, with certificates and OAuth servers of their own; and ours is known by its member_id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from b24_office import Office, Opens
from b24_peers import Authority, Running, ThreadedPortal, lead

from b24client import (
    AccessDenied,
    Limits,
    MemoryTokenStore,
    OAuthAuth,
    OAuthTokens,
    Portal,
    RegisterCall,
    Temporary,
    WebhookAuth,
)
from b24client.methods.calls import CallType
from b24client.sandbox import SAMPLE_SEED, SandboxConfig

BOX = "b24.company.lan"


@pytest.fixture
def box(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedPortal]:
    """A portal in the company's own network: https with a certificate of the company's own authority."""
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    with Running(config, authority.context()) as portal:
        lead(monkeypatch, {BOX: portal.port})
        yield portal


async def test_a_portal_with_an_authority_of_its_own(box: ThreadedPortal, authority: Authority) -> None:
    webhook = WebhookAuth(f"https://{BOX}:{box.port}/rest/1/sandboxsecret/")
    async with Portal(webhook, ca_file=authority.ca_file) as portal:
        assert (await portal.profile()).id == 1
    async with Portal(webhook) as portal:
        with pytest.raises(Temporary, match="certificate is not trusted"):
            await portal.profile()


async def test_an_isolated_portal_with_an_oauth_server_of_its_own(box: ThreadedPortal, authority: Authority) -> None:
    """From the code to the renewal, nothing goes anywhere but to the company's own servers."""
    address = f"https://{BOX}:{box.port}"
    store = MemoryTokenStore()
    auth = OAuthAuth(address, "local.sandbox", "sandboxappsecret", store, oauth_url=address)
    await auth.exchange_code(box.sandbox.access.new_code(1), ca_file=authority.ca_file)
    async with Portal(auth, ca_file=authority.ca_file) as portal:
        assert (await portal.profile()).id == 1
        box.sandbox.access.expire_all()
        assert (await portal.profile()).id == 1
    assert len(store.saved) == 2


async def test_a_certificate_for_another_name_is_not_taken(
    box: ThreadedPortal, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, {"evil.example": box.port})
    async with Portal(WebhookAuth("https://evil.example/rest/1/x/"), ca_file=authority.ca_file) as portal:
        with pytest.raises(Temporary, match="certificate"):
            await portal.profile()
    assert box.sandbox.journal.requests == 0


def test_plain_http_needs_to_be_asked_for() -> None:
    store = MemoryTokenStore()
    with pytest.raises(ValueError, match="allow_http"):
        Portal(WebhookAuth("http://b24.company.lan/rest/1/hushhush/"))
    with pytest.raises(ValueError, match="allow_http"):
        Portal(OAuthAuth("http://b24.company.lan", "local.1", "s", store))
    with pytest.raises(ValueError, match=r"oauth_url.*not https"):
        OAuthAuth("https://b24.company.lan", "local.1", "s", store, "http://oauth.company.lan")


async def test_tokens_of_another_portal_are_not_adopted(office: Office, open_office: Opens) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    theirs = (await open_office()).tokens()
    assert isinstance(portal.auth, OAuthAuth)

    with pytest.raises(AccessDenied, match=r"another portal.*WRONG_PORTAL.*remedy"):
        await portal.auth.adopt(theirs)

    assert store.saved == []
    assert (await portal.profile()).id == 1
    await portal.auth.adopt(theirs, another_portal=True)
    assert store.tokens == theirs


async def test_a_renewal_that_brings_another_portal_s_tokens_is_refused(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    ours = store.tokens
    office.sandbox.access.expire_all()
    office.sandbox.access.member_id = "f" * 32

    with pytest.raises(AccessDenied, match="WRONG_PORTAL"):
        await portal.profile()

    assert store.tokens == ours


async def test_a_code_of_another_portal_is_refused(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    auth = OAuthAuth(office.url, "local.sandbox", "sandboxappsecret", store, oauth_url=office.url)
    office.sandbox.access.member_id = "f" * 32
    with pytest.raises(AccessDenied, match="WRONG_PORTAL"):
        await auth.exchange_code(office.sandbox.access.new_code(1))
    assert store.saved == []


async def test_an_application_that_was_removed_asks_nothing_more(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    await portal.profile()
    asked = office.sandbox.journal.requests
    assert isinstance(portal.auth, OAuthAuth)

    await portal.auth.forget()

    for _ in range(3):
        with pytest.raises(AccessDenied, match=r"NOT_INSTALLED.*remedy: install the application"):
            await portal.profile()
    assert office.sandbox.journal.requests == asked
    assert store.tokens is None
    await portal.auth.adopt(office.tokens())
    assert (await portal.profile()).id == 1


async def test_a_renewal_under_way_does_not_bring_back_the_tokens_of_a_removed_application(office: Office) -> None:
    store = MemoryTokenStore(office.tokens())
    portal = await office.installed(store)
    assert isinstance(portal.auth, OAuthAuth)
    office.sandbox.access.expire_all()
    office.trouble(kind="hang", seconds=0.3, times=1, methods=["oauth.token"])
    asking = asyncio.create_task(portal.profile())
    async with asyncio.timeout(5):
        while portal.auth._renewing is None:  # noqa: ASYNC110 (nobody tells when it begins)
            await asyncio.sleep(0.01)

    await portal.auth.forget()

    assert len(store.saved) == 1  # it came to its end
    assert store.tokens is None
    with pytest.raises(AccessDenied, match="NOT_INSTALLED"):
        await portal.profile()
    await asyncio.wait([asking])
    assert asking.exception() is None or isinstance(asking.exception(), AccessDenied)


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("https://oauth.bitrix24.tech/rest/", "oauth.bitrix24.tech"),
        ("https://oauth.evil.example/rest/", "oauth.bitrix.info"),
        ("http://oauth.bitrix24.tech/rest/", "oauth.bitrix.info"),
        ("", "oauth.bitrix.info"),
    ],
)
async def test_the_oauth_server_is_where_the_portal_says_if_it_is_bitrix24_s(
    box: ThreadedPortal, authority: Authority, monkeypatch: pytest.MonkeyPatch, told: str, asked: str
) -> None:
    ports = dict.fromkeys(("oauth.bitrix24.tech", "oauth.bitrix.info", "oauth.evil.example"), box.port)
    names = lead(monkeypatch, ports)
    granted = box.sandbox.access.grant(1, f"https://{BOX}:{box.port}")
    tokens = OAuthTokens.from_token_reply({**granted, "server_endpoint": told})
    auth = OAuthAuth(BOX, "local.sandbox", "sandboxappsecret", MemoryTokenStore(tokens))
    box.sandbox.access.expire_all()

    async with Portal(auth, ca_file=authority.ca_file, limits=Limits(enabled=False)) as portal:
        assert (await portal.profile()).id == 1

    assert [name for name in names if name in ports] == [asked]


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (401, "PAYMENT_REQUIRED", "plan or the application's subscription"),
        (401, "NOT_INSTALLED", "install the application"),
        (401, "APPLICATION_NOT_FOUND", "install the application"),
        (401, "ERROR_OAUTH", "install the application"),
        (403, "insufficient_scope", "permission"),
        (403, "user_access_error", "open to the user"),
        (403, "allowed_only_intranet_user", "an employee"),
        (401, "METHOD_CONFIRM_WAITING", "an administrator of the portal has to confirm"),
        (500, "PORTAL_DELETED", "no longer exists"),
        (403, "INVALID_CREDENTIALS", "webhook may have been deleted"),
    ],
)
async def test_a_refused_access_comes_with_its_remedy(office: Office, status: int, code: str, remedy: str) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="error", status=status, code=code, description="No.")
    with pytest.raises(AccessDenied) as denied:
        await portal.profile()
    assert remedy in denied.value.remedy
    assert remedy in str(denied.value)


async def test_a_webhook_that_registers_is_told_to_be_an_application(office: Office) -> None:
    portal = await office.by_webhook()
    call = RegisterCall(user_id=11, phone_number="+79990000000", type=CallType.INCOMING, external_call_id="own-1")
    with pytest.raises(AccessDenied, match=r"\(call own-1\).*WRONG_AUTH_TYPE.*needs an installed application"):
        await portal.telephony.register(call)
    assert office.requests("telephony.externalCall.register") == 1


async def test_a_webhook_has_no_application_to_tell_of(office: Office) -> None:
    with pytest.raises(AccessDenied, match="Application context required"):
        await (await office.by_webhook()).app_info()
