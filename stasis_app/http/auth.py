"""Who may use the API: bearers of a configured token (RFC 6750)."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from stasis_app.http.dependencies import DEPENDENCIES
from stasis_app.http.problems import Problem


def may_use(request: web.Request) -> bool:
    """Whether the request carries a right token, or needs none."""
    settings = request.app[DEPENDENCIES].settings
    if not (settings.tokens or settings.supervisor_tokens):
        return settings.is_loopback and _for_loopback(request)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return False
    return _known(given.strip(), (*settings.tokens, *settings.supervisor_tokens))


def demand_supervisor(request: web.Request) -> None:
    """Raise a 403 problem unless the request may let somebody listen to calls. Whoever asks may use the API."""
    settings = request.app[DEPENDENCIES].settings
    _, _, given = request.headers.get("Authorization", "").partition(" ")
    if settings.supervisor_tokens and not _known(given.strip(), settings.supervisor_tokens):
        raise Problem(403, "Only one of http.supervisor_tokens may let somebody listen to calls.")


def demand_token(request: web.Request) -> None:
    """Raise a 401 problem unless the request may use the API."""
    if may_use(request):
        return
    settings = request.app[DEPENDENCIES].settings
    if not settings.tokens:
        raise Problem(403, "Without configured tokens the API answers only to this machine; set http.tokens.")
    given = "Authorization" in request.headers
    raise Problem(
        401,
        "The token is not one of http.tokens." if given else "Send Authorization: Bearer <one of http.tokens>.",
        headers={"WWW-Authenticate": 'Bearer realm="stasis-app"' + (', error="invalid_token"' if given else "")},
    )


def _known(given: str, tokens: Iterable[SecretStr]) -> bool:
    """Compared with every token, each in constant time, so that the time taken tells nothing."""
    found = False
    for token in tokens:
        found |= hmac.compare_digest(given.encode(), token.get_secret_value().encode())
    return found


def _for_loopback(request: web.Request) -> bool:
    """Whether the browser or program meant this machine: a page elsewhere whose name was re-pointed here did not."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
