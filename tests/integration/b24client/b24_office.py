"""A sandbox portal on a real socket, and clients for it: what the tests here share."""

from __future__ import annotations

import wave
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from b24client import Limits, MemoryTokenStore, OAuthAuth, OAuthTokens, Portal, WebhookAuth
from b24client.sandbox import Sandbox
from b24client.sandbox.faults import Fault


@dataclass
class Office:
    """A running sandbox with what a test needs of it."""

    sandbox: Sandbox
    url: str
    _stack: AsyncExitStack

    @property
    def webhook(self) -> str:
        return f"{self.url}/rest/1/sandboxsecret/"

    def trouble(self, **fault: Any) -> None:
        self.sandbox.faults.add(Fault(**fault))

    def requests(self, method: str) -> int:
        return len(self.sandbox.journal.told(method=method))

    async def by_webhook(self, **options: Any) -> Portal:
        return await self._portal(WebhookAuth(self.webhook), options)

    async def installed(self, store: MemoryTokenStore | None = None, **options: Any) -> Portal:
        store = store or MemoryTokenStore(self.tokens())
        auth = OAuthAuth(self.url, "local.sandbox", "sandboxappsecret", store, oauth_url=self.url)
        return await self._portal(auth, options)

    def tokens(self) -> OAuthTokens:
        return OAuthTokens.from_token_reply(self.sandbox.access.grant(1, self.url))

    async def _portal(self, auth: WebhookAuth | OAuthAuth, options: dict[str, Any]) -> Portal:
        options = {"allow_http": True, "limits": Limits(enabled=False), "timeout": 10.0} | options
        return await self._stack.enter_async_context(Portal(auth, **options))


Opens = Callable[..., Awaitable[Office]]


def talk(path: Path, seconds: float = 3) -> bytes:
    """A WAV file as a telephone switch leaves it; its content."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x01\x02" * int(8000 * seconds))
    return path.read_bytes()
