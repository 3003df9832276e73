"""Queues over the API: who waits, who serves, who signs in, out and pauses."""

from __future__ import annotations

import re

from aiohttp import web

from stasis_app.http.answers import answer
from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.models import AgentChange, AgentOut, QueueList, QueueOut
from stasis_app.http.problems import Problem, body_of
from stasis_app.queues import Queue

_EXTENSION = re.compile(r"\d{1,11}")


async def list_queues(request: web.Request) -> web.Response:
    """Every queue of the plan with those who wait and those who serve."""
    views = request.app[DEPENDENCIES].queues.views()
    return answer(QueueList(queues=[QueueOut.of(view) for view in views]))


async def show_queue(request: web.Request) -> web.Response:
    """One queue."""
    return answer(QueueOut.of(_queue(request).view()))


async def show_agent(request: web.Request) -> web.Response:
    """One agent of a queue."""
    queue, extension = _queue(request), request.match_info["extension"]
    if extension not in queue.members:
        raise _no_agent(queue, extension)
    return answer(AgentOut.of(queue.agent_view(extension)))


async def sign_in(request: web.Request) -> web.Response:
    """Sign an agent into a queue; `paused` lets him pause in all his queues, or go on.

    An extension the plan does not list is added to the queue.
    """
    queue, extension = _queue(request), request.match_info["extension"]
    change = await body_of(request, AgentChange)
    if not _EXTENSION.fullmatch(extension):
        raise Problem(404, f"{extension!r} is no extension: 1 to 11 digits are wanted.")
    queues = request.app[DEPENDENCIES].queues
    queues.sign(queue.name, extension, signed_in=True)
    if change.paused is not None:
        queues.pause(extension, paused=change.paused, reason=change.reason)
    return answer(AgentOut.of(queue.agent_view(extension)))


async def sign_out(request: web.Request) -> web.Response:
    """Sign an agent out of a queue. A call he is in goes on."""
    queue, extension = _queue(request), request.match_info["extension"]
    if extension not in queue.members:
        raise _no_agent(queue, extension)
    request.app[DEPENDENCIES].queues.sign(queue.name, extension, signed_in=False)
    return web.Response(status=204)


def _queue(request: web.Request) -> Queue:
    name = request.match_info["name"]
    queue = request.app[DEPENDENCIES].queues.get(name)
    if queue is None:
        raise Problem(404, f"The plan has no queue {name!r}.")
    return queue


def _no_agent(queue: Queue, extension: str) -> Problem:
    return Problem(404, f"Extension {extension!r} does not serve queue {queue.name!r}.")
