"""Is an installation really ours? Anybody can post a form; only our application has a token that proves it.

Two questions are asked with the token that came in, and none of what the form claims is believed without them:

- the OAuth server's `app.info`: which application and which portal the token is for
  (https://apidocs.bitrix24.com/settings/oauth/index.html);
- our portal's `profile`: whether its bearer is an administrator. Every employee who opens an application gets a token
  for it, but only an administrator installs one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from b24client import OAuthTokens

SECONDS = 10.0


class NotOursError(Exception):
    """The installation is not of our application in our portal; the text says what differs."""


class ProofUnavailableError(Exception):
    """The servers that could tell are out of reach or answer nonsense."""


class InstallProof:
    """Checks installations of one application in one portal.

    Args:
        portal: address of our portal, as configured.
        client_id: id of our application.
        oauth_url: address of the OAuth server.
        session: for the two requests.
    """

    def __init__(self, *, portal: str, client_id: str, oauth_url: str, session: aiohttp.ClientSession) -> None:
        self._portal = portal.rstrip("/")
        self._client_id = client_id
        self._oauth_url = oauth_url.rstrip("/")
        self._session = session

    async def check(self, tokens: OAuthTokens) -> OAuthTokens:
        """The tokens with the portal's address and id as the OAuth server tells them.

        Raises `NotOursError` or `ProofUnavailableError`.
        """
        token = tokens.access_token.get_secret_value()
        told = await self._ask("the OAuth server", f"{self._oauth_url}/rest/app.info", token)
        if not hmac.compare_digest(str(told.get("client_id", "")).encode(), self._client_id.encode()):
            raise NotOursError("the token is for another application than bitrix24.client_id")
        install = told.get("install")
        install = install if isinstance(install, Mapping) else {}
        member, endpoint = str(install.get("member_id") or ""), str(install.get("client_endpoint") or "")
        if not member or member != tokens.member_id:
            raise NotOursError("the token is for another portal than the form says")
        if _origin(endpoint) != _origin(self._portal):
            raise NotOursError(f"the token is for {urlsplit(endpoint).netloc or 'no portal'}, not for bitrix24.portal")
        profile = await self._ask("the portal", f"{self._portal}/rest/profile", token)
        if profile.get("ADMIN") not in (True, 1, "1", "Y", "true"):
            raise NotOursError("it was not posted on behalf of an administrator of the portal")
        return tokens.model_copy(update={"client_endpoint": endpoint, "member_id": member})

    async def _ask(self, whom: str, url: str, token: str) -> Mapping[str, Any]:
        """The result of a method. The token travels in the body, so that it stands in no log of addresses."""
        try:
            async with self._session.post(
                url, data={"auth": token}, timeout=aiohttp.ClientTimeout(total=SECONDS), allow_redirects=False
            ) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProofUnavailableError(f"{whom} can't be asked: {type(error).__name__}") from error
        if isinstance(body, Mapping) and "error" in body:
            if response.status >= 500:
                raise ProofUnavailableError(f"{whom} answers {response.status}")
            raise NotOursError(f"{whom} does not accept the token")
        result = body.get("result") if isinstance(body, Mapping) else None
        if not isinstance(result, Mapping):
            raise ProofUnavailableError(f"{whom} answers {response.status} without a result")
        return result


def _origin(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what must agree for two addresses to be one portal."""
    parts = urlsplit(address)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or default
