"""What the typed methods need of a portal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import aiohttp

from b24client.batch import Command, CommandResult
from b24client.budget import Priority


class Caller(Protocol):
    """Something that carries out REST methods; `Portal` is the one."""

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> Any:
        """The `result` of a method."""

    async def page(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        priority: Priority = Priority.SYNC,
        timeout: float | None = None,
    ) -> tuple[Any, int | None]:
        """The `result` of a list method and where its next page starts."""

    async def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> dict[str, CommandResult]:
        """The results of several commands carried out in one request."""

    async def upload(self, method: str, url: str, form: Callable[[], aiohttp.FormData], *, timeout: float) -> Any:
        """The `result` of posting a file to an address the portal gave."""
