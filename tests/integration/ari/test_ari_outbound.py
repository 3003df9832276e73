"""Asterisk connects to us: who may, what it kept comes first, a second connection replaces the first."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType
from ari_helpers import Connect, Log, Told, soon
from ari_server import APP, AriServer
from pydantic import SecretStr

from stasis_app.ari import AriLink, LinkState, World
from stasis_app.ari import events as e
from stasis_app.ari.transport import basic_auth

AT = "2026-03-10T11:00:00.000+0000"
CALLER = {"id": "1.0", "name": "PJSIP/trunk-1", "state": "Up"}
REGISTERED = {"type": "ApplicationRegistered", "timestamp": AT, "application": APP}
PASSWORD = "letters-and-digits"
Dial = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]


def key(digit: str) -> dict[str, object]:
    return {"type": "ChannelDtmfReceived", "timestamp": AT, "digit": digit, "channel": CALLER}


@pytest_asyncio.fixture(loop_scope="function")
async def link(make_link: Connect) -> AriLink:
    made = make_link(
        connect="outbound", listen_port=0, listen_password=SecretStr(PASSWORD), rest_over_websocket=False, heartbeat=0.3
    )
    await made.start()
    return made


@pytest_asyncio.fixture(loop_scope="function")
async def dial(link: AriLink) -> AsyncIterator[Dial]:
    """Connects as Asterisk does."""
    async with aiohttp.ClientSession() as http:

        async def dial(password: str = PASSWORD, *, path: str = "/ari", **more: object):
            port = link.source.port  # type: ignore[attr-defined]
            return await http.ws_connect(
                f"http://127.0.0.1:{port}{path}", protocols=("ari",), headers=basic_auth("asterisk", password), **more
            )

        yield dial


async def test_what_asterisk_kept_comes_with_the_world_and_what_follows_after_it(
    server: AriServer, link: AriLink, dial: Dial, told: Told
) -> None:
    server.channels = [CALLER]
    socket = await dial()
    for message in (key("1"), key("2"), REGISTERED, key("3")):
        await socket.send_str(json.dumps(message))

    world, after = await told.next(), await told.next()

    assert socket.protocol == "ari"
    assert isinstance(world, World)
    assert [event.digit for event in world.missed if isinstance(event, e.ChannelDtmfReceived)] == ["1", "2"]
    assert [channel.id for channel in world.channels] == ["1.0"]
    assert isinstance(after, e.ChannelDtmfReceived)
    assert after.digit == "3"
    assert server.seen(f"PUT applications/{APP}/eventFilter")
    assert not server.seen("GET events")


@pytest.mark.parametrize(("password", "path", "status"), [("wrong", "/ari", 401), (PASSWORD, "/other", 404)])
async def test_nobody_else_gets_in(dial: Dial, link: AriLink, log: Log, password: str, path: str, status: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await dial(password, path=path)

    assert refused.value.status == status
    assert link.connections == 0
    assert not log.saying(password)


async def test_a_second_connection_replaces_the_first(link: AriLink, dial: Dial, told: Told) -> None:
    first = await dial()
    await first.send_str(json.dumps(REGISTERED))
    await soon(link.connected())

    second = await dial()
    closed = await soon(first.receive())
    await second.send_str(json.dumps(REGISTERED))
    await told.next()
    assert isinstance(await told.next(), World)
    await second.send_str(json.dumps(key("1")))

    assert closed.type is WSMsgType.CLOSE
    assert isinstance(await told.next(), e.ChannelDtmfReceived)
    assert link.connections == 2


async def test_a_half_dead_connection_is_noticed(link: AriLink, dial: Dial) -> None:
    socket = await dial(autoping=False)
    await socket.send_str(json.dumps(REGISTERED))
    await soon(link.connected())

    # It answers no ping from here on.
    async with asyncio.timeout(5):
        while link.state is LinkState.CONNECTED:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def test_requests_may_go_over_it(make_link: Connect, told: Told) -> None:
    made = make_link(connect="outbound", listen_port=0, listen_password=SecretStr(PASSWORD), rest_over_websocket=True)
    await made.start()
    async with aiohttp.ClientSession() as http:
        port = made.source.port  # type: ignore[attr-defined]
        socket = await http.ws_connect(f"http://127.0.0.1:{port}/ari", headers=basic_auth("asterisk", PASSWORD))
        await socket.send_str(json.dumps(REGISTERED))
        async with asyncio.timeout(5):
            request = await socket.receive_json()

    assert f"{request['method']} {request['uri']}" == f"PUT applications/{APP}/eventFilter"


async def test_channels_that_are_watched_are_watched_again_after_a_gap(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    server.channels = [CALLER]
    made = make_link()
    await made.start()
    await soon(made.connected())
    made.incoming.watched |= {"1.0", "gone"}

    server.cut()
    await server.connection(2)
    await soon(made.connected())

    (subscribed,) = server.seen(f"POST applications/{APP}/subscription")
    assert subscribed.body == {"eventSource": "channel:1.0"}
    assert made.incoming.watched == {"1.0"}
