"""A thousand calls talk at once: a call keeps what it needs for that, and little else."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

from calls_fakes import Exchange, rings_101

MOST = 8 * 1024
"""Bytes of our own a call may take that talks; some 5 KB are taken."""


async def several_talk(pbx: Exchange, calls: range) -> None:
    for number in calls:
        await pbx.customer_calls(f"{number}.0")
        await pbx.answers("101")


async def test_a_call_that_talks_has_one_task() -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    before = len(asyncio.all_tasks())

    await several_talk(pbx, range(1, 11))

    assert len(pbx.tracker.live()) == 10
    assert len(asyncio.all_tasks()) - before == 10


async def test_a_call_that_talks_weighs_little() -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    await several_talk(pbx, range(1, 6))  # what all calls share is there

    weight = await growth(lambda: several_talk(pbx, range(6, 26)))

    assert weight / 20 < MOST


async def growth(happens: Callable[[], Awaitable[None]]) -> int:
    """Bytes that are taken for good by what happens, in the modules about calls."""
    ours = tracemalloc.Filter(True, "*/stasis_app/calls/*")
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot().filter_traces([ours])
        await happens()
        after = tracemalloc.take_snapshot().filter_traces([ours])
    finally:
        tracemalloc.stop()
    return sum(difference.size_diff for difference in after.compare_to(before, "filename"))
