"""A standby takes over from an instance that is killed or hangs, and the calls go on."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from e2e_waiting import eventually

from lab.exchange import Exchange
from lab.phones import EMPLOYEE_TONE, Caller, Manner, Office
from lab.processes import spawn, stop
from lab.services import COMMANDS
from lab.story import HANG_UP, Numbers, Story

N = Numbers(1)
COMPANY = Story(
    name="two lines, a phone for each",
    calls=(),
    phones=(Manner(N.phone(1), ring_s=0.5), Manner(N.phone(2), ring_s=0.5)),
    outside=(Manner(N.outside(1)),),
    lines={N.line(which): N.element(f"ring{which}") for which in (1, 2)},
    elements={
        **{
            N.element(f"ring{which}"): {
                "type": "ring",
                "targets": [N.phone(which)],
                "seconds": 30,
                "on_no_answer": N.element("end"),
            }
            for which in (1, 2)
        },
        N.element("end"): HANG_UP,
    },
)


@pytest_asyncio.fixture(params=["inbound", "outbound"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    async with Exchange([COMPANY], outbound=request.param == "outbound") as running:
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


@pytest.mark.parametrize("struck", [killed, frozen])
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
        await eventually(lambda: "The link to Asterisk is connected" in said(standby), 8)
        newcomer = Caller(exchange.pbx, exchange.folder, number=N.line(2), from_number=N.client(2), talk_s=1)
        of_new = await newcomer.call()
        of_talk = await call
        assert len(office.calls_of(N.phone(2))) == 1

    assert of_new.answered_at
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
