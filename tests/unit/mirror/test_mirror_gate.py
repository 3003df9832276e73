"""One look at the portal's health for all calls."""

import asyncio

import pytest

from stasis_app.mirror import gate as gate_module
from stasis_app.mirror.gate import Gate

AWAY = ConnectionError("no portal")


@pytest.fixture
def gate(monkeypatch):
    monkeypatch.setattr(gate_module, "FIRST_PROBE", 0.01)
    monkeypatch.setattr(gate_module, "LONGEST_PROBE", 0.02)
    return Gate()


def fail(gate: Gate, times: int) -> None:
    for _ in range(times):
        gate.failed(AWAY)


def test_one_failed_request_is_no_outage(gate):
    fail(gate, 2)
    gate.succeeded()
    fail(gate, 2)

    assert gate.is_open


def test_failures_in_a_row_are(gate):
    fail(gate, 3)

    assert not gate.is_open
    assert gate.last_error == "no portal"


async def test_one_call_at_a_time_finds_out_whether_the_portal_is_back(gate):
    fail(gate, 3)
    waiting = [asyncio.create_task(gate.turn()) for _ in range(5)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    assert sum(task.done() for task in waiting) == 1
    gate.succeeded()
    await asyncio.gather(*waiting)
    assert gate.is_open


async def test_who_has_nothing_to_ask_after_all_lets_the_next_one(gate):
    fail(gate, 3)
    await gate.turn()
    gate.pass_on()
    await gate.turn()


async def test_a_failed_probe_is_followed_by_another(gate):
    fail(gate, 3)
    await gate.turn()
    gate.failed(AWAY)
    await gate.turn()
    gate.succeeded()

    assert gate.is_open
