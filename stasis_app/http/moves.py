"""Moving calls over the API: participants, parking, pickup, supervision; and the settings of extensions."""

from __future__ import annotations

import re

from aiohttp import web

from stasis_app.http.answers import answer
from stasis_app.http.auth import demand_supervisor
from stasis_app.http.dependencies import DEPENDENCIES, CallMoves
from stasis_app.http.models import (
    ExtensionChange,
    ExtensionOut,
    Invitation,
    Invited,
    Keys,
    ParkedOut,
    ParkOrder,
    ParticipantChange,
    PickupOrder,
    SuperviseOrder,
)
from stasis_app.http.problems import FieldProblem, Problem, body_of


async def add_participant(request: web.Request) -> web.Response:
    """Ring somebody into the conversation; he joins when he answers."""
    order = await body_of(request, Invitation)
    leg = await _moves(request).invite(_call(request), order.to)
    return answer(Invited(participant=leg), status=202)


async def change_participant(request: web.Request) -> web.Response:
    """Hold, resume, mute or unmute: what a participant hears and lets hear."""
    order = await body_of(request, ParticipantChange)
    await _moves(request).change(_call(request), _participant(request), held=order.held, muted=order.muted)
    return web.Response(status=204)


async def remove_participant(request: web.Request) -> web.Response:
    """Take a participant out of the call; the others go on."""
    await _moves(request).dismiss(_call(request), _participant(request))
    return web.Response(status=204)


async def send_keys(request: web.Request) -> web.Response:
    """Send keys (DTMF) to a participant."""
    order = await body_of(request, Keys)
    await _moves(request).send_dtmf(_call(request), _participant(request), order.digits)
    return web.Response(status=204)


async def park(request: web.Request) -> web.Response:
    """Leave a call waiting with music; whoever dials the slot takes it."""
    order = await body_of(request, ParkOrder)
    return answer(ParkedOut.of(await _moves(request).park(_call(request), order.participant, order.slot)))


async def pick_up(request: web.Request) -> web.Response:
    """Take a call that rings at colleagues: the phone rings as well, and who answers first has it."""
    order = await body_of(request, PickupOrder)
    await _moves(request).pick_up(_call(request), order.extension)
    return web.Response(status=202)


async def supervise(request: web.Request) -> web.Response:
    """Listen to a call, whisper to its employee or barge in; again with another mode to change it."""
    demand_supervisor(request)
    order = await body_of(request, SuperviseOrder)
    await _moves(request).supervise(_call(request), order.extension, order.mode)
    return web.Response(status=202)


async def stop_supervising(request: web.Request) -> web.Response:
    """Send a supervisor away."""
    demand_supervisor(request)
    await _moves(request).stop_supervising(_call(request), request.match_info["extension"])
    return web.Response(status=204)


async def show_extension(request: web.Request) -> web.Response:
    """What is set for an extension: do not disturb, call waiting, forwarding."""
    number = _extension(request)
    return answer(ExtensionOut.of(number, request.app[DEPENDENCIES].extensions.of(number)))


async def change_extension(request: web.Request) -> web.Response:
    """Set do not disturb, call waiting or forwarding of an extension; counts from the next call on."""
    number, order = _extension(request), await body_of(request, ExtensionChange)
    extensions = request.app[DEPENDENCIES].extensions
    changes = order.model_dump(exclude_none=True)
    try:
        await extensions.change(number, **changes)
    except ValueError as error:
        wrong = [FieldProblem(field=f"body.{key}", problem=str(error)) for key, to in changes.items() if to == number]
        raise Problem(422, "Some fields are wrong; errors names each.", errors=wrong) from error
    return answer(ExtensionOut.of(number, extensions.of(number)))


def _moves(request: web.Request) -> CallMoves:
    return request.app[DEPENDENCIES].moves


def _call(request: web.Request) -> str:
    return request.match_info["id"]


def _participant(request: web.Request) -> str:
    return request.match_info["participant"]


def _extension(request: web.Request) -> str:
    number = request.match_info["extension"]
    if not re.fullmatch(r"\d{1,11}", number):
        raise Problem(404, f"{number!r} is no extension; they are 1 to 11 digits.")
    return number
