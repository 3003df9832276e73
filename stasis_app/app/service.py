"""The service: what it is made of, in the order in which one part needs the other, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from stasis_app.adapters import Figures
from stasis_app.app.api import serve_http
from stasis_app.app.calls import Calls, Story, follow_calls, keep_story
from stasis_app.app.duties import Duties, forget_old_calls, know_limits
from stasis_app.app.grounds import Instance, lay_grounds
from stasis_app.app.mirroring import mirror_calls, published_recordings
from stasis_app.app.people import People, know_people
from stasis_app.app.waiting import know_queues
from stasis_app.ari import AriLink
from stasis_app.ari.sign_of_life import SignOfLife
from stasis_app.http import Metrics
from stasis_app.mirror import Mirror
from stasis_app.ops import Watch
from stasis_app.portal import bind_events
from stasis_app.queue_adapters import QueueFigures
from stasis_app.queues import Queues
from stasis_app.settings import Settings
from stasis_app.store import Lease, read_patiently

_CALLS_FIRST = 1.0  # seconds


class Service:
    """The whole service: `await start()`, and `await stop()`, which leaves the calls running.

    Args:
        settings: the configuration.
        record_events: a file to write Asterisk's events to, for `stasis-app replay`.
        log_trouble: asked why the log's file takes nothing ("" when it does).
        on_secret: told each secret learnt later (renewed tokens), so that it is kept out of the log.
        lease: what makes us the one instance that serves calls; None when there is no other.
        takes_over: another instance served until now, and may hold the port of the control API for a while.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        record_events: Path | None = None,
        on_secret: Callable[[str], None] = lambda _: None,
        log_trouble: Callable[[], str] = lambda: "",
        lease: Lease | None = None,
        takes_over: bool = False,
    ) -> None:
        self._settings = settings
        self._record_events = record_events
        self._on_secret = on_secret
        self._log_trouble = log_trouble
        self._instance = Instance(lease=lease, takes_over=takes_over)
        self._duties = Duties()
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start everything. Asterisk and the portal may be away: they are waited for in the background.

        Raises:
            PlanError, ScriptError, StoreError: the plan, the scripts or the storage can't be used.
            OSError: the address of the control API can't be listened at.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, in the reverse order; calls on the PBX go on."""
        await self._duties.end()
        await self._stack.aclose()

    async def replaced(self) -> None:
        """Wait until another instance takes over our application in Asterisk."""
        await self._grounds.link.until_replaced()

    async def step_back(self) -> None:
        """Another instance serves calls now: do and write nothing any more, not even what was begun."""
        self._grounds.link.step_back()
        self._grounds.store.writer.abandon()
        await self.stop()

    async def _start(self) -> None:
        self._grounds = grounds = await lay_grounds(
            self._settings, self._instance, self._stack, self._duties, record_events=self._record_events
        )
        metrics = Metrics()
        figures = Figures(metrics.registry)
        published = published_recordings(self._settings)
        people = await know_people(grounds)
        queues = await know_queues(grounds, people)
        mirror = await mirror_calls(grounds, people, published, figures.observe_effect)
        story = keep_story(grounds)
        watch = self._watch(mirror, people)
        listeners = [mirror.on_fact, story.journal.add, story.feed.publish, watch.on_fact, queues.on_fact]
        calls = follow_calls(grounds, people, queues, story.journal, listeners)
        figures.watch(grounds.link, calls.tracker, mirror, grounds.store)
        metrics.registry.register(QueueFigures(queues))
        await serve_http(
            grounds,
            people,
            queues,
            mirror,
            calls,
            story,
            metrics=metrics,
            published=published,
            on_secret=self._on_secret,
        )
        await _remember(calls, queues, story)
        await self._meet_asterisk(calls)
        self._duties.begin(self._take_up_duties(watch, people, story))

    def _watch(self, mirror: Mirror, people: People) -> Watch:
        link = self._grounds.link
        return Watch(
            self._grounds.incidents,
            link=lambda: link.state,
            writer=self._grounds.store.writer,
            mirror=lambda: mirror.state,
            is_known=lambda extension: people.directory.by_extension(extension) is not None,
            log_trouble=self._log_trouble,
        )

    async def _meet_asterisk(self, calls: Calls) -> None:
        """The link is opened, and the calls begin; at the end they are let go of before it closes."""
        link = self._grounds.link
        await link.start()
        self._stack.push_async_callback(link.stop)
        sign = SignOfLife(link, self._settings.asterisk.app)
        self._stack.push_async_callback(sign.cease)
        self._duties.begin(sign.run())
        self._stack.callback(calls.tracker.suspend)

    async def _take_up_duties(self, watch: Watch, people: People, story: Story) -> None:
        settings, portal = self._settings, self._grounds.portal
        await _calls_first(self._grounds.link)
        self._duties.begin(watch.run())
        self._duties.begin(people.directory.run())
        self._duties.begin(bind_events(portal, settings.http.public_url))
        self._duties.begin(know_limits(portal, settings.bitrix24))
        self._duties.begin(story.recordings.tell_daily())
        if settings.storage.keep_days is not None:
            self._duties.begin(forget_old_calls(self._grounds.store, settings.storage.keep_days))


async def _calls_first(link: AriLink) -> None:
    """Let the calls that live on be taken up before anything else is begun; while Asterisk is away, not for long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CALLS_FIRST):
            await link.connected()


async def _remember(calls: Calls, queues: Queues, story: Story) -> None:
    """The calls that were going on when the service ended; what became of them shows when the link is up."""
    unfinished = await read_patiently(story.journal.unfinished)
    calls.tracker.restore(unfinished)
    looked_up = [await story.journal.get(call_id) for call_id in queues.calls_to_look_up]
    queues.restore(unfinished, {record.call_id: record for record in looked_up if record is not None})
