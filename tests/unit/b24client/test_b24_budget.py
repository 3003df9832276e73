"""The portal's two limits as we count them, against a clock that is turned by hand."""

from __future__ import annotations

import pytest
from b24_clock import HandClock

from b24client import Limits, Priority
from b24client.budget import Budget
from b24client.ledger import Ledger


def requests_sent(budget: Budget, priority: Priority, most: int = 1000) -> int:
    """Send as many requests of a class as there is room for."""
    sent = 0
    while sent < most and budget.room_in(priority) <= 0:
        budget.take()
        sent += 1
    return sent


def test_a_burst_goes_out_at_once_and_the_rest_at_the_portals_pace() -> None:
    clock = HandClock()
    budget = Budget(Limits(rate=2, burst=50), clock)
    assert requests_sent(budget, Priority.LOOKUP) == 48  # two below the portal's 50, which it empties in steps
    assert budget.room_in(Priority.LOOKUP) == pytest.approx(0.5, abs=0.001)
    clock.now += 3
    assert requests_sent(budget, Priority.LOOKUP) == 6


def test_background_work_leaves_a_reserve_to_cards_and_cards_to_lookups() -> None:
    budget = Budget(Limits(rate=2, burst=50), HandClock())
    assert requests_sent(budget, Priority.SYNC) == 19  # 40 % of the bucket
    assert requests_sent(budget, Priority.CARD) == 24
    assert requests_sent(budget, Priority.LOOKUP) == 5
    assert budget.room(Priority.LOOKUP) == 0


def test_who_lost_patience_may_use_the_reserve() -> None:
    budget = Budget(Limits(rate=2, burst=50), HandClock())
    requests_sent(budget, Priority.CARD)
    assert budget.room_in(Priority.FINISH) > 0
    assert budget.room_in(Priority.FINISH, urgent=True) == 0


def test_a_full_bucket_at_the_portal_stops_everybody() -> None:
    clock = HandClock()
    budget = Budget(Limits(rate=2, burst=50), clock)
    budget.refused(5.0)  # another program behind our address has used it up
    assert budget.room(Priority.LOOKUP) == 0
    assert budget.room_in(Priority.LOOKUP) == 5.0
    clock.now += 5
    assert requests_sent(budget, Priority.LOOKUP) == 10


def test_a_wider_plan_is_used_from_the_moment_it_is_known() -> None:
    clock = HandClock()
    budget = Budget(Limits(), clock)
    requests_sent(budget, Priority.LOOKUP)
    budget.change(Limits.enterprise())
    assert requests_sent(budget, Priority.LOOKUP) == 245 - 48


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="rate=0"):
        Limits(rate=0)
    with pytest.raises(ValueError, match="operating"):
        Limits(operating=0)


class Portal:
    """The working time of one method at the portal, in minutes as the portal keeps it."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.work: list[tuple[float, float]] = []

    def works(self, seconds: float) -> dict[str, float]:
        """Carry out a command; its `time` block."""
        self.work.append((self.clock.now // 60 * 60, seconds))
        self.work = [(begun, worked) for begun, worked in self.work if begun + 600 > self.clock.now]
        return {
            "duration": seconds,
            "finish": self.clock.now,
            "operating": sum(worked for _, worked in self.work),
            "operating_reset_at": self.work[0][0] + 600,
        }


def test_a_method_is_not_asked_when_its_working_time_is_used_up() -> None:
    clock = HandClock(now=6000.0)
    portal, ledger = Portal(clock), Ledger(480.0, clock)
    commands = 0
    while ledger.room_in("telephony.externalCall.register", Priority.CARD) <= 0:
        ledger.note("Telephony.ExternalCall.Register", portal.works(1.0))
        commands += 1
        clock.now += 0.5
    assert commands == 475  # the portal would have taken 480; another client of the application may need some
    wait = ledger.room_in("telephony.externalcall.register", Priority.CARD)
    clock.now += wait
    assert portal.works(0.0)["operating"] < 475  # exactly when the oldest minute was forgotten
    assert ledger.room_in("telephony.externalcall.register", Priority.CARD) <= 0
    assert ledger.room_in("telephony.externalcall.finish", Priority.CARD) == 0


def test_a_backlog_leaves_working_time_to_live_cards() -> None:
    clock = HandClock(now=6000.0)
    portal, ledger = Portal(clock), Ledger(480.0, clock)
    while ledger.room_in("m", Priority.FINISH) <= 0:
        ledger.note("m", portal.works(1.0))
    assert ledger.room_in("m", Priority.CARD) == 0
    assert portal.works(0)["operating"] == pytest.approx(380, abs=2)


def test_commands_under_way_count_before_the_portal_has_told_of_them() -> None:
    clock = HandClock(now=6000.0)
    ledger = Ledger(480.0, clock)
    ledger.note("m", Portal(clock).works(10.0))
    for _ in range(1000):
        if ledger.room_in("m", Priority.CARD) > 0:
            break
        ledger.sent("m")
    else:
        pytest.fail("a thousand commands of some seconds each at once")
    ledger.ended("m")
    assert ledger.room_in("m", Priority.CARD) == 0


def test_an_answer_that_comes_late_does_not_make_us_forget() -> None:
    clock = HandClock(now=6000.0)
    portal, ledger = Portal(clock), Ledger(480.0, clock)
    early = portal.works(1.0)
    clock.now += 1
    ledger.note("m", portal.works(100.0))
    ledger.note("m", early)  # it rode in a batch that took longer
    assert ledger.spendings["m"].operating == 101


def test_a_method_the_portal_blocked_waits_as_told_and_the_lower_limit_is_learnt() -> None:
    clock = HandClock(now=6000.0)
    ledger = Ledger(480.0, clock)
    ledger.note("user.get", {"operating": 300.0, "operating_reset_at": 6090, "finish": 6000.0})
    assert ledger.refused("user.get", fallback=60.0) == pytest.approx(91)
    assert ledger.room_in("User.Get", Priority.SYNC) == pytest.approx(91)
    assert ledger.room_in("profile", Priority.SYNC) == 0
    assert ledger.limit == 300.0


def test_a_portal_that_never_told_anything_is_waited_for_as_it_says() -> None:
    clock = HandClock(now=6000.0)
    assert Ledger(480.0, clock).refused("user.get", fallback=60.0) == 60.0


@pytest.mark.parametrize("block", [None, [], {"operating": "many"}, {"operating": 1.0}, {"duration": True}])
def test_a_time_block_of_any_shape_is_survived(block: object) -> None:
    ledger = Ledger()
    ledger.note("user.get", block)
    assert ledger.room_in("user.get", Priority.SYNC) == 0
