"""Posting events to the applications that asked for them: form fields, some time later, never again if it fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
from loguru import logger

from b24client.forms import encode_form
from b24client.sandbox.access import Access
from b24client.sandbox.config import EventDelivery, SandboxConfig
from b24client.sandbox.offline import OfflineQueue

QUEUE_EVENT = "ONOFFLINEEVENT"
"""Tells an application that its queue of offline events has grown."""
_PATIENCE = aiohttp.ClientTimeout(total=15)
_NEWER = ("expires", "user_id")
_TOKENS = ("access_token", "expires", "expires_in", "refresh_token", "user_id")
_SHAKY = ("access_token", "expires", "expires_in", "scope", "server_endpoint", "status", "user_id", "client_endpoint")


@dataclass(frozen=True, slots=True)
class Binding:
    """An address that wants an event, or a queue that keeps it (`offline`).

    `auth_type`: in whose name, 0 in that of who caused it.
    """

    id: int
    event: str
    handler: str
    auth_type: int = 0
    offline: bool = False
    auth_connector: str = ""
    min_timeout: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an event: the handler's HTTP status, 0 when it could not be reached or was never told."""

    handler: str
    status: int


class Postman:
    """Keeps the bindings and delivers."""

    def __init__(self, access: Access, config: SandboxConfig) -> None:
        self._access = access
        self._config = config
        self.bindings: list[Binding] = []
        self.queue = OfflineQueue()
        self.history: deque[dict[str, Any]] = deque(maxlen=500)
        self._chance = random.Random(config.events.seed)
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._turns: dict[str, asyncio.Lock] = {}
        self._slow: dict[str, float] = {}
        self._told_queue: dict[int, float] = {}
        self._due_queue: set[int] = set()
        self._next_id = 1000

    @property
    def delivery(self) -> EventDelivery:
        """How reliable the post is now."""
        return self._config.events

    def change(self, delivery: EventDelivery) -> None:
        """Be as reliable as this from now on."""
        self._config.events = delivery
        self._chance = random.Random(delivery.seed)

    def bind(self, event: str, handler: str, auth_type: int = 0, **options: Any) -> Binding:
        """A new binding."""
        self._next_id += 1
        binding = Binding(self._next_id, event, handler, auth_type, **options)
        self.bindings.append(binding)
        return binding

    def bound(self, event: str) -> list[Binding]:
        """Who wants an event posted; nobody before the installation is finished."""
        if self._access.unfinished:
            return []
        return [binding for binding in self.bindings if binding.event == event and not binding.offline]

    def emit(
        self, event: str, data: Mapping[str, Any], user_id: int, base: str, *, auth_connector: str = ""
    ) -> list[asyncio.Task[Delivery]]:
        """Post an event to all who want it, without waiting for them, and note it in the queues that keep it.

        `auth_connector` is that of the request that caused it: the queue of the same connector is spared.
        """
        self._note(event, data, user_id, base, auth_connector)
        return [self._started(self._posted(binding, data, user_id, base)) for binding in self.bound(event)]

    async def _posted(self, binding: Binding, data: Mapping[str, Any], user_id: int, base: str) -> Delivery:
        """Post an event as reliably as the configuration says."""
        how, chance = self.delivery, self._chance
        delay = chance.uniform(how.delay_min, how.delay_max)
        lost, again = chance.random() < how.never, chance.random() < how.twice
        late, free = chance.random() < how.late, chance.random() < how.out_of_order
        delay += how.late_seconds if late else 0.0
        delay += how.slow_penalty if self._slow.get(binding.handler, 0.0) > how.slow_after else 0.0
        if lost:
            return self._remember(binding, Delivery(binding.handler, 0), "never")
        if again:
            delay_again = delay + chance.uniform(how.delay_min, how.delay_max)
            self._started(self._after(delay_again, binding, data, user_id, base, "again"))
        if free or late:
            return await self._after(delay, binding, data, user_id, base, "late" if late else "out of order")
        async with self._turns.setdefault(binding.handler, asyncio.Lock()):
            return await self._after(delay, binding, data, user_id, base, "posted")

    async def _after(
        self, delay: float, binding: Binding, data: Mapping[str, Any], user_id: int, base: str, how: str
    ) -> Delivery:
        await asyncio.sleep(delay)
        return self._remember(binding, await self.deliver(binding, data, user_id, base), how, delay)

    def _remember(self, binding: Binding, delivery: Delivery, how: str, delay: float = 0.0) -> Delivery:
        told = {"at": time.time(), "event": binding.event, "how": how, "delay": round(delay, 3), **asdict(delivery)}
        self.history.append(told)
        return delivery

    async def deliver(self, binding: Binding, data: Mapping[str, Any], user_id: int, base: str) -> Delivery:
        """Post an event to one handler now and wait for its answer."""
        fields: dict[str, Any] = {
            "event": binding.event,
            "event_handler_id": binding.id,
            "data": data,
            "ts": int(time.time()),
            "auth": self._varied(self.auth_block(binding.auth_type or user_id, base)),
        }
        if self._config.switches.event_auth == "old":
            del fields["event_handler_id"]
        started = time.monotonic()
        delivery = await self.post(binding.handler, fields)
        self._slow[binding.handler] = time.monotonic() - started
        return delivery

    def auth_block(self, user_id: int, base: str, *, install: bool = False) -> dict[str, Any]:
        """The `auth` part of an event; only an installation hands over a refresh token."""
        block = self._access.grant(user_id, base)
        block["domain"] = base.partition("://")[2]
        if not install:
            del block["refresh_token"]
        block["application_token"] = self._access.application_token
        return block

    def _varied(self, block: dict[str, Any]) -> dict[str, Any]:
        """The auth block in the shape the switch says: it has drifted over the years."""
        match self._config.switches.event_auth:
            case "old":
                gone: tuple[str, ...] = _NEWER
            case "bare":
                gone = _TOKENS
            case "fuzz":
                gone = tuple(name for name in _SHAKY if self._chance.random() < 0.5)
            case _:
                gone = ()
        return {name: value for name, value in block.items() if name not in gone}

    async def post(self, handler: str, fields: Mapping[str, Any]) -> Delivery:
        """Post form fields, brackets and all percent-encoded as PHP does."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        body = encode_form(fields).replace("[", "%5B").replace("]", "%5D")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
        try:
            async with self._session.post(handler, data=body.encode(), headers=headers) as response:
                await response.read()
                return Delivery(handler, response.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            logger.warning("event {} was not delivered: {}", fields.get("event"), type(error).__name__)
            return Delivery(handler, 0)

    def _note(self, event: str, data: Mapping[str, Any], user_id: int, base: str, auth_connector: str) -> None:
        """Write an event into the queues of those who fetch it themselves, and tell who wants to be told."""
        for kept in self.bindings:
            if not kept.offline or kept.event != event or self._access.unfinished:
                continue
            if auth_connector and kept.auth_connector == auth_connector:
                continue
            change = self.queue.add(event, data, kept.auth_connector)
            for binding in self.bound(QUEUE_EVENT):
                self._tell_of_queue(binding, {"type": change, "event": event, "handler": kept.handler}, user_id, base)

    def _tell_of_queue(self, binding: Binding, data: dict[str, Any], user_id: int, base: str) -> None:
        """Post ONOFFLINEEVENT, at most once in its `minTimeout` seconds."""
        now = time.monotonic()
        free_at = self._told_queue.get(binding.id, 0.0) + binding.min_timeout if binding.id in self._told_queue else now
        if free_at <= now:
            self._told_queue[binding.id] = now
            self._started(self._posted(binding, data, user_id, base))
        elif binding.id not in self._due_queue:
            self._due_queue.add(binding.id)
            data = {**data, "minTimeout": binding.min_timeout}
            self._started(self._tell_later(free_at - now, binding, data, user_id, base))

    async def _tell_later(
        self, seconds: float, binding: Binding, data: dict[str, Any], user_id: int, base: str
    ) -> Delivery:
        await asyncio.sleep(seconds)
        self._due_queue.discard(binding.id)
        self._told_queue[binding.id] = time.monotonic()
        return await self._posted(binding, data, user_id, base)

    def _started(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def settle(self) -> None:
        """Wait until everything under way has arrived."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def aclose(self) -> None:
        """Drop what is under way and close the session."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def dump(self) -> dict[str, Any]:
        """Bindings and queue as JSON values."""
        bindings = [asdict(binding) for binding in self.bindings]
        return {"next_id": self._next_id, "bindings": bindings, "queue": self.queue.dump()}

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave."""
        self._next_id = kept["next_id"]
        self.bindings = [Binding(**binding) for binding in kept["bindings"]]
        self.queue.load(kept["queue"])
