"""The service dies in the middle of its calls: nobody is left in it."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab.asterisk import ARI_USER, CONTRIB, Asterisk
from lab.exchange import Exchange
from lab.phones import EMPLOYEE_TONE, Caller, Manner, Office
from lab.processes import spawn, stop
from lab.story import HANG_UP, Numbers, Story

N = Numbers(1)
RECEPTION, SILENT, ANSWERING = N.phone(1), N.phone(2), N.phone(3)
MENU_LINE, RINGING_LINE, TALKING_LINE = N.line(1), N.line(2), N.line(3)
COMPANY = Story(
    name="a menu, a phone that rings on and on, and one that is answered",
    calls=(),
    phones=(Manner(RECEPTION, ring_s=0.5), Manner(SILENT, ring_s=None), Manner(ANSWERING, ring_s=0.5)),
    outside=(Manner(N.outside(1)),),
    lines={MENU_LINE: N.element("menu"), RINGING_LINE: N.element("rings"), TALKING_LINE: N.element("answers")},
    elements={
        N.element("menu"): {
            "type": "menu",
            "prompts": ["demo-congrats"],
            "seconds": 60,
            "keys": {"1": N.element("rings")},
            "on_timeout": N.element("end"),
        },
        N.element("rings"): {"type": "ring", "targets": [SILENT], "seconds": 120, "on_no_answer": N.element("end")},
        N.element("answers"): {"type": "ring", "targets": [ANSWERING], "seconds": 20, "on_no_answer": N.element("end")},
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture(params=["inbound", "outbound"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    reception = {"STASIS_RECEPTION": f"PJSIP/{RECEPTION}"}
    async with Exchange([COMPANY], globals=reception, outbound=request.param == "outbound") as running:
        yield running


@pytest_asyncio.fixture
async def lifeguard(exchange: Exchange) -> AsyncIterator[Path]:
    """The lifeguard as systemd would start it; the file it logs to."""
    folder = exchange.folder
    (folder / "lifeguard.password").write_text(exchange.pbx.password + "\n")
    (folder / "lifeguard.conf").write_text(
        f"[lifeguard]\nurl = {exchange.pbx.url}\nuser = {ARI_USER}\npassword_file = lifeguard.password\n"
        f"app = {exchange.pbx.app}\n"
    )
    said = folder / "lifeguard.log"
    command = [sys.executable, str(CONTRIB / "stasis-lifeguard"), "-c", str(folder / "lifeguard.conf")]
    process = await spawn(command, output=said)
    yield said
    await stop(process)


async def sign(pbx: Asterisk) -> str:
    async with aiohttp.ClientSession(headers=pbx.credentials) as http:
        asked = {"variable": f"STASIS_ALIVE_{pbx.app}"}
        async with http.get(f"{pbx.url}/ari/asterisk/variable", params=asked) as answer:
            return str((await answer.json())["value"])


async def no_channels(exchange: Exchange) -> bool:
    return not [left for left in await exchange.pbx.left() if left.startswith("channel")]


def customer(exchange: Exchange, which: int, number: str, talk_s: float | None = None) -> Caller:
    return Caller(exchange.pbx, exchange.folder, number=number, from_number=N.client(which), talk_s=talk_s)


async def test_whoever_is_not_in_conversation_reaches_reception_and_the_talk_goes_on(
    exchange: Exchange, lifeguard: Path
) -> None:
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones) as office:
        in_menu = customer(exchange, 1, MENU_LINE, talk_s=25)
        ringing = customer(exchange, 2, RINGING_LINE, talk_s=4)
        talking = customer(exchange, 3, TALKING_LINE, talk_s=22)
        calls = asyncio.gather(in_menu.call(), ringing.call(), talking.call())
        await in_menu.until("answered_at")
        await talking.until_hears(await talking.until_talking(), EMPLOYEE_TONE)
        await eventually(lambda: office.calls_of(SILENT), 10)
        assert int(await sign(exchange.pbx)) > 0

        await exchange.service.kill()
        killed_at = asyncio.get_running_loop().time()
        await eventually(lambda: len(office.calls_of(RECEPTION)) >= 2, 20)
        assert asyncio.get_running_loop().time() - killed_at > 7  # a short absence is nobody's business
        # Whoever calls now does not enter the service at all.
        newcomer = await customer(exchange, 4, MENU_LINE, talk_s=2).call()
        of_menu, of_ringing, of_talk = await calls

    assert newcomer.answered_at is not None
    assert newcomer.answered_at - newcomer.invited_at < 3
    assert of_ringing.answered_at
    assert ringing.heard(of_ringing, EMPLOYEE_TONE)
    assert of_menu.hung_up_here
    assert in_menu.heard(of_menu, EMPLOYEE_TONE)
    assert of_talk.hung_up_here
    assert talking.heard(of_talk, EMPLOYEE_TONE)
    (silent,) = office.calls_of(SILENT)
    assert silent.cancelled_at
    # The employee who was left over when the talk had ended is hung up, and nothing remains.
    await eventually(lambda: no_channels(exchange), 15)
    said = await asyncio.to_thread(lifeguard.read_text)
    assert len(set(re.findall(r"(PJSIP/\S+): back to the dialplan", said))) == 2


async def test_a_service_that_stops_says_so_and_a_new_caller_does_not_wait(exchange: Exchange) -> None:
    assert int(await sign(exchange.pbx)) > 0

    assert await exchange.service.stop() == 0

    assert await sign(exchange.pbx) == "0"
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones):
        call = await customer(exchange, 1, MENU_LINE, talk_s=1).call()
    assert call.answered_at is not None
    assert call.answered_at - call.invited_at < 3
