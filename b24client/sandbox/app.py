"""The sandbox as an aiohttp application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from b24client.sandbox import backoffice, control, control_portal, frames, live, oauth, rest, upload
from b24client.sandbox.config import SAMPLE_SEED, SandboxConfig
from b24client.sandbox.keeper import Keeper
from b24client.sandbox.state import SANDBOX, Sandbox

_KEEPER: web.AppKey[Keeper] = web.AppKey("keeper", Keeper)
MAX_BODY = 64 * 1024 * 1024
"""Largest request taken, bytes."""


def create_sandbox(
    config: SandboxConfig | None = None, *, state: Path | None = None, journal: Path | None = None
) -> web.Application:
    """A portal to develop against; without a configuration the small sample portal.

    Its state is `app[SANDBOX]`; with the folder `state` it survives a restart. Every request is added to the file
    `journal`. It has no access control on its control side, so let it listen on loopback only. Raises OSError when a
    folder or file can't be used, ValueError when `state` holds something else.
    """
    app = web.Application(client_max_size=MAX_BODY)
    sandbox = app[SANDBOX] = Sandbox(config or SandboxConfig.from_file(SAMPLE_SEED))
    try:
        if state is not None:
            app[_KEEPER] = Keeper(sandbox, state)
            app[_KEEPER].open()
        if journal is not None:
            sandbox.journal.write_to(journal)
    except (OSError, ValueError):
        sandbox.close()
        raise
    app.router.add_route("*", "/oauth/authorize{slash:/?}", oauth.authorize)
    app.router.add_route("*", "/oauth/token{slash:/?}", oauth.token)
    app.router.add_post("/rest/upload.json", upload.upload)
    app.router.add_route("*", "/rest/{path:.+}", rest.handle)
    for routes in (backoffice.routes, control.routes, control_portal.routes, frames.routes, live.routes):
        app.add_routes(routes)
    app.on_response_prepare.append(_finish_answer)
    app.on_shutdown.append(_send_watchers_home)
    app.cleanup_ctx.append(_life)
    return app


async def _send_watchers_home(app: web.Application) -> None:
    app[SANDBOX].desks.close()


async def _finish_answer(request: web.Request, response: web.StreamResponse) -> None:
    """Pages in frames may ask the portal, as live ones let them; orders may have changed what is kept."""
    if request.path.startswith("/rest/"):
        response.headers["Access-Control-Allow-Origin"] = "*"
    elif request.method != "GET":
        request.app[SANDBOX].journal.touched += 1


async def _life(app: web.Application) -> AsyncIterator[None]:
    sandbox, keeper = app[SANDBOX], app.get(_KEEPER)
    if keeper is not None:
        keeper.start()
    yield
    await sandbox.postman.aclose()
    if keeper is not None:
        await keeper.aclose()
    sandbox.journal.close()
    sandbox.close()
