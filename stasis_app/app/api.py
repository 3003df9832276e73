"""People, programs and the portal talking to us: what is served over HTTP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from aiohttp import web
from loguru import logger

from b24client import OAuthAuth
from stasis_app.adapters import CallDesk, OutboxView, health_sources
from stasis_app.app.calls import Calls, Story
from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.app.portal import serve_portal
from stasis_app.desk import MoveDesk
from stasis_app.http import ApiDependencies, Metrics, create_http
from stasis_app.mirror import Mirror
from stasis_app.portal import CallBackDesk, PublishedRecordings, add_recordings
from stasis_app.queues import Queues
from stasis_app.settings import HttpSettings

_PORT_AGAIN = 0.3  # seconds


async def serve_http(
    grounds: Grounds,
    people: People,
    queues: Queues,
    mirror: Mirror,
    calls: Calls,
    story: Story,
    *,
    metrics: Metrics,
    published: PublishedRecordings | None,
    on_secret: Callable[[str], None],
) -> None:
    """Listen for all of them. Raises OSError: the address can't be listened at."""
    desk = CallDesk(calls.tracker, grounds.link, mirror, people.directory, grounds.numbers, calls.trunks)
    app = create_http(
        ApiDependencies(
            settings=grounds.settings.http,
            calls=desk,
            journal=story.journal,
            control=desk,
            moves=MoveDesk(
                calls.tracker,
                people.directory,
                grounds.numbers,
                calls.lot,
                supervisors=grounds.settings.phones.supervisors,
                dialled=desk.dialled,
            ),
            extensions=people.extensions,
            outbox=OutboxView(grounds.store),
            queues=queues,
            recordings=story.recordings,
            facts=story.feed,
            health=health_sources(grounds.link, grounds.store, mirror, people.directory),
            incidents=grounds.incidents,
            metrics=metrics,
            may_act=grounds.instance.may_act,
        )
    )
    if published is not None:
        add_recordings(app, published)
    auth = grounds.portal.auth
    if isinstance(auth, OAuthAuth):
        call_backs = CallBackDesk(calls.tracker, grounds.link.connected, desk.dialled, story.journal.get)
        await serve_portal(app, grounds, people, desk, call_backs, auth=auth, on_secret=on_secret)
    await _open(app, grounds)


async def _open(app: web.Application, grounds: Grounds) -> None:
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    grounds.stack.push_async_callback(runner.cleanup)
    if grounds.instance.takes_over:
        grounds.duties.begin(_listen_when_free(runner, grounds.settings.http))
    else:
        await _listen(runner, grounds.settings.http)


async def _listen(runner: web.AppRunner, settings: HttpSettings) -> None:
    await web.TCPSite(runner, settings.host, settings.port).start()
    logger.info("The control API listens at http://{}:{}", settings.host, runner.addresses[0][1])


async def _listen_when_free(runner: web.AppRunner, settings: HttpSettings) -> None:
    """The instance before us may hold the port until it has stopped; calls don't wait for it."""
    for attempt in itertools.count():
        try:
            await _listen(runner, settings)
        except OSError as error:
            if attempt % 100 == 0:
                logger.warning("The control API can't listen yet, calls are served all the same: {}", error)
            await asyncio.sleep(_PORT_AGAIN)
        else:
            return
