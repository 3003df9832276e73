"""The other side of the sandbox for what surrounds the methods: the post, the application's frames, names, switches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web
from pydantic import Field, ValidationError

from b24client.sandbox.config import EventDelivery
from b24client.sandbox.control import Order, body, user_id_of, wrong
from b24client.sandbox.frames import note_load, shown_places
from b24client.sandbox.placements import SLOW_TIMES
from b24client.sandbox.state import SANDBOX
from b24client.sandbox.wire import json_response

routes = web.RouteTableDef()


class RenameOrder(Order):
    """The portal's new address, "" to take it back."""

    to: str = Field(pattern=r"^(https?://[^/\s]+/?)?$")


class EmitOrder(Order):
    """Something happens in the portal. `auth_connector`: of the request that caused it."""

    event: str = Field(min_length=1)
    data: dict[str, Any] = Field(default_factory=dict)
    user_id: int | None = None
    auth_connector: str = ""


class PageOrder(Order):
    """The application gets a page of its own and waits for its installation to be finished there."""

    handler: str = Field(pattern=r"^https?://")


class OvertimeOrder(Order):
    """A background worker loads slowly so many times."""

    placement_id: int
    seconds: float = Field(default=6.0, ge=0)
    times: int = Field(default=SLOW_TIMES + 1, ge=1, le=1000)


@routes.post("/sandbox/api/rename")
async def rename(request: web.Request) -> web.Response:
    """Give the portal another address: requests under any other host get 302 from now on."""
    order: RenameOrder = await body(request, RenameOrder)
    request.app[SANDBOX].access.renamed_to = order.to.rstrip("/")
    return json_response({"to": order.to.rstrip("/")})


@routes.get("/sandbox/api/events")
async def events(request: web.Request) -> web.Response:
    """How reliable the post is, what it has done of late, and the queue of offline events."""
    postman = request.app[SANDBOX].postman
    return json_response(
        {
            "delivery": postman.delivery.model_dump(),
            "history": list(postman.history),
            "queue": [asdict(row) for row in postman.queue.rows],
        }
    )


@routes.patch("/sandbox/api/events")
async def change_delivery(request: web.Request) -> web.Response:
    """Make the post more or less reliable."""
    postman = request.app[SANDBOX].postman
    try:
        given = await request.json()
        postman.change(EventDelivery.model_validate({**postman.delivery.model_dump(), **given}))
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return wrong(mistakes)
    except (ValueError, TypeError):
        return wrong("the body is not a JSON object")
    return json_response(postman.delivery.model_dump())


@routes.post("/sandbox/api/emit")
async def emit(request: web.Request) -> web.Response:
    """Let any event happen; how many are on their way."""
    sandbox = request.app[SANDBOX]
    order: EmitOrder = await body(request, EmitOrder)
    tasks = sandbox.postman.emit(
        order.event.upper(), order.data, user_id_of(request, order.user_id), sandbox.base(request),
        auth_connector=order.auth_connector,
    )  # fmt: skip
    return json_response({"posted": len(tasks), "queue": len(sandbox.postman.queue.rows)})


@routes.patch("/sandbox/api/switches")
async def change_switches(request: web.Request) -> web.Response:
    """Throw switches by name: `{"event_auth": "fuzz"}`."""
    sandbox = request.app[SANDBOX]
    switches = sandbox.config.switches
    try:
        given = await request.json()
        for name, value in given.items():
            switches = switches.changed(str(name), str(value).lower() if isinstance(value, bool) else str(value))
    except (ValueError, AttributeError) as error:
        return wrong(str(error))
    sandbox.config.switches = switches
    return json_response(switches.model_dump())


@routes.post("/sandbox/api/install_page")
async def install_page(request: web.Request) -> web.Response:
    """Give the application a page of its own: what it binds is dead until the page calls BX24.installFinish()."""
    sandbox = request.app[SANDBOX]
    order: PageOrder = await body(request, PageOrder)
    sandbox.config.app.handler = order.handler
    sandbox.access.installed, sandbox.access.unfinished = False, True
    sandbox.desks.reset()
    return json_response(shown_places(sandbox))


@routes.get("/sandbox/api/places")
async def places(request: web.Request) -> web.Response:
    """What of the application there is to open."""
    return json_response(shown_places(request.app[SANDBOX]))


@routes.post("/sandbox/api/worker_overtime")
async def worker_overtime(request: web.Request) -> web.Response:
    """Let a background worker load slowly; too often, and the portal throws it out."""
    order: OvertimeOrder = await body(request, OvertimeOrder)
    place = next((p for p in request.app[SANDBOX].placements.all if p.id == order.placement_id), None)
    if place is None:
        return wrong(f"placement_id: there is no handler {order.placement_id}")
    kept = True
    for _ in range(order.times):
        if not (kept := await note_load(request, place, order.seconds)):
            break
    return json_response({"kept": kept})
