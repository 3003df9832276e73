"""The addresses the portal posts to. It gets its answer at once; the work goes on behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any

from aiohttp import web
from loguru import logger

from b24client import OAuthTokens, decode_form
from stasis_app.portal.events import (
    CALL_BACK,
    CLICK_TO_CALL,
    UNINSTALLED,
    Seen,
    UnreadableEventError,
    call_back_order,
    click_order,
    is_from,
)
from stasis_app.portal.install import EVENTS_PATH, bind_events
from stasis_app.portal.needs import ClickOrder, PortalNeeds
from stasis_app.portal.proof import NotOursError, ProofUnavailableError

INSTALL_PATH = "/bitrix24/install"
SECONDS_TO_FINISH = 5.0

__all__ = ["EVENTS_PATH", "INSTALL_PATH", "add_portal"]


def add_portal(app: web.Application, needs: PortalNeeds) -> None:
    """Add the portal's addresses to an application."""
    handlers = _Handlers(needs)
    app.router.add_post(INSTALL_PATH, handlers.install)
    app.router.add_post(EVENTS_PATH, handlers.event)
    app.cleanup_ctx.append(handlers.lifetime)


class _Handlers:
    def __init__(self, needs: PortalNeeds) -> None:
        self._needs = needs
        self._seen = Seen()
        self._work: set[asyncio.Task[Any]] = set()

    async def install(self, request: web.Request) -> web.Response:
        """Take the tokens of an installation. Repeating it renews them and does no harm."""
        form = await _form(request)
        try:
            claimed = OAuthTokens.from_install(form)
        except ValueError as error:
            raise web.HTTPBadRequest(reason="not an installation form") from _logged("installation", error)
        self._needs.on_tokens(claimed)
        if not claimed.application_token.get_secret_value():
            raise web.HTTPBadRequest(reason="auth[application_token] is missing")
        try:
            tokens = await self._needs.proof.check(claimed)
        except NotOursError as error:
            raise web.HTTPForbidden(reason="not our application") from _logged("installation", error)
        except ProofUnavailableError as error:
            raise web.HTTPServiceUnavailable(reason="can't be verified now") from _logged("installation", error)
        known = await self._needs.auth.tokens()
        if tokens.is_for_another_portal(known):
            logger.warning("at {} is another portal than we were installed in: it is ours now", tokens.client_endpoint)
        # The proof holds for the portal we are configured for, so whatever was there before is gone.
        await self._needs.auth.adopt(tokens, another_portal=True)
        logger.info("installed in the portal {}", self._needs.portal.host)
        self._needs.on_installed()
        self._later(bind_events(self._needs.portal, self._needs.public_url))
        return web.Response(text="installed")

    async def event(self, request: web.Request) -> web.Response:
        """Take an event of the portal."""
        event = await _form(request)
        if not is_from(await self._needs.auth.tokens(), event):
            logger.warning("an event without our application token was refused")
            raise web.HTTPForbidden(reason="the application token is not ours")
        kind = str(event.get("event") or "").upper()
        if kind == CLICK_TO_CALL:
            self._click(event)
        elif kind == CALL_BACK:
            self._call_back(event)
        elif kind == UNINSTALLED:
            await self._needs.auth.forget()
            logger.error("the application was removed from the portal: install it again to have calls mirrored")
        else:
            logger.info("event {} of the portal is of no interest", kind[:60])
        return web.Response(text="ok")

    def _click(self, event: Mapping[str, Any]) -> None:
        try:
            order = click_order(event)
        except UnreadableEventError as error:
            raise web.HTTPBadRequest(reason="the event can't be read") from _logged("click-to-call", error)
        if self._seen.before(order.portal_call_id):
            logger.info("click-to-call {} was delivered again", order.portal_call_id)
            return
        self._later(self._call(order))

    def _call_back(self, event: Mapping[str, Any]) -> None:
        try:
            order = call_back_order(event)
        except UnreadableEventError as error:
            raise web.HTTPBadRequest(reason="the event can't be read") from _logged("callback form", error)
        logger.info("a callback form was filled in")
        self._needs.call_backs.take(order)

    async def _call(self, order: ClickOrder) -> None:
        with logger.contextualize(call=order.portal_call_id):
            logger.info("employee {} clicked a number", order.user_id)
            await self._needs.control.click_to_call(order)

    def _later(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.opt(exception=error).error("what the portal asked for could not be done")

    async def lifetime(self, _: web.Application) -> AsyncIterator[None]:
        """At the end, work that was begun may finish."""
        yield
        if self._work:
            _done, late = await asyncio.wait(self._work, timeout=SECONDS_TO_FINISH)
            for task in late:
                task.cancel()


async def _form(request: web.Request) -> dict[str, Any]:
    """The posted form, nested as PHP nests it."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(reason="Bitrix24 posts forms")
    try:
        return decode_form(await request.read())
    except ValueError as error:
        raise web.HTTPBadRequest(reason="the form can't be read") from error


def _logged(what: str, error: Exception) -> Exception:
    logger.warning("{} refused: {}", what, error)
    return error
