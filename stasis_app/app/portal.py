"""The portal talking to us, where we are one of its applications: installation, clicks and callback forms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
from aiohttp import web

from b24client import OAuthAuth, OAuthTokens
from b24client.transport import tls_context
from stasis_app.adapters import CallDesk
from stasis_app.app.calls import Calls
from stasis_app.app.duties import know_limits
from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.flow import extensions_of
from stasis_app.portal import CallBackDesk, CallBacks, InstallProof, PortalNeeds, add_portal


async def serve_portal(
    app: web.Application,
    grounds: Grounds,
    people: People,
    calls: Calls,
    desk: CallDesk,
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
            call_backs=_call_backs(grounds, people, calls, desk),
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


def _call_backs(grounds: Grounds, people: People, calls: Calls, desk: CallDesk) -> CallBacks:
    rules = grounds.settings.callbacks
    call_backs = CallBacks(
        CallBackDesk(calls.tracker, grounds.link.connected, desk.dialled),
        grounds.portal,
        people.directory,
        people.phones,
        rules,
        extensions_of(grounds.plan, rules.element, "callbacks.element") if rules.element else (),
        grounds.settings.bitrix24.default_user,
    )
    grounds.stack.push_async_callback(call_backs.aclose)
    return call_backs
