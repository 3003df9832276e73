"""Is the process alive, can it serve calls, and what do the figures say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web
from loguru import logger
from prometheus_client import CONTENT_TYPE_LATEST

from stasis_app import __version__
from stasis_app.http.answers import answer
from stasis_app.http.auth import may_use
from stasis_app.http.dependencies import DEPENDENCIES, Component, HealthSource, State
from stasis_app.http.models import Alive, ComponentOut, Readiness, Ready

PATIENCE = 2.0  # seconds a component may take to say how it does

_FIGURE = {State.OK: 1.0, State.DEGRADED: 0.5, State.DOWN: 0.0}


async def healthz(request: web.Request) -> web.Response:
    """The process runs and its event loop turns; which incidents are open."""
    found = request.app[DEPENDENCIES].incidents.listing()
    codes = sorted({incident.kind.code for incident in found if incident.is_open})
    return answer(Alive(version=__version__, incidents=codes))


async def readyz(request: web.Request) -> web.Response:
    """Whether calls can be served.

    The portal's absence degrades the service, no more: callers are served without it.
    """
    needed = request.app[DEPENDENCIES]
    components = await states(needed.health)
    for component in components:
        needed.metrics.component.labels(component.name).set(_FIGURE[component.state])
    status = readiness(components)
    with_detail = may_use(request)
    return answer(
        Ready(
            status=status,
            version=__version__,
            components=[ComponentOut.of(component, with_detail=with_detail) for component in components],
        ),
        status=503 if status is Readiness.NOT_READY else 200,
    )


async def metrics(request: web.Request) -> web.Response:
    """The figures in Prometheus' text format."""
    needed = request.app[DEPENDENCIES]
    needed.metrics.live.set(len(needed.calls.live()))
    needed.metrics.outbox.set(await needed.outbox.waiting_count())
    needed.metrics.count_incidents(needed.incidents.listing())
    for component in await states(needed.health):
        needed.metrics.component.labels(component.name).set(_FIGURE[component.state])
    return web.Response(body=needed.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def states(sources: Sequence[HealthSource]) -> list[Component]:
    """How every component does, all asked at once."""
    return list(await asyncio.gather(*(_state(source) for source in sources)))


def readiness(components: Sequence[Component]) -> Readiness:
    """What the components add up to."""
    if any(component.essential and component.state is State.DOWN for component in components):
        return Readiness.NOT_READY
    return Readiness.READY if all(c.state is State.OK for c in components) else Readiness.DEGRADED


async def _state(source: HealthSource) -> Component:
    try:
        async with asyncio.timeout(PATIENCE):
            return await source.ask()
    except TimeoutError:
        return Component(source.name, State.DOWN, f"no answer within {PATIENCE:g} s", source.essential)
    except Exception as error:
        logger.opt(exception=error).warning("asking {} for its health failed", source.name)
        return Component(source.name, State.DOWN, type(error).__name__, source.essential)
