"""fast_bitrix24, made for fetching much at once, takes the sandbox for a portal."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from b24_peers import OAUTH, PORTAL, Authority, Running, ThreadedPortal, lead
from fast_bitrix24 import BitrixAsync
from fast_bitrix24.server_response import ErrorInServerResponseException

from b24client.sandbox import SAMPLE_SEED, SandboxConfig, SeedUser
from b24client.sandbox.faults import Fault


@pytest.fixture
def portal(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedPortal]:
    """A portal with three pages of employees."""
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    config.public_url = f"https://{PORTAL}"
    config.users += [SeedUser(id=100 + n, name=f"Employee {n}") for n in range(120)]
    with Running(config, authority.context()) as portal:
        lead(monkeypatch, {PORTAL: portal.port, OAUTH: portal.port})
        yield portal


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return authority.trusted()


@pytest.fixture
async def session(context: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:
        yield session


@pytest.fixture
def webhook(portal: ThreadedPortal, session: aiohttp.ClientSession) -> BitrixAsync:
    return BitrixAsync(f"https://{PORTAL}/rest/1/sandboxsecret/", verbose=False, client=session)


@pytest.fixture
def application(portal: ThreadedPortal, session: aiohttp.ClientSession) -> BitrixAsync:
    async def token() -> str:
        return str(portal.sandbox.access.grant(1, f"https://{PORTAL}")["access_token"])

    return BitrixAsync(f"https://{PORTAL}/rest/", token_func=token, verbose=False, client=session)


async def test_everything_of_a_list(portal: ThreadedPortal, webhook: BitrixAsync) -> None:
    """The first page tells the total; the other pages come in one batch."""
    rows = await webhook.get_all("user.get", {"FILTER": {"ACTIVE": True}})
    assert len({row["ID"] for row in rows}) == 124
    assert portal.requests("batch") == 1


async def test_a_page_by_itself(webhook: BitrixAsync) -> None:
    answer = await webhook.call("user.get", {"start": 100}, raw=True)
    assert (len(answer["result"]), answer["total"], answer.get("next")) == (25, 125, None)


async def test_some_by_their_ids(webhook: BitrixAsync) -> None:
    found = await webhook.get_by_ID("user.get", [11, 12, 13])
    assert {id_: rows[0]["LAST_NAME"] for id_, rows in found.items()} == {
        "11": "Petrov", "12": "Sokolova", "13": "Orlov",
    }  # fmt: skip


async def test_calls_of_an_application(portal: ThreadedPortal, application: BitrixAsync) -> None:
    """Several calls at once: registered, shown, finished; the library sends each kind as one batch."""
    asked = [
        {"USER_ID": 11, "PHONE_NUMBER": f"+7999000000{n}", "TYPE": 2, "SHOW": 0, "EXTERNAL_CALL_ID": f"fast-{n}"}
        for n in range(3)
    ]
    registered = await application.call("telephony.externalCall.register", asked)
    ids = [row["CALL_ID"] for row in registered]
    assert len(set(ids)) == 3
    shown = await application.call(
        "telephony.externalCall.show", [{"CALL_ID": id_, "USER_ID": [11, 12]} for id_ in ids]
    )
    assert shown == (True, True, True)
    finished = await application.call(
        "telephony.externalCall.finish", [{"CALL_ID": id_, "USER_ID": 11, "DURATION": 5} for id_ in ids]
    )
    assert [row["CALL_DURATION"] for row in finished] == [5, 5, 5]
    rows = await application.get_all("voximplant.statistic.get", {"FILTER": {"CALL_ID": ids[0]}})
    assert [row["EXTERNAL_CALL_ID"] for row in rows] == ["fast-0"]
    assert {call.user_id for call in portal.sandbox.calls.calls.values()} == {11}


async def test_a_batch_of_ones_own(application: BitrixAsync) -> None:
    results = await application.call_batch(
        {
            "halt": 0,
            "cmd": {
                "reg": "telephony.externalcall.register?USER_ID=11&PHONE_NUMBER=%2B79990000000&TYPE=2&SHOW=0",
                "show": "telephony.externalcall.show?CALL_ID=$result[reg][CALL_ID]&USER_ID[0]=11&USER_ID[1]=12",
            },
        }
    )
    assert results["show"] is True


async def test_a_command_that_fails_is_told(application: BitrixAsync) -> None:
    with pytest.raises(ErrorInServerResponseException, match="Call is not found"):
        await application.call("telephony.externalCall.finish", [{"CALL_ID": "externalCall.gone.1", "USER_ID": 11}])


async def test_an_expired_token_is_fetched_anew(portal: ThreadedPortal, application: BitrixAsync) -> None:
    await application.call("profile", raw=True)
    portal.sandbox.access.expire_all()
    assert (await application.call("profile", raw=True))["result"]["ID"] == "1"


async def test_a_refusal_is_an_http_error(portal: ThreadedPortal, webhook: BitrixAsync) -> None:
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await webhook.call("telephony.externalCall.register", {"USER_ID": 11, "PHONE_NUMBER": "+79"}, raw=True)
    assert refused.value.status == 403


async def test_too_many_requests_are_repeated(portal: ThreadedPortal, webhook: BitrixAsync) -> None:
    portal.sandbox.faults.add(Fault(kind="error", status=503, code="QUERY_LIMIT_EXCEEDED", times=2))
    assert (await webhook.call("profile", raw=True))["result"]["ID"] == "1"
    assert portal.requests("profile") == 3
