"""What is tried again, after how long, and what is not."""

from __future__ import annotations

import pytest

from b24client import AccessDenied, B24Error, LimitExceeded, Refused, Temporary, UnknownOutcome
from b24client.retry import retrying


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


async def attempt_all(errors: list[B24Error], pauses: Pauses, **options: float) -> str:
    async for attempt in retrying(sleep=pauses, **options):  # type: ignore[arg-type]
        with attempt:
            if errors:
                raise errors.pop(0)
            return "done"
    raise AssertionError("neither a result nor an error")


def temporary(text: str = "away") -> Temporary:
    return Temporary("user.get", "", text)


def limit(seconds: float) -> LimitExceeded:
    return LimitExceeded("user.get", "QUERY_LIMIT_EXCEEDED", "Too many requests", retry_after=seconds)


async def test_a_failure_for_now_is_tried_again_after_growing_pauses() -> None:
    pauses = Pauses()
    assert await attempt_all([temporary(), temporary(), temporary()], pauses, attempts=4) == "done"
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 1.5
    assert 2.0 <= pauses[2] <= 2.5


async def test_no_pause_is_longer_than_the_longest() -> None:
    pauses = Pauses()
    await attempt_all([temporary() for _ in range(9)], pauses, attempts=10, longest=3.0)
    assert max(pauses) == 3.0


async def test_a_limit_is_waited_for_as_told() -> None:
    pauses = Pauses()
    assert await attempt_all([limit(1.5), limit(40)], pauses) == "done"
    assert pauses == [1.5, 40]


async def test_a_limit_that_lasts_too_long_is_not_waited_for() -> None:
    pauses = Pauses()
    with pytest.raises(LimitExceeded) as told:
        await attempt_all([limit(500)], pauses, longest=60)
    assert (told.value.retry_after, pauses) == (500, [])


async def test_after_the_last_attempt_its_error_is_raised_as_it_is() -> None:
    pauses = Pauses()
    with pytest.raises(Temporary, match="third"):
        await attempt_all([temporary("first"), temporary("second"), temporary("third")], pauses, attempts=3)
    assert len(pauses) == 2


@pytest.mark.parametrize("kind", [Refused, AccessDenied, UnknownOutcome, B24Error])
async def test_nothing_else_is_tried_again(kind: type[B24Error]) -> None:
    pauses = Pauses()
    with pytest.raises(kind):
        await attempt_all([kind("telephony.externalCall.register", "", "no")], pauses)
    assert pauses == []
