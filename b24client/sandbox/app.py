"""The sandbox as an aiohttp application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from b24client.sandbox import backoffice, control, live, oauth, rest, upload
from b24client.sandbox.config import SAMPLE_SEED, SandboxConfig
from b24client.sandbox.state import SANDBOX, Sandbox

MAX_BODY = 64 * 1024 * 1024
"""Largest request taken, bytes."""


def create_sandbox(config: SandboxConfig | None = None) -> web.Application:
    """A portal to develop against; without a configuration the small sample portal.

    Its state is `app[SANDBOX]`. It has no access control on its control side, so let it listen on loopback only.
    """
    app = web.Application(client_max_size=MAX_BODY)
    app[SANDBOX] = Sandbox(config or SandboxConfig.from_file(SAMPLE_SEED))
    app.router.add_route("*", "/oauth/authorize{slash:/?}", oauth.authorize)
    app.router.add_route("*", "/oauth/token{slash:/?}", oauth.token)
    app.router.add_post("/rest/upload.json", upload.upload)
    app.router.add_route("*", "/rest/{path:.+}", rest.handle)
    app.add_routes(backoffice.routes)
    app.add_routes(control.routes)
    app.add_routes(live.routes)
    app.on_shutdown.append(_send_watchers_home)
    app.cleanup_ctx.append(_life)
    return app


async def _send_watchers_home(app: web.Application) -> None:
    app[SANDBOX].desks.close()


async def _life(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[SANDBOX].postman.aclose()
    app[SANDBOX].close()
