"""Waiting lines on a real Asterisk: who rings, who hears what, and what the CRM holds afterwards.

A queue answers at once, so a caller's `talk_s` counts from when he began to wait.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import pytest_asyncio

from lab.exchange import Exchange
from lab.phones import Caller, Manner, Office
from lab.story import HANG_UP, Client, Numbers, PlannedCall, Story, Table


def queue(n: Numbers, agents: Sequence[str], **keys: object) -> Mapping[str, Table]:
    """A queue of these agents that leads to a hang-up."""
    values: dict[str, object] = {"type": "queue", "agents": list(agents), "announce_every": 0, **keys}
    return {n.element("queue"): {"on_timeout": n.element("end"), **values}, n.element("end"): HANG_UP}


RING_ALL, LINEAR, GIVES_UP, OVERFLOW, TWO, BACK, RESTART = (Numbers(n) for n in range(31, 38))


def _ring_all(n: Numbers) -> Story:
    return Story(
        name="three agents ring together and the second answers",
        phones=[Manner(n.phone(1), ring_s=None), Manner(n.phone(2), ring_s=2.0), Manner(n.phone(3), ring_s=None)],
        clients=[Client(n.client(1), n.phone(1), "Ivan Ivanov")],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1), n.phone(2), n.phone(3)], strategy="ring_all"),
        calls=[PlannedCall(n.client(1), n.did, n.phone(2), [n.phone(i) for i in (1, 2, 3)], talk_s=5.0)],
    )


def _linear(n: Numbers) -> Story:
    return Story(
        name="the first agent lets it ring and the second answers",
        phones=[Manner(n.phone(1), ring_s=None), Manner(n.phone(2), ring_s=1.0)],
        clients=[Client(n.client(1), n.phone(1), "Ivan Ivanov")],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1), n.phone(2)], strategy="linear", ring_seconds=3),
        calls=[PlannedCall(n.client(1), n.did, n.phone(2), [n.phone(1), n.phone(2)], talk_s=8.0)],
    )


def _gives_up(n: Numbers) -> Story:
    return Story(
        name="the caller hangs up while he waits",
        phones=[Manner(n.phone(1), ring_s=None)],
        clients=[Client(n.client(1), n.phone(1), "Ivan Ivanov")],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1)]),
        calls=[PlannedCall(n.client(1), n.did, "", [n.phone(1)], talk_s=3.0)],
    )


def _overflow(n: Numbers) -> Story:
    return Story(
        name="after some seconds in the queue the reception is rung",
        phones=[Manner(n.phone(1), ring_s=None), Manner(n.phone(2), ring_s=1.0)],
        lines={n.did: n.element("queue")},
        elements={
            **queue(n, [n.phone(1)], timeout=4, on_timeout=n.element("reception")),
            n.element("reception"): {
                "type": "ring",
                "targets": [n.phone(2)],
                "on_no_answer": n.element("end"),
            },
        },
        calls=[PlannedCall(n.client(1), n.did, n.phone(2), [n.phone(1), n.phone(2)], talk_s=9.0)],
    )


def _two_callers(n: Numbers) -> Story:
    return Story(
        name="two callers wait for one agent and are served in order",
        phones=[Manner(n.phone(1), ring_s=1.0)],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1)]),
        calls=[
            PlannedCall(n.client(1), n.did, n.phone(1), [n.phone(1)], talk_s=6.0),
            PlannedCall(n.client(2), n.did, n.phone(1), [n.phone(1)], after_s=1.5, talk_s=10.0),
        ],
    )


def _restart(n: Numbers) -> Story:
    return Story(
        name="two callers keep their places over a restart of the service",
        phones=[Manner(n.phone(1), ring_s=5.0)],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1)]),
        calls=[
            PlannedCall(n.client(1), n.did, n.phone(1), [n.phone(1)], talk_s=17.0),
            PlannedCall(n.client(2), n.did, n.phone(1), [n.phone(1)], after_s=1.0, talk_s=27.0),
        ],
    )


def _call_back(n: Numbers) -> Story:
    return Story(
        name="a caller would rather be called back",
        phones=[Manner(n.phone(1), ring_s=0.5)],
        outside=[Manner(rf"[+]{n.client(2)}", ring_s=0.5, talk_s=3.0)],
        lines={n.did: n.element("queue")},
        elements=queue(n, [n.phone(1)], call_back_key="5", wrap_up=1),
        calls=[
            PlannedCall(n.client(1), n.did, n.phone(1), [n.phone(1)], talk_s=12.0),
            PlannedCall(n.client(2), n.did, "", [], after_s=1.5, talk_s=30.0, keys=[(1.0, "5"), (2.0, "1")]),
        ],
    )


STORIES = [_ring_all(RING_ALL), _linear(LINEAR), _gives_up(GIVES_UP), _overflow(OVERFLOW), _two_callers(TWO)]


@pytest_asyncio.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange([*STORIES, _restart(RESTART), _call_back(BACK)]) as running:
        yield running


async def test_queues_serve_callers_and_the_crm_holds_what_happened(exchange: Exchange):
    results = await asyncio.gather(*(exchange.perform(story) for story in STORIES))

    assert {result.name: list(result.differences) for result in results if not result.agrees} == {}
    await exchange.until_nothing_is_left()


async def test_callers_keep_their_places_over_a_restart(exchange: Exchange):
    story = _restart(RESTART)
    playing = asyncio.create_task(exchange.play(story))
    await exchange.portal.until_call(lambda call: bool(call["cards"]))
    await asyncio.sleep(1.5)

    assert await exchange.service.stop() == 0
    await exchange.service.start()
    played = await playing
    result = await exchange.judge(played)

    first, second = played.calls
    assert first.talk is not None
    assert second.talk is not None
    assert first.talk.ended_at <= second.talk.began_at
    # The judge knows one card for each phone; here it was hidden while the service was away and shown again.
    assert [text for text in result.differences if "the card of" not in text] == []


@pytest.mark.parametrize("killed", [False, True], ids=["", "although the service is killed meanwhile"])
async def test_who_would_rather_be_called_back_is_called_when_his_turn_comes(exchange: Exchange, killed: bool):
    n, pbx, folder = BACK, exchange.pbx, exchange.folder
    first = Caller(pbx, folder, number=n.did, from_number=n.client(1), talk_s=14.0 if killed else 6.0)
    second = Caller(pbx, folder, number=n.did, from_number=n.client(2), keys=[(1.0, "5"), (2.0, "1")])
    async with Office(pbx, folder, phones=_call_back(n).phones) as office:
        talking = asyncio.create_task(first.call())
        await office.until("answered_at")
        waited = await second.call()
        if killed:
            await exchange.service.kill()
            await exchange.service.start()
            assert not talking.done()
        made = await exchange.portal.until_call(lambda call: call["type"] == 1 and call["finish"] is not None, 30)
        await talking

    to_agent = office.calls_of(n.phone(1))[-1]
    assert waited.hung_up_here is False
    assert to_agent.answered_at is not None
    assert made["phone_number"][-10:] == n.client(2)[-10:]
    assert made["finish"]["status_code"] == "200"
    assert made["finish"]["user_id"] == exchange.company.user_of(n.phone(1))
    ordered = [call for call in await exchange.portal.calls() if call["type"] == 2]
    assert [call["finish"]["status_code"] for call in ordered if call["phone_number"][-10:] == n.client(2)[-10:]] == [
        "304"
    ]
