"""The sign of life: Asterisk's own time, again and again while calls are served, 0 at the end."""

import asyncio
from datetime import UTC, datetime

import pytest
from ari_server import AriServer

from stasis_app.ari import AriLink, sign_of_life
from stasis_app.ari.sign_of_life import SignOfLife

NOW = datetime(2026, 3, 10, 11, 0, 7, tzinfo=UTC)


@pytest.fixture
def sign(server: AriServer, link: AriLink, monkeypatch: pytest.MonkeyPatch) -> SignOfLife:
    monkeypatch.setattr(sign_of_life, "EVERY", 0.02)
    server.replies["GET asterisk/ping"] = (200, {"ping": "pong", "timestamp": "2026-03-10T11:00:07.250+0000"})
    return SignOfLife(link, "stasis-app")


async def test_it_is_given_by_asterisks_clock_and_ceases_with_a_zero(server: AriServer, sign: SignOfLife) -> None:
    giving = asyncio.create_task(sign.run())
    first, *_ = await server.asked("POST asterisk/variable", times=2)
    giving.cancel()
    await sign.cease()

    assert first.body == {"variable": "STASIS_ALIVE_stasis-app", "value": str(int(NOW.timestamp()))}
    assert server.seen("POST asterisk/variable")[-1].body == {"variable": "STASIS_ALIVE_stasis-app", "value": "0"}


async def test_it_is_not_given_while_the_link_is_down(server: AriServer, link: AriLink, sign: SignOfLife) -> None:
    server.hold("GET channels")  # the link does not get further than this
    server.cut()
    await server.connection(2)
    giving = asyncio.create_task(sign.run())
    await asyncio.sleep(0.1)

    assert not server.seen("POST asterisk/variable")
    server.let("GET channels")
    assert await server.asked("POST asterisk/variable")
    giving.cancel()


async def test_who_is_replaced_says_nothing_any_more(server: AriServer, link: AriLink, sign: SignOfLife) -> None:
    link.step_back()

    await sign.cease()

    assert not server.seen("POST asterisk/variable")


async def test_an_asterisk_that_refuses_is_asked_again(server: AriServer, sign: SignOfLife) -> None:
    server.replies["POST asterisk/variable"] = (500, {"error": "no"})
    giving = asyncio.create_task(sign.run())
    await server.asked("POST asterisk/variable", times=3)
    giving.cancel()
