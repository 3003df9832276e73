"""Random calls while answers are lost, late and unreadable and the service is killed: each is in the CRM once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from b24client import Limits, Portal
from stasis_app.mirror import portal_calls
from tests.unit.mirror.mirror_story import ANNA, BORIS, VERA, Story

ANYTHING = ["telephony.*", "voximplant.*"]
REGISTER = ["telephony.externalCall.register"]
WEATHER = [
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "lose_reply"},
    {"kind": "late_error", "status": 500},
    {"kind": "late_error", "status": 502, "body": "<html>502 Bad Gateway</html>"},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503, "code": "QUERY_LIMIT_EXCEEDED", "description": "Too many requests"},
    {"kind": "error", "status": 401, "code": "expired_token", "description": "The access token has expired."},
    {"kind": "reset"},
    {"kind": "refuse"},
    {"kind": "timeout", "seconds": 0.1},
]
LATE = {"kind": "hang", "seconds": 2.0, "methods": REGISTER}
"""Done when nobody waits for its answer any more. Not where requests are shared: a finish that is in the same one and
comes late is refused, because it was said again."""


@pytest.fixture(autouse=True)
def everything_is_quick(company, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (
        ("agenda.SETTLE", 0.01),
        ("agenda.LINGER", 0.01),
        ("work.BETWEEN_ASKS", 0.001),
        ("agenda.FIRST_CARD", 0.05),
        ("attempts.LIVE_LONGEST", 0.05),
        ("attempts.LATE_LONGEST", 0.05),
        ("attempts.DENIED_PAUSE", 0.02),
        ("gate.FIRST_PROBE", 0.02),
        ("gate.LONGEST_PROBE", 0.05),
        ("entries.STILL_AT_WORK", 3.0),
    ):
        monkeypatch.setattr(f"stasis_app.mirror.{name}", seconds)
    monkeypatch.setattr(portal_calls, "CARD_SECONDS", 0.8)
    monkeypatch.setattr(portal_calls, "FINISH_SECONDS", 1.5)


def life_of(call: Story, chance: random.Random) -> Iterator[None]:
    """What happens to a call, one thing after another."""
    call.comes_in(number=f"+7916{chance.randrange(10**7):07d}")
    yield
    for who in chance.sample([ANNA, BORIS, VERA], chance.randrange(3)):
        call.wait(1).rings(who)
        yield
        if chance.random() < 0.5:
            call.wait(2).answers(who).talks(who)
            yield
            call.wait(chance.randrange(60)).leaves(who)
            if chance.random() < 0.5:
                call.is_recorded("talk")
            break
    call.ends()


async def dies_and_comes_back(company, calls: list[Story], chance: random.Random) -> None:
    """Killed; what had not reached the disk is lost. Asterisk tells of every call again."""
    await company.mirror.stop(0)
    if chance.random() < 0.5:
        company.store.writer.abandon()
    await company.store.close()
    await company.open()
    for call in calls:
        if call.record is not None and chance.random() < 0.9:
            company.mirror.on_fact(call.record, call.last)


async def play(company, chance: random.Random, weather: list[dict[str, Any]]) -> list[Story]:
    calls: list[Story] = []
    lives: list[Iterator[None]] = []
    while len(calls) < 12 or lives:
        if len(calls) < 12 and chance.random() < 0.5:
            call = company.call(f"1773130778.{len(calls)}")
            call.listener = lambda record, fact: company.mirror.on_fact(record, fact)
            calls.append(call)
            lives.append(life_of(call, chance))
        elif lives and next(life := chance.choice(lives), lives) is lives:
            lives.remove(life)
        if chance.random() < 0.3:
            company.sandbox.faults.clear()
            company.trouble(**{"methods": ANYTHING, "chance": 0.7, **chance.choice(weather)}, seed=chance.randrange(99))
        if chance.random() < 0.07:
            await dies_and_comes_back(company, calls, chance)
        await asyncio.sleep(chance.choice([0.0, 0.01, 0.1]))
    company.sandbox.faults.clear()
    for call in calls:
        company.mirror.on_fact(call.record, call.last)
    return calls


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("seed", range(4))
async def test_every_call_is_in_the_crm_once(company, seed, crowded):
    company.records("talk")
    limits = Limits(rate=20, burst=4) if crowded else Limits(enabled=False)
    async with Portal(company.portal.auth, allow_http=True, limits=limits) as portal:
        company.portal = portal
        await company.restart()
        async with asyncio.timeout(100):
            calls = await play(company, random.Random(seed), WEATHER if crowded else [*WEATHER, LATE])
            await company.mirror.settled()
        await company.close()
        await company.open()  # nothing is left for another life
        await company.mirror.settled()

        for call in calls:
            in_crm = company.in_crm(call.call_id)
            assert in_crm.finish is not None
            assert in_crm.finishes_refused == 0
            assert not in_crm.open_cards()
            assert (in_crm.record is not None) == bool(call.record.recordings)
        assert len(company.sandbox.calls.calls) == len(calls)
        assert set(await company.outbox()) <= {"done", "dropped"}
        await company.close()
    await company.open()
