"""Who may talk to the portal: the webhook, and applications with tokens."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from b24client.sandbox.config import SandboxConfig
from b24client.sandbox.wire import RestError

_REFUSALS = {
    "PAYMENT_REQUIRED": "Payment required",
    "NOT_INSTALLED": "Application not installed",
    "invalid_request": "Invalid request",
    "invalid_scope": "The requested scope is invalid",
}
_KEPT_AFTER_EXPIRY = 24 * 3600  # an old token is told to have expired, not to be unknown


@dataclass(frozen=True, slots=True)
class Visitor:
    """On whose behalf a request comes. `app` is "" for a webhook; `expires_at` (unix seconds) when its token ends."""

    user_id: int
    app: str
    scope: tuple[str, ...]
    expires_at: float = 0.0

    @property
    def name(self) -> str:
        """Whose working time a method uses up."""
        return self.app or "webhook"


@dataclass(slots=True)
class _Grant:
    visitor: Visitor
    expires_at: float


@dataclass(slots=True)
class Access:
    """Tokens given out so far."""

    config: SandboxConfig
    member_id: str = field(default_factory=lambda: secrets.token_hex(16))
    application_token: str = field(default_factory=lambda: secrets.token_hex(16))
    installed: bool = False
    unfinished: bool = False
    """An application with an interface has been opened, but has not said that its installation is finished."""
    renamed_to: str = ""
    """The address the portal has moved to; requests under another host are sent there."""
    _access: dict[str, _Grant] = field(default_factory=dict)
    _refresh: dict[str, Visitor] = field(default_factory=dict)
    _codes: dict[str, _Grant] = field(default_factory=dict)

    def webhook(self, user_id: str, secret: str) -> Visitor:
        """The visitor behind a webhook address. Raises RestError INVALID_CREDENTIALS."""
        hook = self.config.webhook
        if user_id != str(hook.user_id) or not hmac.compare_digest(secret.encode(), hook.secret.encode()):
            status = self.config.switches.credentials_status
            raise RestError(status, "INVALID_CREDENTIALS", "Invalid request credentials")
        return Visitor(hook.user_id, "", tuple(hook.scope))

    def token(self, token: Any) -> Visitor:
        """The visitor behind an access token. Raises RestError NO_AUTH_FOUND, invalid_token or expired_token."""
        if not isinstance(token, str) or not token:
            raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
        grant = self._access.get(token)
        if grant is None:
            raise RestError(401, "invalid_token", "Unable to get application by token")
        if grant.expires_at < time.time():
            raise RestError(401, "expired_token", "The access token provided has expired.")
        return grant.visitor

    def new_code(self, user_id: int) -> str:
        """An authorisation code; it lives 30 seconds."""
        code = secrets.token_hex(20)
        self._codes[code] = _Grant(self._app(user_id), time.time() + 30)
        return code

    def grant(self, user_id: int, base: str) -> dict[str, Any]:
        """New tokens of the application for a user, as the OAuth server answers. `base` is the portal's address."""
        visitor = self._app(user_id)
        access, refresh = secrets.token_hex(35), secrets.token_hex(35)
        expires = time.time() + self.config.token_ttl
        self._access[access] = _Grant(replace(visitor, expires_at=expires), expires)
        self._refresh[refresh] = visitor
        return {
            "access_token": access,
            "expires": int(expires),
            "expires_in": int(self.config.token_ttl),
            "scope": ",".join(visitor.scope),
            "domain": "oauth.bitrix.info",
            "server_endpoint": f"{base}/rest/",
            "status": "L",
            "client_endpoint": f"{base}/rest/",
            "member_id": self.member_id,
            "user_id": user_id,
            "refresh_token": refresh,
        }

    def exchange(self, fields: dict[str, str], base: str) -> dict[str, Any]:
        """Answer the OAuth server's token address. Raises RestError."""
        app, switches = self.config.app, self.config.switches
        if refusal := switches.oauth_refusal:
            raise RestError(400 if refusal.startswith("invalid") else 401, refusal, _REFUSALS[refusal])
        if fields.get("client_id") != app.client_id or not hmac.compare_digest(
            fields.get("client_secret", "").encode(), app.client_secret.encode()
        ):
            if switches.wrong_client_ok:
                raise RestError(200, "wrong_client", "Wrong client")
            raise RestError(switches.invalid_client_status, "invalid_client", "The client credentials are invalid")
        match fields.get("grant_type"):
            case "authorization_code":
                code = self._codes.pop(fields.get("code", ""), None)
                if code is None or code.expires_at < time.time():
                    raise RestError(
                        400, "invalid_grant", "Authorization code doesn't exist or is invalid for the client"
                    )
                return self.grant(code.visitor.user_id, base)
            case "refresh_token":
                visitor = self._refresh.pop(fields.get("refresh_token", ""), None)
                if visitor is None:
                    raise RestError(400, "invalid_grant", "Invalid refresh token")
                return self.grant(visitor.user_id, base)
        raise RestError(400, "invalid_request", "Invalid grant_type parameter or parameter missing")

    def expire_all(self) -> int:
        """Let all access tokens expire now; how many there were."""
        for grant in self._access.values():
            grant.expires_at = 0.0
        return len(self._access)

    def finish_installation(self) -> None:
        """The application says that it is ready: its events and places come alive."""
        self.installed, self.unfinished = True, False

    def revoke_all(self) -> None:
        """The application is gone, and its tokens with it."""
        self.installed = self.unfinished = False
        self._access.clear()
        self._refresh.clear()
        self._codes.clear()

    def _app(self, user_id: int) -> Visitor:
        return Visitor(user_id, self.config.app.client_id, tuple(self.config.app.scope))

    def dump(self) -> dict[str, Any]:
        """Who the portal is and the tokens that are still good, as JSON values."""
        now = time.time()
        return {
            "member_id": self.member_id,
            "application_token": self.application_token,
            "installed": self.installed,
            "unfinished": self.unfinished,
            "renamed_to": self.renamed_to,
            "access": {
                token: [grant.visitor.user_id, grant.expires_at]
                for token, grant in self._access.items()
                if grant.expires_at > now - _KEPT_AFTER_EXPIRY
            },
            "refresh": {token: visitor.user_id for token, visitor in self._refresh.items()},
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.member_id, self.application_token = kept["member_id"], kept["application_token"]
        self.installed, self.unfinished = kept["installed"], kept["unfinished"]
        self.renamed_to = kept["renamed_to"]
        self._access = {
            token: _Grant(replace(self._app(user), expires_at=expires), expires)
            for token, (user, expires) in kept["access"].items()
        }
        self._refresh = {token: self._app(user) for token, user in kept["refresh"].items()}
