"""Which agents a call is offered to."""

import itertools

import pytest
from queue_fakes import Hall

from stasis_app.calls.facts import NotAnswered
from stasis_app.queues.strategy import Candidate, Strategy, choose, expected_wait

FREE = [
    Candidate("101", 0, calls=3, last_call_at=50.0),
    Candidate("102", 1, calls=1, last_call_at=90.0),
    Candidate("103", 2, calls=2, last_call_at=10.0),
]


@pytest.mark.parametrize(
    ("strategy", "chosen"),
    [
        (Strategy.RING_ALL, ("101", "102", "103")),
        (Strategy.LINEAR, ("101",)),
        (Strategy.LEAST_RECENT, ("103",)),
        (Strategy.FEWEST_CALLS, ("102",)),
    ],
)
def test_each_strategy_chooses_its_own(strategy: Strategy, chosen: tuple[str, ...]):
    assert choose(strategy, FREE) == chosen


def test_round_robin_goes_on_after_the_one_who_was_rung_last_and_begins_again_at_the_end():
    assert [choose(Strategy.ROUND_ROBIN, FREE, last=last)[0] for last in (-1, 0, 1, 2)] == ["101", "102", "103", "101"]


def test_random_follows_chance():
    chances = itertools.cycle([0.5, 0.2, 0.9])

    assert choose(Strategy.RANDOM, FREE, chance=lambda: next(chances)) == ("102",)


@pytest.mark.parametrize("strategy", [s for s in Strategy if s is not Strategy.RING_ALL])
def test_whoever_let_this_call_ring_comes_after_all_who_did_not(strategy: Strategy):
    tired = [Candidate("101", 0, tries=1), Candidate("102", 1, tries=2), Candidate("103", 2, tries=1, calls=9)]
    fresh = Candidate("104", 3, tries=0, calls=99, last_call_at=999.0)

    assert choose(strategy, [*tired, fresh]) == ("104",)


@pytest.mark.parametrize("strategy", Strategy)
def test_without_free_agents_nobody_is_chosen(strategy: Strategy):
    assert choose(strategy, []) == ()


def test_the_wait_is_the_share_of_those_before_him():
    assert expected_wait(3, 60.0, 2) == 90.0
    assert expected_wait(1, None, 2) is None
    assert expected_wait(1, 60.0, 0) is None


async def test_ring_all_rings_everybody_and_the_second_to_answer_talks():
    hall = Hall("101", "102", "103", strategy="ring_all")
    await hall.calls("1.0")
    await hall.rings("101", "102", "103")

    await hall.answers("102")
    await hall.settled()

    assert hall.rung() == ["101", "102", "103"]
    assert hall.talks("1.0") == "102"
    assert hall.phones_ringing_or_up() == {"trunk", "102"}
    assert [fact.why.value for fact in hall.told(NotAnswered)] == ["answered elsewhere"] * 2


async def test_linear_begins_with_the_first_each_time_and_goes_on_when_he_lets_it_ring():
    hall = Hall("101", "102", "103", strategy="linear", retry=60)
    await hall.calls("1.0")
    await hall.lets_ring("101")
    await hall.answered_by("102")
    await hall.hangs_up("1.0")
    await hall.passes(61)

    await hall.calls("2.0")

    assert hall.rung() == ["101", "102", "101"]


async def test_linear_reaches_the_third_though_the_first_is_free_again():
    hall = Hall("101", "102", "103", strategy="linear", retry=1)
    await hall.calls("1.0")
    for agent in ("101", "102", "103"):
        await hall.lets_ring(agent)

    assert hall.rung()[:3] == ["101", "102", "103"]


async def test_round_robin_takes_turns_over_calls():
    hall = Hall("101", "102", "103", strategy="round_robin")
    for channel in ("1.0", "2.0", "3.0", "4.0"):
        await hall.calls(channel)
        await hall.answered_by(hall.rung()[-1])
        await hall.hangs_up(channel)

    assert hall.rung() == ["101", "102", "103", "101"]


async def test_least_recent_rings_who_has_rested_longest():
    hall = Hall("101", "102", strategy="least_recent")
    for channel in ("1.0", "2.0", "3.0"):
        await hall.calls(channel)
        await hall.answered_by(hall.rung()[-1])
        await hall.passes(10)
        await hall.hangs_up(channel)

    assert hall.rung() == ["101", "102", "101"]


async def test_fewest_calls_rings_who_has_taken_fewest():
    hall = Hall("101", "102", strategy="fewest_calls")
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0")
    await hall.lets_ring("102")
    await hall.hangs_up("1.0")
    await hall.hangs_up("2.0")
    await hall.passes(10)

    await hall.calls("3.0")

    assert hall.rung()[-1] == "102"
