"""The stories of the demo: what the CRM holds afterwards is what the phones saw."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from lab.exchange import Exchange, Result
from lab.stories import all_stories
from lab.story import Story, Weather

STORIES = {story.name: story for story in all_stories()}
AT_ONCE = 5
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(request: pytest.FixtureRequest) -> AsyncIterator[Mapping[str, asyncio.Task[Result]]]:
    """The stories of the tests that were chosen, several at a time; each test awaits its own."""
    names = {item.callspec.params["name"] for item in request.session.items if "played" in item.fixturenames}
    stories = [STORIES[name] for name in STORIES if name in names]
    async with Exchange(stories) as exchange:
        places = asyncio.Semaphore(AT_ONCE)
        rest = asyncio.Event()

        async def with_others(story: Story) -> Result:
            async with places:
                over = await exchange.play(story)
            return await exchange.judge(over)

        async def alone(stories: list[Story]) -> dict[str, Result]:
            await rest.wait()
            return {story.name: await exchange.perform(story) for story in stories}

        well = {s.name: asyncio.create_task(with_others(s)) for s in stories if s.weather is Weather.WELL}
        troubled = asyncio.create_task(alone([s for s in stories if s.weather is not Weather.WELL]))

        async def troubled_one(name: str) -> Result:
            return (await troubled)[name]

        gathered = asyncio.gather(*well.values(), return_exceptions=True)
        gathered.add_done_callback(lambda _: rest.set())
        others = {s.name: asyncio.create_task(troubled_one(s.name)) for s in stories if s.name not in well}
        yield well | others
        await asyncio.gather(gathered, *others.values(), return_exceptions=True)
        await exchange.until_nothing_is_left()
        assert await exchange.portal.audit() == []


@pytest.mark.parametrize("name", STORIES)
async def test_the_crm_holds_what_happened(played: Mapping[str, asyncio.Task[Result]], name: str):
    result = await played[name]

    assert result.differences == []
