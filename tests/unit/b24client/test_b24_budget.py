"""The request budget against a clock that is turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from b24client import LimitExceeded, Limits, Priority
from b24client.budget import Budget
from b24client.ledger import Ledger


class HandClock:
    """A clock with its timers; `turn` moves it on and runs what falls due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[HandTimer] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, run: Callable[[], None]) -> HandTimer:
        timer = HandTimer(self.now + seconds, run)
        self._timers.append(timer)
        return timer

    async def turn(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [t for t in self._timers if t.run and t.at <= end]:
            timer = min(due, key=lambda t: t.at)
            self.now, run, timer.run = max(self.now, timer.at), timer.run, None
            assert run is not None
            run()
            await settled()
        self.now = end


class HandTimer:
    def __init__(self, at: float, run: Callable[[], None]) -> None:
        self.at = at
        self.run: Callable[[], None] | None = run

    def cancel(self) -> None:
        self.run = None


class Desk:
    """Asks the budget for room and notes who got it."""

    def __init__(self, limits: Limits) -> None:
        self.clock = HandClock()
        self.budget = Budget(limits, self.clock, self.clock.call_later)
        self.passed: list[Priority] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, priority: Priority, times: int = 1) -> None:
        for _ in range(times):
            self.tasks.append(asyncio.create_task(self._ask(priority)))
        await settled()

    async def _ask(self, priority: Priority) -> None:
        await self.budget.acquire(priority)
        self.passed.append(priority)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settled() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def test_a_burst_goes_out_at_once_and_the_rest_at_the_portals_pace() -> None:
    desk = Desk(Limits(rate=2, burst=50))
    await desk.ask(Priority.LOOKUP, 60)
    assert len(desk.passed) == 48  # two below the portal's 50, which it empties in steps
    await desk.clock.turn(3.01)
    assert len(desk.passed) == 54
    await desk.clock.turn(10)
    assert len(desk.passed) == 60
    await desk.close()


async def test_a_lookup_and_a_card_pass_waiting_recordings() -> None:
    desk = Desk(Limits(rate=2, burst=10))
    await desk.ask(Priority.RECORD, 20)
    desk.passed.clear()
    await desk.ask(Priority.CARD)
    await desk.ask(Priority.LOOKUP)
    assert desk.passed == [Priority.CARD, Priority.LOOKUP]  # the reserve: no wait at all
    await desk.close()


async def test_background_work_leaves_a_reserve() -> None:
    desk = Desk(Limits(rate=2, burst=50))
    await desk.ask(Priority.SYNC, 100)
    assert len(desk.passed) == 19  # 40 % of the bucket
    await desk.ask(Priority.LOOKUP, 29)
    assert desk.passed.count(Priority.LOOKUP) == 29
    await desk.close()


async def test_a_waiting_lookup_goes_before_an_earlier_finish() -> None:
    desk = Desk(Limits(rate=1, burst=5))
    await desk.ask(Priority.LOOKUP, 4)
    await desk.ask(Priority.FINISH)
    await desk.ask(Priority.LOOKUP)
    desk.passed.clear()
    await desk.clock.turn(8)
    assert desk.passed == [Priority.LOOKUP, Priority.FINISH]
    await desk.close()


async def test_nobody_starves() -> None:
    desk = Desk(Limits(rate=1, burst=5))
    await desk.ask(Priority.LOOKUP, 10)
    await desk.ask(Priority.SYNC)
    for _ in range(700):  # lookups without end, as fast as the portal takes them
        await desk.ask(Priority.LOOKUP)
        await desk.clock.turn(1)
    assert Priority.SYNC in desk.passed
    await desk.close()


async def test_a_full_bucket_at_the_portal_stops_everybody() -> None:
    desk = Desk(Limits(rate=2, burst=50))
    desk.budget.refused(5.0)  # another program behind our address has used it up
    await desk.ask(Priority.LOOKUP)
    await desk.clock.turn(4.9)
    assert desk.passed == []
    await desk.clock.turn(0.2)
    assert desk.passed == [Priority.LOOKUP]
    await desk.close()


async def test_who_gives_up_takes_no_room() -> None:
    desk = Desk(Limits(rate=1, burst=2))
    await desk.ask(Priority.LOOKUP, 2)
    desk.tasks[1].cancel()
    await desk.ask(Priority.CARD)
    await desk.clock.turn(1.1)
    assert desk.passed == [Priority.LOOKUP, Priority.CARD]
    assert desk.budget.waiting == 0
    await desk.close()


async def test_without_limits_nobody_waits() -> None:
    desk = Desk(Limits(enabled=False))
    await desk.ask(Priority.SYNC, 500)
    assert len(desk.passed) == 500


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="rate=0"):
        Limits(rate=0)


def test_a_blocked_method_is_not_asked_again_before_its_time() -> None:
    clock = HandClock()
    ledger = Ledger(clock)
    ledger.note("user.get", {"operating": 481.2, "operating_reset_at": 1090})
    assert ledger.refused("user.get", fallback=60.0) == 90
    with pytest.raises(LimitExceeded) as refused:
        ledger.check("User.Get")
    assert refused.value.retry_after == 90
    ledger.check("profile")
    clock.now += 91
    ledger.check("user.get")


@pytest.mark.parametrize("block", [None, [], {"operating": "many"}, {"operating": 1.0}])
def test_a_time_block_of_any_shape_is_survived(block: object) -> None:
    ledger = Ledger()
    ledger.note("user.get", block)
    ledger.check("user.get")
