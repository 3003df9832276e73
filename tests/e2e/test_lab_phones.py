"""The lab's own phones: what people do in the middle of a call, on an Asterisk with a dialplan and no service."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from lab.asterisk import MUSIC_TONE, RINGING_TONE, Asterisk, OutboundLink, PhoneAccount
from lab.phones import CUSTOMER_TONE, Caller, Manner, Office

ANNA, BORIS, VERA = (PhoneAccount(extension, f"pw{extension}") for extension in ("101", "102", "103"))
TONES = {"101": 1000, "102": 1200, "103": 1400}
DIALPLAN = """
[stasis-phones](+)
exten => keys,1,Answer()
 same => n,Read(PRESSED,,5,,1,8)
 same => n,Set(GLOBAL(PRESSED)=${PRESSED})
 same => n,Echo()
exten => both,1,Dial(PJSIP/101&PJSIP/102,30,b(lab-headers^s^1))
exten => quiet,1,Answer()
 same => n,Playtones(560)
 same => n,Wait(1)
 same => n,StopPlaytones()
 same => n,Wait(2.5)
 same => n,Playtones(ring)
 same => n,Wait(3)

[lab-headers]
exten => s,1,Set(PJSIP_HEADER(add,Alert-Info)=<urn:alert:tone:internal>)
 same => n,Return()
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hands")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx() -> AsyncIterator[Asterisk]:
    variables = {"STASIS_RECEPTION": "PJSIP/101"}
    async with Asterisk([ANNA, BORIS, VERA], globals=variables, dialplan=DIALPLAN) as running:
        yield running
        assert "0 active channels" in await running.cli("core show channels count")


def customer(pbx: Asterisk, folder: Path) -> Caller:
    return Caller(pbx, folder, number="74951112233", from_number="79161234567")


def dials(account: PhoneAccount, number: str, pbx: Asterisk, folder: Path) -> Caller:
    return Caller(pbx, folder, number=number, account=account, tone=TONES[account.extension])


def office(pbx: Asterisk, folder: Path, *phones: Manner) -> Office:
    return Office(pbx, folder, phones=phones, tones=TONES)


async def test_hold_gives_music_to_the_other_side(pbx: Asterisk, folder: Path):
    async with office(pbx, folder, Manner("101", ring_s=0.2)) as desks, customer(pbx, folder) as ivan:
        anna = desks.phone("101")
        talk, his = await anna.until_talking(), await ivan.until_talking()
        await ivan.until_hears(his, TONES["101"])

        await anna.hold(talk)
        await ivan.until_hears(his, MUSIC_TONE)

        await anna.resume(talk)
        await ivan.until_hears(his, TONES["101"])
        await anna.until_hears(talk, CUSTOMER_TONE)


async def test_the_customer_may_hold_too(pbx: Asterisk, folder: Path):
    async with office(pbx, folder, Manner("101", ring_s=0.2)) as desks, customer(pbx, folder) as ivan:
        anna = desks.phone("101")
        talk, his = await anna.until_talking(), await ivan.until_talking()

        await ivan.hold(his)
        await anna.until_hears(talk, MUSIC_TONE)
        await anna.hang_up(talk)
        await ivan.until_over(his)

    assert talk.hung_up_here
    assert his.hung_up_here is False


async def test_blind_transfer_sends_the_customer_on(pbx: Asterisk, folder: Path):
    phones = Manner("101", ring_s=0.2), Manner("102", ring_s=0.5)
    async with office(pbx, folder, *phones) as desks, customer(pbx, folder) as ivan:
        anna, boris = desks.phone("101"), desks.phone("102")
        talk, his = await anna.until_talking(), await ivan.until_talking()

        transfer = await anna.blind_transfer(talk, "102")
        assert await transfer.until_over() == 200
        await anna.until_over(talk)
        await boris.until_hears(await boris.until_talking(), CUSTOMER_TONE)
        await ivan.until_hears(his, TONES["102"])

    assert transfer.answer == 202
    assert talk.hung_up_here


async def test_blind_transfer_to_nowhere_is_told_to_the_phone_and_the_talk_goes_on(pbx: Asterisk, folder: Path):
    async with office(pbx, folder, Manner("101", ring_s=0.2)) as desks, customer(pbx, folder) as ivan:
        anna = desks.phone("101")
        talk, his = await anna.until_talking(), await ivan.until_talking()

        transfer = await anna.blind_transfer(talk, "nowhere")
        assert await transfer.until_over() == 404
        await ivan.until_hears(his, TONES["101"])
        await ivan.hang_up()
        await anna.until_over(talk)

    assert transfer.states[-1] == 404
    assert talk.hung_up_here is False


async def test_attended_transfer_joins_two_talks_of_one_phone(pbx: Asterisk, folder: Path):
    phones = Manner("101", ring_s=0.2), Manner("102", ring_s=0.2)
    async with office(pbx, folder, *phones) as desks, customer(pbx, folder) as ivan:
        anna, boris = desks.phone("101"), desks.phone("102")
        first, his = await anna.until_talking(), await ivan.until_talking()
        await anna.hold(first)
        async with anna.dial("102") as consults:
            second = await consults.until_talking()
            asked = await boris.until_talking()
            await boris.until_hears(asked, TONES["101"])

            transfer = await anna.attended_transfer(first, second)
            assert await transfer.until_over() == 200
            await anna.until_over(first)
            await consults.until_over(second)
        await ivan.until_hears(his, TONES["102"])
        await boris.until_hears(asked, CUSTOMER_TONE)

    assert transfer.answer == 202


async def test_a_phone_in_a_talk_takes_a_second_call_and_joins_both(pbx: Asterisk, folder: Path):
    phones = [Manner("101", ring_s=0.2)]
    async with (
        office(pbx, folder, *phones) as desks,
        customer(pbx, folder) as ivan,
        dials(VERA, "101", pbx, folder) as vera,
    ):
        anna = desks.phone("101")
        first = await anna.until_talking()
        second = await anna.until_talking(besides=[first])
        his, hers = await ivan.until_talking(), await vera.until_talking()

        transfer = await anna.attended_transfer(first, second)
        assert await transfer.until_over() == 200
        await vera.until_hears(hers, CUSTOMER_TONE)
        await ivan.until_hears(his, TONES["103"])


@pytest.mark.parametrize("info", [False, True], ids=["rfc4733", "info"])
async def test_keys_arrive_in_order(pbx: Asterisk, folder: Path, info: bool):
    if info:
        await pbx.cli("pjsip set endpoint 101 dtmf_mode info")
    async with dials(ANNA, "keys", pbx, folder) as anna:
        talk = await anna.until_talking()
        await anna.press(talk, "*2102", info=info)
        await anna.until_hears(talk, TONES["101"])  # the echo begins when the keys are through

        assert "PRESSED=*2102" in await pbx.cli("dialplan show globals")


async def test_whoever_answers_late_was_told_that_another_did(pbx: Asterisk, folder: Path):
    phones = Manner("101", ring_s=None), Manner("102", ring_s=None)
    async with office(pbx, folder, *phones) as desks, dials(VERA, "both", pbx, folder) as vera:
        anna, boris = desks.phone("101"), desks.phone("102")
        hers, his = await anna.until_ringing(), await boris.until_ringing()

        await anna.answer(hers)
        await boris.until_over(his)
        await vera.until_talking()

    assert hers.header("Alert-Info") == "<urn:alert:tone:internal>"
    assert 'text="Call completed elsewhere"' in his.cancel_reason


async def test_a_phone_declines_when_it_likes(pbx: Asterisk, folder: Path):
    async with office(pbx, folder, Manner("101", ring_s=None)) as desks, customer(pbx, folder) as ivan:
        anna = desks.phone("101")
        rings = await anna.until_ringing()

        await anna.decline(rings)
        await ivan.until_over(ivan.dialogs[0])

    assert rings.refused_with == 603
    assert ivan.dialogs[0].refused_at


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_phone_forwards_to_another(pbx: Asterisk, folder: Path, by_hand: bool):
    manner = Manner("101", ring_s=None) if by_hand else Manner("101", ring_s=0, forwards_to="102")
    async with office(pbx, folder, manner, Manner("102", ring_s=0.2)) as desks, customer(pbx, folder) as ivan:
        if by_hand:
            await desks.phone("101").forward(await desks.phone("101").until_ringing(), "102")
        await desks.phone("102").until_talking()
        await ivan.until_hears(await ivan.until_talking(), TONES["102"])

    assert desks.calls_of("101")[0].refused_with == 302


async def test_a_caller_gives_up_when_he_likes(pbx: Asterisk, folder: Path):
    async with office(pbx, folder, Manner("101", ring_s=None)) as desks, customer(pbx, folder) as ivan:
        rings = await desks.phone("101").until_ringing()

        await ivan.hang_up()
        await desks.phone("101").until_over(rings)

    assert ivan.dialogs[0].cancelled_at
    assert rings.cancelled_at


async def test_silence_is_measured_and_a_ringing_tone_is_none(pbx: Asterisk, folder: Path):
    async with dials(ANNA, "quiet", pbx, folder) as anna:
        talk = await anna.until_talking()
        await anna.until_over(talk)

    assert anna.longest_silence(talk) == pytest.approx(2.5, abs=0.4)
    assert anna.heard(talk, RINGING_TONE)


class Application:
    """A small ARI application: it answers the caller, rings 101 and joins both."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._http = http
        self._socket = socket

    async def until(self, kind: str) -> dict[str, Any]:
        """Wait for an event."""
        async with asyncio.timeout(10):
            while True:
                event: dict[str, Any] = await self._socket.receive_json()
                if event["type"] == kind:
                    return event

    async def ask(self, path: str, **query: str) -> None:
        async with self._http.post(f"/ari/{path}", params=query) as answer:
            answer.raise_for_status()

    async def connect(self) -> None:
        caller = (await self.until("StasisStart"))["channel"]["id"]
        await self.ask(f"channels/{caller}/answer")
        await self.ask("channels/leg-101", endpoint="PJSIP/101", app="stasis-app", originator=caller)
        await self.until("StasisStart")
        await self.ask("channels/leg-101/variable", variable="PJSIP_TRANSFER_HANDLING()", value="ari-only")
        await self.ask("bridges/talk", type="mixing")
        await self.ask("bridges/talk/addChannel", channel=f"{caller},leg-101")


async def test_an_application_sees_hold_and_decides_on_transfers(pbx: Asterisk, folder: Path):
    async with (
        aiohttp.ClientSession(pbx.url, headers=pbx.credentials) as http,
        http.ws_connect("/ari/events?app=stasis-app") as socket,
        office(pbx, folder, Manner("101", ring_s=0.2)) as desks,
        customer(pbx, folder) as ivan,
    ):
        service, anna = Application(http, socket), desks.phone("101")
        await service.connect()
        talk = await anna.until_talking()

        await anna.hold(talk)
        assert (await service.until("ChannelHold"))["channel"]["id"] == "leg-101"
        await anna.resume(talk)
        await service.until("ChannelUnhold")
        await ivan.until_hears(ivan.dialogs[0], TONES["101"])

        transfer = await anna.blind_transfer(talk, "102")
        asked = await service.until("ChannelTransfer")
        assert asked["refer_to"]["requested_destination"]["destination"] == "102"
        assert transfer.states == []
        await service.ask("channels/leg-101/transfer_progress", states="channel_answered")
        assert await transfer.until_over() == 200
        await anna.until_over(talk)
        assert talk.hung_up_here
        await ivan.hang_up()
        await service.until("StasisEnd")
        async with http.delete("/ari/bridges/talk"):
            pass


async def test_asterisk_connects_to_an_application_that_waits(folder: Path):
    connected: asyncio.Future[tuple[str, dict[str, Any]]] = asyncio.get_running_loop().create_future()

    async def ari(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["ari"])
        await socket.prepare(request)
        connected.set_result((request.headers["Authorization"], await socket.receive_json()))
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/ari", ari)
    async with TestServer(app) as server:
        link = OutboundLink(f"ws://127.0.0.1:{server.port}/ari", "asterisk", "secret")
        async with Asterisk([], outbound=link):
            authorization, event = await asyncio.wait_for(connected, 10)

    assert authorization == f"Basic {base64.b64encode(b'asterisk:secret').decode()}"
    assert (event["type"], event["application"]) == ("ApplicationRegistered", "stasis-app")


async def test_asterisk_comes_back_on_the_same_ports_and_knows_its_phones(folder: Path):
    async with (
        Asterisk([ANNA, BORIS, VERA], globals={"STASIS_RECEPTION": "PJSIP/101"}) as pbx,
        office(pbx, folder, Manner("101", ring_s=0.2)) as desks,
    ):
        anna = desks.phone("101")
        async with customer(pbx, folder) as ivan:
            talk, his = await anna.until_talking(), await ivan.until_talking()
            await pbx.stop()
            await asyncio.gather(anna.until_over(talk), ivan.until_over(his))
        assert talk.hung_up_here is False

        await pbx.start()
        async with customer(pbx, folder) as ivan:
            await anna.until_talking()

        await pbx.kill()
        await pbx.start()
        async with customer(pbx, folder) as ivan:
            await ivan.until_hears(await ivan.until_talking(), TONES["101"])
