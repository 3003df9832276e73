"""What happened while the service was away, with either end of the event websocket; and Asterisk itself restarted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.phones import EMPLOYEE_TONE, Caller, Manner, Office
from lab.story import HANG_UP, Numbers, Story, ring
from lab.truth import Dialog

N = Numbers(1)
RECEPTION, ANNA, BORIS, VERA = N.phone(1), N.phone(2), N.phone(3), N.phone(4)
LINES = {N.line(which): N.element(f"line{which}") for which in (2, 3, 4)}
COMPANY = Story(
    name="three lines, each to a phone of its own",
    calls=(),
    phones=(
        Manner(RECEPTION, ring_s=0.5),
        Manner(ANNA, ring_s=0.5),
        Manner(BORIS, ring_s=0.5),
        Manner(VERA, ring_s=None),
    ),
    outside=(Manner(N.outside(1)),),
    lines=LINES,
    elements={
        **{N.element(f"line{which}"): ring(N, which, seconds=60) for which in (2, 3, 4)},
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture(params=["inbound", "outbound"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    reception = {"STASIS_RECEPTION": f"PJSIP/{RECEPTION}"}
    async with Exchange([COMPANY], globals=reception, outbound=request.param == "outbound") as running:
        yield running


def customer(exchange: Exchange, which: int, line: int, talk_s: float | None = None) -> Caller:
    return Caller(exchange.pbx, exchange.folder, number=N.line(line), from_number=N.client(which), talk_s=talk_s)


async def is_in_asterisk(exchange: Exchange, which: int) -> bool:
    """Whether this customer's call has reached the dialplan."""
    async with (
        aiohttp.ClientSession(headers=exchange.pbx.credentials) as http,
        http.get(f"{exchange.pbx.url}/ari/channels") as answer,
    ):
        return any(N.client(which)[-10:] in channel["caller"]["number"] for channel in await answer.json())


async def nothing_is_noted(exchange: Exchange) -> bool:
    """Whether the dialplan keeps no end of a call for the service any more."""
    return "STASIS_ENDED" not in await exchange.pbx.cli("dialplan show globals")


async def finished(exchange: Exchange, which: int) -> dict[str, Any]:
    number = N.client(which)
    return await exchange.portal.until_call(
        lambda held: held["phone_number"][-10:] == number[-10:] and held["finish"] is not None, seconds=30
    )


async def test_a_talk_goes_on_a_hang_up_is_learnt_and_a_new_caller_is_served(exchange: Exchange) -> None:
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones) as office:
        goes_on, hangs_up = customer(exchange, 1, 2, talk_s=20), customer(exchange, 2, 3, talk_s=8)
        calls = asyncio.gather(goes_on.call(), hangs_up.call())
        await goes_on.until("answered_at")
        await hangs_up.until("answered_at")
        await asyncio.sleep(2)

        await exchange.service.kill()
        gone = await hangs_up.until("ended_at")
        newcomer = customer(exchange, 3, 3, talk_s=2)
        new_call = asyncio.create_task(newcomer.call())
        await eventually(lambda: is_in_asterisk(exchange, 3), 10)
        await asyncio.sleep(2)  # long enough to be seen in a duration
        await exchange.service.start()
        of_new, (of_talk, _) = await new_call, await calls
        taken_by_service = len(office.calls_of(BORIS)) == 2

    assert of_new.answered_at is not None
    assert newcomer.heard(of_new, EMPLOYEE_TONE)
    # Asterisk kept the newcomer for us, or the dialplan had him.
    assert taken_by_service is exchange.outbound
    assert len(office.calls_of(RECEPTION)) == (0 if exchange.outbound else 1)
    assert goes_on.heard(of_talk, EMPLOYEE_TONE)
    talked = (await finished(exchange, 1))["finish"]
    assert talked["duration"] == pytest.approx(20, abs=1.1)
    over = (await finished(exchange, 2))["finish"]
    assert str(over["status_code"]) == "200"
    assert gone.ended_at is not None
    assert over["duration"] == pytest.approx(8, abs=1.1)  # Asterisk kept the event, or the dialplan noted the time
    if exchange.outbound:
        assert str((await finished(exchange, 3))["finish"]["status_code"]) == "200"
    await exchange.until_nothing_is_left()
    await eventually(lambda: nothing_is_noted(exchange), 20)


async def talks_and_waits_until_asterisk_dies(exchange: Exchange, office: Office) -> tuple[Dialog, Dialog]:
    """One customer talks with Anna and one waits for Vera when Asterisk is killed; it is started again. Their calls."""
    talking, waiting = customer(exchange, 1, 2), customer(exchange, 2, 4)
    calls = [asyncio.create_task(one.call()) for one in (talking, waiting)]
    talk = await talking.until("answered_at")
    await eventually(lambda: office.calls_of(VERA), 10)
    await asyncio.sleep(3)  # long enough to be seen in a duration

    await exchange.pbx.kill()
    await exchange.pbx.start()
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    return talk, waiting.dialogs[0]


async def what_the_restart_cut_off_is_told(exchange: Exchange) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two calls in the CRM: the talk with its duration, the other as one that came to nothing for our own fault."""
    talked, waited = await finished(exchange, 1), await finished(exchange, 2)
    assert str(talked["finish"]["status_code"]) == "200"
    assert talked["finish"]["duration"] == pytest.approx(3.5, abs=1.6)
    assert str(waited["finish"]["status_code"]) == "OTHER"
    assert "restarted" in waited["finish"]["failed_reason"]
    return talked, waited


@pytest.mark.parametrize("exchange", ["inbound"], indirect=True)
async def test_asterisk_is_restarted_while_the_portal_is_away(exchange: Exchange) -> None:
    # It says that it does nothing: a broken connection would leave a registration in doubt for a minute (decision 14).
    await exchange.portal.trouble(kind="error", status=503, code="SERVICE_UNAVAILABLE")
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones) as office:
        talk, wait = await talks_and_waits_until_asterisk_dies(exchange, office)
    assert await exchange.portal.calls() == []
    await exchange.portal.no_trouble()

    talked, waited = await what_the_restart_cut_off_is_told(exchange)
    assert talked["finish"]["user_id"] == exchange.company.user_of(ANNA)
    assert talked["call_start_date"] == pytest.approx(talk.invited_at, abs=1.1)
    assert waited["call_start_date"] == pytest.approx(wait.invited_at, abs=1.1)
    assert len(await exchange.portal.calls()) == 2


async def test_asterisk_is_killed_and_started_again(exchange: Exchange) -> None:
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones) as office:
        await talks_and_waits_until_asterisk_dies(exchange, office)
    await what_the_restart_cut_off_is_told(exchange)
    recorded = await exchange.portal.until_call(lambda held: held["record"] is not None, seconds=60)
    heard = await exchange.recording(recorded)
    assert heard is not None
    assert heard.seconds > 1
    # The exchange serves calls again.
    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones):
        await exchange.until_ready()
        again = await customer(exchange, 3, 2, talk_s=1).call()
    assert again.answered_at is not None
