"""Who we are to a portal: an incoming webhook, or an installed application with tokens."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import orjson
from loguru import logger
from pydantic import SecretStr

from b24client.classify import classify, repeatable
from b24client.errors import AccessDenied, B24Error, BadReply
from b24client.masking import masked
from b24client.tokens import OAuthTokens, TokenStore
from b24client.transport import Answer, Outgoing, Transport

_WEBHOOK = re.compile(r"(?P<base>https?://[^/\s?#@]+)/rest/(?P<user>\d+)/(?P<secret>[^/\s?#]+)/?")
_OAUTH_HOSTS = (".bitrix.info", ".bitrix24.tech", ".bitrix24.com", ".bitrix24.net")


class Auth(Protocol):
    """How requests are addressed and authorised."""

    @property
    def base(self) -> str:
        """The portal's address without a path, such as https://example.bitrix24.com."""

    @property
    def is_webhook(self) -> bool:
        """Whether we are an incoming webhook and no application."""

    async def prepare(self, method: str, params: Mapping[str, Any], *, harmless: bool | None = None) -> Outgoing:
        """The request for a method. Raises AccessDenied when there are no credentials."""

    async def renew(self, used: str, transport: Transport) -> bool:
        """Get other credentials than the token `used`; False when there is no way to."""

    async def moved(self, base: str) -> None:
        """The portal lives at another address from now on."""

    async def aclose(self) -> None:
        """Finish what is under way."""

    def secrets(self) -> Iterable[str]:
        """What must never be shown."""


class WebhookAuth:
    """An incoming webhook: `https://{portal}/rest/{user}/{secret}/`. The address itself is the password."""

    def __init__(self, url: str | SecretStr) -> None:
        """Raises ValueError (without the secret) when the address is not that of a webhook."""
        plain = url.get_secret_value() if isinstance(url, SecretStr) else url
        match = _WEBHOOK.fullmatch(plain.strip())
        if match is None:
            raise ValueError(
                "webhook: not the address of an incoming webhook; "
                "expected https://<portal>/rest/<user id>/<secret>/ as the portal shows it"
            )
        self._base = match["base"]
        self.user_id = int(match["user"])
        self._secret = SecretStr(match["secret"])

    @property
    def base(self) -> str:
        """The portal's address."""
        return self._base

    @property
    def is_webhook(self) -> bool:
        """It is one."""
        return True

    async def prepare(self, method: str, params: Mapping[str, Any], *, harmless: bool | None = None) -> Outgoing:
        """The request for a method."""
        url = f"{self._base}/rest/{self.user_id}/{self._secret.get_secret_value()}/{method}"
        body = orjson.dumps(params)
        return Outgoing(method, url, lambda: body, repeatable(method) if harmless is None else harmless)

    async def renew(self, used: str, transport: Transport) -> bool:
        """A webhook's secret can't be renewed."""
        return False

    async def moved(self, base: str) -> None:
        """Use the new address until the configuration is corrected."""
        self._base = base

    async def aclose(self) -> None:
        """Nothing is under way."""

    def secrets(self) -> Iterable[str]:
        """The webhook's secret."""
        return (self._secret.get_secret_value(),)

    def __repr__(self) -> str:
        return f"WebhookAuth({self._base}/rest/{self.user_id}/***/)"


class OAuthAuth:
    """An installed application. The access token is renewed when the portal says it has expired, once for everybody."""

    def __init__(
        self,
        portal: str,
        client_id: str,
        client_secret: str | SecretStr,
        store: TokenStore,
        oauth_url: str = "https://oauth.bitrix.info",
    ) -> None:
        """`portal` is its address or bare host. Raises ValueError when it or `oauth_url` is not an address."""
        self._base = _address("portal", portal)
        self._oauth_url = _address("oauth_url", oauth_url)
        self.client_id = client_id
        self._client_secret = client_secret if isinstance(client_secret, SecretStr) else SecretStr(client_secret)
        self.store = store
        self._tokens: OAuthTokens | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._seen: deque[str] = deque(maxlen=8)

    @property
    def base(self) -> str:
        """The portal's address."""
        return self._base

    @property
    def is_webhook(self) -> bool:
        """It is an application."""
        return False

    async def tokens(self) -> OAuthTokens | None:
        """The tokens in use; None when the application is not installed."""
        if self._tokens is None and (stored := await self.store.load()) is not None:
            self._use(stored)
        return self._tokens

    async def adopt(self, tokens: OAuthTokens) -> None:
        """Save and use the tokens of a fresh installation."""
        await self.store.save(tokens)
        self._use(tokens)

    async def prepare(self, method: str, params: Mapping[str, Any], *, harmless: bool | None = None) -> Outgoing:
        """The request for a method. Raises AccessDenied (NOT_INSTALLED) without tokens."""
        tokens = self._tokens or await self.tokens()
        if tokens is None:
            raise AccessDenied(method, "NOT_INSTALLED", "the application has no tokens for this portal")
        token = tokens.access_token.get_secret_value()
        body = orjson.dumps({**params, "auth": token})
        harmless = repeatable(method) if harmless is None else harmless
        return Outgoing(method, f"{self._base}/rest/{method}", lambda: body, harmless, token)

    async def renew(self, used: str, transport: Transport) -> bool:
        """Renew the tokens unless somebody already has; all who ask meanwhile wait for the same renewal.

        Raises AccessDenied when the refresh token is no longer accepted, Temporary when the OAuth server is away.
        """
        tokens = await self.tokens()
        if tokens is None:
            return False
        if tokens.access_token.get_secret_value() != used:
            return True
        if self._renewing is None:
            # A task of its own: a waiter that gives up must not lose the new refresh token for all.
            self._renewing = asyncio.create_task(self._renew(tokens, transport), name="bitrix24-token-renewal")
            self._renewing.add_done_callback(self._renewed)
        await asyncio.shield(self._renewing)
        return True

    def _renewed(self, task: asyncio.Task[None]) -> None:
        self._renewing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("the access token was not renewed: {}", error)

    async def _renew(self, tokens: OAuthTokens, transport: Transport) -> None:
        stored = await self.store.load()
        if stored is not None and stored.access_token != tokens.access_token:
            self._use(stored)  # installed again meanwhile
            return
        reply = await self._ask(
            transport,
            self._oauth_base(tokens),
            {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token.get_secret_value()},
        )
        await self.adopt(_read_tokens(reply, tokens))  # saved before it is used: the old one is void by now
        logger.info("the access token was renewed")

    async def exchange_code(self, code: str) -> OAuthTokens:
        """Trade the code of the authorisation page (valid for 30 s) for tokens, save and use them.

        Raises AccessDenied when the code or the application's credentials are not accepted.
        """
        transport = Transport(None, None, self.secrets)
        try:
            reply = await self._ask(transport, self._oauth_url, {"grant_type": "authorization_code", "code": code})
        finally:
            await transport.aclose()
        tokens = _read_tokens(reply, await self.tokens())
        await self.adopt(tokens)
        return tokens

    async def _ask(self, transport: Transport, server: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """POST to the token address: as a form, so that no secret stands in a log of addresses."""
        secret = self._client_secret.get_secret_value()
        form = urlencode({**fields, "client_id": self.client_id, "client_secret": secret}).encode()
        # Asking twice is the lesser evil: without an answer we have no token either way.
        url, form_type = f"{server}/oauth/token/", "application/x-www-form-urlencoded"
        request = Outgoing("oauth.token", url, lambda: form, repeatable=True, content_type=form_type)
        answer = await transport.post(request)
        if "error" in answer.body:
            # Built apart from the raise: a traceback may show the values of that line.
            refusal = self._refusal(answer)
            raise refusal
        return answer.body

    def _refusal(self, answer: Answer) -> B24Error:
        code, text = str(answer.body["error"]), str(answer.body.get("error_description") or "")
        hidden = list(self.secrets())
        return classify("oauth.token", answer.status, masked(code, hidden), masked(text, hidden) or "refused")

    def _oauth_base(self, tokens: OAuthTokens) -> str:
        """The OAuth server: the one the portal named at installation if it is Bitrix24's, else the configured one.

        The name comes with a form posted to us and our client secret goes there, so it is not simply believed.
        """
        parts = urlsplit(tokens.server_endpoint)
        if parts.scheme == "https" and parts.hostname and parts.hostname.endswith(_OAUTH_HOSTS):
            return f"https://{parts.netloc}"
        return self._oauth_url

    def _use(self, tokens: OAuthTokens) -> None:
        self._tokens = tokens
        for token in (tokens.access_token, tokens.refresh_token, tokens.application_token):
            if (plain := token.get_secret_value()) and plain not in self._seen:
                self._seen.append(plain)
        parts = urlsplit(tokens.client_endpoint)
        if parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc:
            self._base = f"{parts.scheme}://{parts.netloc}"

    async def moved(self, base: str) -> None:
        """Save and use the portal's new address."""
        self._base = base
        if self._tokens is not None:
            await self.adopt(self._tokens.model_copy(update={"client_endpoint": f"{base}/rest/"}))

    async def aclose(self) -> None:
        """Wait for a renewal under way: its refresh token must not be lost."""
        if self._renewing is not None:
            await asyncio.wait([self._renewing])

    def secrets(self) -> Iterable[str]:
        """The client secret and the last few tokens."""
        return (self._client_secret.get_secret_value(), *self._seen)

    def __repr__(self) -> str:
        return f"OAuthAuth({self._base}, {self.client_id})"


def _read_tokens(reply: Mapping[str, Any], previous: OAuthTokens | None) -> OAuthTokens:
    try:
        return OAuthTokens.from_token_reply(reply, previous)
    except ValueError:
        raise BadReply("oauth.token", "", "the OAuth server's answer holds no tokens") from None


def _address(name: str, value: str) -> str:
    """`value` as scheme and host. Raises ValueError when it is neither an address nor a host name."""
    parts = urlsplit(value if "://" in value else f"https://{value}")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.path.strip("/"):
        raise ValueError(f"{name}: {value!r} is not an address such as https://example.bitrix24.com")
    return f"{parts.scheme}://{parts.netloc}"
