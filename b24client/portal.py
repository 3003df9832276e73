"""A Bitrix24 portal to talk to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from loguru import logger

from b24client.auth import Auth
from b24client.batch import Command, CommandResult, batch_params, batch_results
from b24client.budget import Budget, Limits, Priority
from b24client.classify import classify, repeatable
from b24client.errors import (
    AccessDenied,
    B24Error,
    BadReply,
    ExpiredToken,
    LimitExceeded,
    NotRun,
    Temporary,
    UnknownOutcome,
)
from b24client.ledger import Ledger
from b24client.masking import masked
from b24client.methods.groups import Groups
from b24client.methods.profile import AppInfo, Profile
from b24client.php import read
from b24client.transport import Answer, Outgoing, Transport

_MOST_ATTEMPTS = 4  # a renewed token and a renamed portal may each cost one, the latter twice

MovedHook = Callable[[str], Awaitable[None] | None]


class Portal(Groups):
    """One portal: requests within its budget, by priority, over one session, with typed errors.

    A request never lasts longer than its `timeout` (seconds, the wait for the budget included).

        async with Portal(WebhookAuth(url)) as portal:
            users = await portal.users.list()
    """

    def __init__(
        self,
        auth: Auth,
        *,
        limits: Limits | None = None,
        timeout: float = 30.0,
        allow_http: bool = False,
        ca_file: Path | None = None,
        session: aiohttp.ClientSession | None = None,
        on_moved: MovedHook | None = None,
    ) -> None:
        """`on_moved(address)` is told when the portal has another address. Raises ValueError for plain http."""
        self.auth = auth
        self.limits = limits or Limits()
        self.budget = Budget(self.limits)
        self.ledger = Ledger()
        self._timeout = timeout
        self._allow_http = allow_http
        self._on_moved = on_moved
        self._transport = Transport(session, ca_file, auth.secrets)
        if not self._permitted(auth.base):
            raise ValueError(f"portal: {auth.base} is not https; only an explicit allow_http makes that acceptable")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Open the session. Sends nothing: a portal that is away is no reason not to start."""
        await self._transport.start()

    async def aclose(self) -> None:
        """Close the session, after a token renewal under way."""
        await self.auth.aclose()
        await self._transport.aclose()

    @property
    def host(self) -> str:
        """The portal's host name, for people to read."""
        return urlsplit(self.auth.base).netloc

    async def app_info(self) -> AppInfo:
        """The application and the portal's plan (an application's own method; a webhook gets AccessDenied)."""
        return read(AppInfo, "app.info", await self.call("app.info", priority=Priority.SYNC))

    async def profile(self) -> Profile:
        """The user we act for; needs no scope, so it tells whether the credentials work at all."""
        return read(Profile, "profile", await self.call("profile", priority=Priority.SYNC))

    async def scope(self) -> frozenset[str]:
        """The permissions our credentials have."""
        granted = await self.call("scope", priority=Priority.SYNC)
        if not isinstance(granted, list):
            raise BadReply("scope", "", f"result: expected a list, got {type(granted).__name__}")
        return frozenset(map(str, granted))

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> Any:
        """The `result` of a method, as the portal sends it. Raises B24Error, never anything else."""
        answer = await self._request(method, params or {}, priority, timeout, None)
        return answer["result"]

    async def page(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        priority: Priority = Priority.SYNC,
        timeout: float | None = None,
    ) -> tuple[Any, int | None]:
        """The `result` of a list method and where its next page starts (None: this was the last)."""
        answer = await self._request(method, params, priority, timeout, None)
        following = answer.get("next")
        more = isinstance(following, int | str) and str(following).isdigit()
        return answer["result"], int(str(following)) if more else None

    async def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> dict[str, CommandResult]:
        """Carry out up to 50 commands in one request, in order; `halt` stops at the first that fails.

        Raises B24Error when the request as a whole failed, ValueError for commands no portal would take. A command's
        own failure is in its result.
        """
        if not commands:
            return {}
        params = batch_params(commands, halt=halt)
        harmless = all(repeatable(command.method) for command in commands)
        answer = await self._request("batch", params, priority, timeout, harmless)
        results, times = batch_results(commands, answer["result"], self._masked)
        for method, block in times.items():
            self.ledger.note(method, block)
        for result in results.values():
            if isinstance(result.error, LimitExceeded):
                result.error.retry_after = self.ledger.refused(result.error.method, result.error.retry_after)
        return results

    async def upload(self, method: str, url: str, form: Callable[[], aiohttp.FormData], *, timeout: float) -> Any:
        """Post a form with a file to the address the portal gave for it; the `result`."""
        if not self._permitted(url):
            raise BadReply(method, "", "the portal gave an upload address that is not https")
        request = Outgoing(method, url, form, repeatable=True, content_type=None)
        try:
            async with asyncio.timeout(timeout):
                await self.budget.acquire(Priority.RECORD)
                return self._result(method, await self._transport.post(request))["result"]
        except TimeoutError:
            raise Temporary(method, "", f"the upload took longer than {timeout:g} s") from None

    async def _request(
        self, method: str, params: Mapping[str, Any], priority: Priority, timeout: float | None, harmless: bool | None
    ) -> dict[str, Any]:
        seconds = self._timeout if timeout is None else timeout
        self.ledger.check(method)
        progress = _Progress()
        try:
            async with asyncio.timeout(seconds):
                return await self._attempts(method, params, priority, harmless, progress)
        except TimeoutError:
            raise self._too_late(method, priority, seconds, progress) from None

    async def _attempts(
        self, method: str, params: Mapping[str, Any], priority: Priority, harmless: bool | None, progress: _Progress
    ) -> dict[str, Any]:
        renewed = False
        for _ in range(_MOST_ATTEMPTS):
            await self.budget.acquire(priority)
            request = await self.auth.prepare(method, params, harmless=harmless)
            if not self._permitted(request.url):
                raise AccessDenied(method, "INVALID_REQUEST", "the portal's address is not https")
            progress.sent = request
            answer = await self._transport.post(request)
            progress.sent = None
            if answer.moved_to:
                await self._follow(request, answer)
                continue
            try:
                return self._result(method, answer)
            except ExpiredToken:
                if renewed or not await self.auth.renew(request.token, self._transport):
                    raise
                renewed = True
        raise BadReply(method, "", "the portal sends us from one address to the next")

    def _result(self, method: str, answer: Answer) -> dict[str, Any]:
        """The answer's body once it is known to hold a result. Raises the error it tells otherwise."""
        body = answer.body
        if "error" not in body:
            if "result" not in body:
                raise BadReply(method, "", "an answer with neither result nor error", answer.status)
            if answer.status >= 400:
                raise BadReply(method, "", "a result under an error status", answer.status)
            self.ledger.note(method, body.get("time"))
            return body
        code, text = body["error"], body.get("error_description")
        code, text = (self._masked(str(part)) if part else "" for part in (code, text))
        error = classify(method, answer.status, code, text or "refused without a reason", answer.retry_after)
        if isinstance(error, LimitExceeded):
            self._note_limit(method, error)
        raise error

    def _note_limit(self, method: str, error: LimitExceeded) -> None:
        logger.warning("the portal's budget is overrun: {}", error)
        if error.code.lower() == "operation_time_limit" or error.status == 429:
            error.retry_after = self.ledger.refused(method, error.retry_after)
        else:
            self.budget.refused(error.retry_after)

    async def _follow(self, request: Outgoing, answer: Answer) -> None:
        """Take over the portal's new address. Only the same path counts as the same portal."""
        old, new = urlsplit(request.url), urlsplit(answer.moved_to)
        same_path = new.path.rstrip("/").lower() == old.path.rstrip("/").lower()
        base = f"{new.scheme}://{new.netloc}"
        if not new.hostname or "@" in new.netloc or not same_path or not self._permitted(base):
            raise BadReply(request.method, "", "the portal redirects to something that is not a portal", answer.status)
        if base == self.auth.base:
            raise BadReply(request.method, "", "the portal redirects to itself", answer.status)
        logger.warning("the portal has moved from {} to {}", old.netloc, new.netloc)
        await self.auth.moved(base)
        if self._on_moved is not None:
            following = self._on_moved(base)
            if following is not None:
                await following

    def _too_late(self, method: str, priority: Priority, seconds: float, progress: _Progress) -> B24Error:
        if progress.sent is None:
            wait = self.budget.wait_estimate(priority)
            if wait > 0:
                text = f"no room in the portal's budget within {seconds:g} s"
                return LimitExceeded(method, "", text, retry_after=wait)
            return Temporary(method, "", f"not sent within {seconds:g} s")
        kind = Temporary if progress.sent.repeatable else UnknownOutcome
        return kind(method, "", f"no answer within {seconds:g} s")

    def _permitted(self, address: str) -> bool:
        return address.startswith("https://") or (self._allow_http and address.startswith("http://"))

    def _masked(self, text: str) -> str:
        return masked(text, self.auth.secrets())


class _Progress:
    """How far a request has come: the one that is out and unanswered, if any."""

    sent: Outgoing | None = None


__all__ = ["MovedHook", "NotRun", "Portal"]
