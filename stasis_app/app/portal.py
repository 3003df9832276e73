"""The portal talking to us, where we are one of its applications: installation, clicks and callback forms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
from aiohttp import web

from b24client import OAuthAuth, OAuthTokens
from b24client.transport import tls_context
from stasis_app.adapters import CallDesk
from stasis_app.app.duties import know_limits
from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.flow import Colleagues, extensions_of
from stasis_app.portal import CallBackDesk, CallBacks, InstallProof, PortalNeeds, WishBook, add_portal
from stasis_app.store import read_patiently


async def serve_portal(
    app: web.Application,
    grounds: Grounds,
    people: People,
    desk: CallDesk,
    call_backs: CallBackDesk,
    *,
    auth: OAuthAuth,
    on_secret: Callable[[str], None],
) -> None:
    """Add the portal's handlers to what is served; `on_secret` is told each token the portal gives us."""
    session = await _session(grounds)
    bitrix24 = grounds.settings.bitrix24

    def on_tokens(tokens: OAuthTokens) -> None:
        for secret in (tokens.access_token, tokens.refresh_token):
            if secret is not None:
                on_secret(secret.get_secret_value())

    def on_installed() -> None:
        grounds.duties.begin(people.directory.refresh())
        grounds.duties.begin(know_limits(grounds.portal, bitrix24))

    add_portal(
        app,
        PortalNeeds(
            auth=auth,
            portal=grounds.portal,
            proof=InstallProof(
                portal=bitrix24.portal, client_id=bitrix24.client_id, oauth_url=bitrix24.oauth_url, session=session
            ),
            control=desk,
            call_backs=await _call_backs(grounds, people, call_backs),
            public_url=grounds.settings.http.public_url,
            on_tokens=on_tokens,
            on_installed=on_installed,
        ),
    )


async def _session(grounds: Grounds) -> aiohttp.ClientSession:
    context = await asyncio.to_thread(tls_context, grounds.settings.bitrix24.ca_file)
    return await grounds.stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=10))
    )


async def _call_backs(grounds: Grounds, people: People, desk: CallBackDesk) -> CallBacks:
    """Calling back at work, with the wishes that were not done when the service ended."""
    rules, book = grounds.settings.callbacks, WishBook(grounds.store.meta)
    call_backs = CallBacks(
        desk,
        book,
        grounds.portal,
        people.directory,
        Colleagues(people.phones, people.directory, grounds.numbers, grounds.plan.numbers),
        rules,
        extensions_of(grounds.plan, rules.element, "callbacks.element") if rules.element else (),
        grounds.settings.bitrix24.default_user,
    )
    grounds.stack.push_async_callback(call_backs.aclose)
    call_backs.take_up(await read_patiently(book.load))
    return call_backs
