"""A Bitrix24 portal to talk to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from loguru import logger

from b24client.auth import Auth
from b24client.batch import Command, CommandResult, batch_params, batch_results, counted
from b24client.budget import Budget, Limits, Priority
from b24client.classify import repeatable
from b24client.dispatch import CROWDED, Dispatcher
from b24client.errors import B24Error, BadReply, LimitExceeded, Temporary, call_of
from b24client.exchange import Exchange, MovedHook, unanswered
from b24client.ledger import Ledger
from b24client.methods.groups import Groups
from b24client.methods.profile import AppInfo, Profile
from b24client.php import read
from b24client.transport import MaySend, Outgoing, Transport
from b24client.unit import Commands, Results, Send, Unit

_LARGE = 200_000  # characters


class Portal(Groups):
    """One portal: requests within its budget, by priority, over one session, with typed errors.

    A request never lasts longer than its `timeout` (seconds, the wait for the budget included). What waits for room
    shares requests with others, see `b24client.dispatch`.

        async with Portal(WebhookAuth(url)) as portal:
            users = await portal.users.list()
    """

    def __init__(
        self,
        auth: Auth,
        *,
        limits: Limits | None = None,
        budget: Budget | None = None,
        timeout: float = 30.0,
        allow_http: bool = False,
        ca_file: Path | None = None,
        session: aiohttp.ClientSession | None = None,
        on_moved: MovedHook | None = None,
        may_send: MaySend | None = None,
    ) -> None:
        """`on_moved(address)` is told when the portal has another address; `may_send()` is asked before each request
        goes out, however long it waited for room. Portals opened from the same address share one `budget`. Raises
        ValueError for plain http.
        """
        self.auth = auth
        self.budget = budget or Budget(limits or Limits())
        self.ledger = Ledger(self.limits.operating)
        self._timeout = timeout
        self._transport = Transport(session, ca_file, auth.secrets, may_send)
        self._exchange = Exchange(
            auth, self._transport, self.budget, self.ledger, allow_http=allow_http, on_moved=on_moved
        )
        self._dispatcher = Dispatcher(self.budget, self.ledger, self._send)
        self._turns: dict[str, Unit] = {}
        if not self._exchange.permitted(auth.base):
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
        await self._dispatcher.aclose()
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

    async def recognise_limits(self) -> Limits:
        """Ask the portal for its plan and keep to its limits from now on; a webhook can't ask and keeps what it has.

        Raises B24Error when the portal can't be asked.
        """
        if self.limits.enabled and not self.auth.is_webhook and (await self.app_info()).enterprise:
            wider = Limits.enterprise()
            if (wider.rate, wider.burst) != (self.limits.rate, self.limits.burst):
                logger.info("the portal has an Enterprise plan: {:g} requests a second", wider.rate)
                self.budget.change(wider)
        return self.limits

    @property
    def limits(self) -> Limits:
        """The limits kept to."""
        return self.budget.limits

    @property
    def is_crowded(self) -> bool:
        """Whether a card would probably have to wait for room and share a request."""
        return self.limits.enabled and self.budget.fill(Priority.CARD) >= CROWDED

    @property
    def waiting(self) -> int:
        """How many calls and batches wait for room."""
        return self._dispatcher.waiting

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
        order: str = "",
    ) -> Any:
        """The `result` of a method, as the portal sends it; under load it may travel with others' in a batch.

        Operations with the same `order`, such as the id of a call, are carried out one after another. Raises B24Error,
        never anything else.
        """
        command = Command("0", method, params or {})
        return (await self._in_time([command], priority, timeout, order=order))["0"].unwrap()

    async def page(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        priority: Priority = Priority.SYNC,
        timeout: float | None = None,
    ) -> tuple[Any, int | None]:
        """The `result` of a list method and where its next page starts (None: this was the last)."""
        result = (await self._in_time([Command("0", method, params)], priority, timeout))["0"]
        return result.unwrap(), result.next

    async def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
        order: str = "",
    ) -> dict[str, CommandResult]:
        """Carry out up to 50 commands in one request, in order; `halt` stops at the first that fails.

        Without `halt` the request may hold others' commands, too. Raises B24Error when the request as a whole failed,
        ValueError for commands no portal would take. A command's own failure is in its result.
        """
        if not commands:
            return {}
        batch_params(commands, halt=halt)
        return await self._in_time(list(commands), priority, timeout, halt=halt, order=order)

    async def submit(
        self,
        commands: Commands,
        methods: Sequence[str],
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
        since: float | None = None,
    ) -> dict[str, CommandResult]:
        """Carry out commands that are asked for in the moment they go out, so that they say what is true then.

        `commands()` returns none when they have lost their point: nothing is sent and the result is empty. `methods`
        are those they will probably have. There is no limit to the wait for room (cancel to give up); `timeout` is
        for the answer. Of one class the one with the earliest `since` (time.monotonic) goes first. Raises B24Error
        when the request as a whole failed.
        """
        seconds = self._timeout if timeout is None else timeout
        if not self.limits.enabled:
            now = list(commands())
            return await self._send(now, False, seconds) if now else {}
        began = time.monotonic() if since is None else since
        unit = Unit(commands, tuple(methods), priority, began, seconds)
        self._dispatcher.submit(unit)
        return await unit.done

    async def upload(self, method: str, url: str, form: Callable[[], aiohttp.FormData], *, timeout: float) -> Any:
        """Post a form with a file to the address the portal gave for it; the `result`."""
        if not self._exchange.permitted(url):
            raise BadReply(method, "", "the portal gave an upload address that is not https")
        request = Outgoing(method, url, form, repeatable=True, content_type=None)

        async def send(commands: Sequence[Command], halt: bool, seconds: float) -> Results:
            async with asyncio.timeout(seconds):
                return {
                    command.key: CommandResult((await self._exchange.post(request))["result"]) for command in commands
                }

        try:
            return (await self._in_time([Command("0", method)], Priority.RECORD, timeout, send=send))["0"].value
        except TimeoutError:
            raise Temporary(method, "", f"the upload took longer than {timeout:g} s") from None

    @asynccontextmanager
    async def _turn(self, order: str, unit: Unit) -> AsyncIterator[None]:
        """Wait for the operation of this order that was asked for before."""
        before = self._turns.get(order) if order else None
        if order:
            self._turns[order] = unit
        try:
            if before is not None and not before.is_over:
                await asyncio.wait({before.done})
            yield
        finally:
            unit.done.cancel()  # whoever waits for this one waits no longer
            if order and self._turns.get(order) is unit:
                del self._turns[order]

    async def _in_time(
        self,
        commands: list[Command],
        priority: Priority,
        timeout: float | None,
        *,
        halt: bool = False,
        order: str = "",
        send: Send | None = None,
    ) -> Results:
        """Carry out commands within a time that includes the wait for room."""
        seconds = self._timeout if timeout is None else timeout
        methods = tuple(command.method for command in commands)
        self._refuse_hopeless(methods, priority, seconds)
        if not self.limits.enabled and not order:
            return await (send or self._send)(commands, halt, seconds)
        alone = send is not None or (halt and len(commands) > 1) or any(map(_is_large, commands))
        unit = Unit(lambda: commands, methods, priority, time.monotonic(), seconds, alone=alone, halt=halt, send=send)
        try:
            async with asyncio.timeout(seconds), self._turn(order, unit):
                if not self.limits.enabled:
                    return await (send or self._send)(commands, halt, seconds)
                self._dispatcher.submit(unit)
                return await unit.done
        except TimeoutError:
            error = self._too_late(unit, seconds)
            error.about = next(filter(None, (call_of(command.params) for command in commands)), "")
            raise error from None

    def _refuse_hopeless(self, methods: Sequence[str], priority: Priority, seconds: float) -> None:
        """Raises LimitExceeded at once when a method is blocked for longer than anybody would wait."""
        for method in methods:
            if self.limits.enabled:
                blocked, most = self.ledger.room_in(method, priority), seconds
            else:
                blocked, most = self.ledger.blocked_for(method), 0.0
            if blocked > most:
                text = f"its working time is used up for another {blocked:.0f} s"
                raise LimitExceeded(method, "OPERATION_TIME_LIMIT", text, retry_after=blocked)

    def _too_late(self, unit: Unit, seconds: float) -> B24Error:
        method = unit.methods[0] if len(unit.methods) == 1 else "batch"
        if unit.is_out:
            return unanswered(method, seconds, harmless=all(map(repeatable, unit.methods)))
        text = f"no room in the portal's budget within {seconds:g} s"
        return LimitExceeded(method, "", text, retry_after=max(1.0, self._dispatcher.wait_estimate(unit)))

    async def _send(self, commands: Sequence[Command], halt: bool, timeout: float) -> Results:
        """One request for these commands."""
        harmless = all(repeatable(command.method) for command in commands)
        method = commands[0].method if len(commands) == 1 else "batch"
        try:
            async with asyncio.timeout(timeout):
                if len(commands) == 1:
                    return await self._alone(commands[0])
                return await self._batch(commands, halt=halt, harmless=harmless)
        except TimeoutError:
            raise unanswered(method, timeout, harmless=harmless) from None

    async def _alone(self, command: Command) -> Results:
        body = await self._exchange.request(command.method, command.params)
        counts = counted(body.get("next")), counted(body.get("total"))
        return {command.key: CommandResult(body["result"], None, *counts)}

    async def _batch(self, commands: Sequence[Command], *, halt: bool, harmless: bool) -> Results:
        body = await self._exchange.request("batch", batch_params(commands, halt=halt), harmless=harmless)
        results, times = batch_results(commands, body["result"], self._exchange.masked, halted=halt)
        for method, block in times:
            self.ledger.note(method, block)
        for command in commands:
            result = results[command.key]
            if result.error is not None:
                result.error.about = call_of(command.params)
            if isinstance(result.error, LimitExceeded):
                result.error.retry_after = self.ledger.refused(result.error.method, result.error.retry_after)
        return results


def _is_large(command: Command) -> bool:
    """Whether a command would make a batch of many a large one, as a file in it does."""
    return any(isinstance(value, str) and len(value) > _LARGE for value in command.params.values())
