"""The way to the portal that the configuration describes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from b24client import Auth, Limits, OAuthAuth, Portal, TokenStore, WebhookAuth
from stasis_app.settings import Bitrix24Settings

_LIMITS = {"auto": Limits(), "standard": Limits(), "enterprise": Limits.enterprise(), "off": Limits(enabled=False)}


def connect(
    settings: Bitrix24Settings,
    tokens: TokenStore,
    *,
    timeout: float = 30.0,
    may_send: Callable[[], Awaitable[bool]] | None = None,
) -> Portal:
    """The portal, by webhook or as an application; nothing is sent yet.

    `tokens` keeps those of the application; `timeout` is the seconds a request may take; `may_send` is asked before
    each goes out: False when another instance makes it.

    Raises ValueError for an address the settings should not have let through.
    """
    auth: Auth
    if settings.webhook is not None:
        auth = WebhookAuth(settings.webhook)
    else:
        secret = settings.client_secret
        auth = OAuthAuth(
            settings.portal,
            settings.client_id,
            secret if secret is not None else "",
            tokens,
            settings.oauth_url,
        )
    limits = _LIMITS[settings.limits]
    return Portal(
        auth,
        limits=limits,
        timeout=timeout,
        allow_http=settings.allow_http,
        ca_file=settings.ca_file,
        may_send=may_send,
    )
