"""Addresses given out for one upload each."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was announced: for which call, under which name, until when (unix time)."""

    call_id: str
    filename: str
    auth: str
    expires_at: float


@dataclass(slots=True)
class Uploads:
    """The announced uploads by token. Each is good once, for `ttl` seconds; one that broke off may be tried again."""

    ttl: float
    _by_token: dict[str, Upload] = field(default_factory=dict)

    def announce(self, call_id: str, filename: str) -> tuple[str, str]:
        """The `auth` and `token` of a new address."""
        token, auth = f"telephony|{secrets.token_urlsafe(36)}", secrets.token_hex(35)
        self._by_token[token] = Upload(call_id, filename, auth, time.time() + self.ttl)
        return auth, token

    def good(self, auth: str, token: str) -> Upload | None:
        """The upload an address is for; None when it never was one, was used or has expired."""
        upload = self._by_token.get(token)
        if upload is None or not hmac.compare_digest(upload.auth.encode(), auth.encode()):
            return None
        if upload.expires_at < time.time():
            del self._by_token[token]
            return None
        return upload

    def used(self, token: str) -> None:
        """The recording has come."""
        self._by_token.pop(token, None)

    def expire_all(self) -> int:
        """Let all addresses expire now; how many there were."""
        count = len(self._by_token)
        self._by_token.clear()
        return count
