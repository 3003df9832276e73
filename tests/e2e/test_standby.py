"""A standby takes over from an instance that is killed or hangs, and the calls go on."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.phones import EMPLOYEE_TONE, Caller, Manner, Office
from lab.processes import spawn, stop
from lab.services import COMMANDS
from lab.story import HANG_UP, Numbers, Story, ring

N = Numbers(1)
COMPANY = Story(
    name="two lines, a phone for each",
    calls=(),
    phones=(Manner(N.phone(1), ring_s=0.5), Manner(N.phone(2), ring_s=0.5)),
    outside=(Manner(N.outside(1)),),
    lines={N.line(which): N.element(f"ring{which}") for which in (1, 2)},
    elements={
        **{N.element(f"ring{which}"): ring(N, which, seconds=30) for which in (1, 2)},
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    """Told how Asterisk and the service find each other, and where the lease is."""
    way, database = request.param
    storage = request.getfixturevalue("mariadb").fresh() if database == "mariadb" else ""
    async with Exchange([COMPANY], outbound=way == "outbound", storage=storage) as running:
        yield running


@pytest_asyncio.fixture
async def standby(exchange: Exchange) -> AsyncIterator[Path]:
    """A second instance on the same machine; the file it logs to."""
    log = exchange.folder / "standby.log"
    command = [str(COMMANDS / "stasis-app"), "run", "-c", str(exchange.folder / "stasis.toml"), "--standby"]
    process = await spawn(command, output=log, folder=exchange.folder)
    await eventually(lambda: "waiting as a standby" in said(log), 20)
    yield log
    await stop(process)


def said(log: Path) -> str:
    return log.read_text(errors="replace")


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def frozen(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def stopped(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


async def serves(exchange: Exchange) -> bool:
    """Whether a caller would be let in: somebody has given the sign of life since the instance that gave it is gone."""
    async with aiohttp.ClientSession(headers=exchange.pbx.credentials) as http:
        asked = {"variable": f"STASIS_ALIVE_{exchange.pbx.app}"}
        async with http.get(f"{exchange.pbx.url}/ari/asterisk/variable", params=asked) as answer:
            return (await answer.json()).get("value", "0") != "0"


SQLITE = [((way, "sqlite"), struck) for way in ("inbound", "outbound") for struck in (killed, frozen, stopped)]
MARIADB = [(("inbound", "mariadb"), frozen)]  # whoever is frozen keeps his connections to the server


def called(part: object) -> str:
    return "-".join(part) if isinstance(part, tuple) else part.__name__


@pytest.mark.parametrize(("exchange", "struck"), [*SQLITE, *MARIADB], indirect=["exchange"], ids=called)
async def test_it_takes_over_a_talk_and_a_new_call(
    exchange: Exchange, standby: Path, struck: Callable[[int], None]
) -> None:
    first = exchange.service.pid

    async with Office(exchange.pbx, exchange.folder, phones=COMPANY.phones) as office:
        talking = Caller(exchange.pbx, exchange.folder, number=N.line(1), from_number=N.client(1), talk_s=14)
        call = asyncio.create_task(talking.call())
        await talking.until("answered_at")
        await asyncio.sleep(1)

        struck(first)
        struck_at = time.time()
        await eventually(lambda: "The link to Asterisk is connected" in said(standby), 20)
        adopted_at = time.time()
        await eventually(lambda: serves(exchange), 5)
        newcomer = Caller(exchange.pbx, exchange.folder, number=N.line(2), from_number=N.client(2), talk_s=1)
        of_new = await newcomer.call()
        of_talk = await call
        (rang,) = office.calls_of(N.phone(2))

    assert of_new.answered_at
    assert rang.invited_at is not None
    adopted, rings, waited = adopted_at - struck_at, rang.invited_at - struck_at, rang.invited_at - of_new.invited_at
    print(
        f"{struck.__name__}: adopted after {adopted:.2f} s; a new call rang after {rings:.2f} s, {waited:.2f} s its own"
    )
    assert of_talk.hung_up_here
    assert talking.heard(of_talk, EMPLOYEE_TONE)
    held = await exchange.portal.until_call(
        lambda crm: crm["phone_number"][-10:] == N.client(1)[-10:] and crm["finish"] is not None, seconds=30
    )
    assert held["finish"]["duration"] == pytest.approx(14, abs=1.1)
    assert len([crm for crm in await exchange.portal.calls() if crm["phone_number"][-10:] == N.client(1)[-10:]]) == 1
    if struck is frozen:
        try:
            os.kill(first, signal.SIGCONT)
        except ProcessLookupError:
            return  # it held what the standby needed, and was ended
        await eventually(lambda: "steps back" in exchange.service.last_words(), 10)
