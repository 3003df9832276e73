"""What comes over the event websocket: read, counted, kept back until the world is known, then handed on in order.

All of it is done in the websocket's reading path, so nothing here waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from loguru import logger

from stasis_app.ari.events import (
    ApplicationRegistered,
    ApplicationReplaced,
    ApplicationUnregistered,
    ChannelDestroyed,
    Event,
    PlaybackFinished,
    RecordingFailed,
    RecordingFinished,
    RestResponse,
    StasisEnd,
    UnreadableMessage,
    parse,
)
from stasis_app.ari.transport import TwoLaneTransport

_REGISTERED_WITHIN = 3.0  # seconds Asterisk may take to say which application its websocket is for


class Incoming:
    """The messages of one connection after the other.

    Args:
        app: our application.
        on_event: called for each event, in order; must return at once.
        on_replaced: called when Asterisk says that another instance has taken over our application.
        record: called with every raw message.
    """

    def __init__(
        self,
        app: str,
        on_event: Callable[[Event], None],
        on_replaced: Callable[[], None],
        record: Callable[[str], None] | None = None,
    ) -> None:
        self._app = app
        self._on_event = on_event
        self._on_replaced = on_replaced
        self._record = record
        self._transport: TwoLaneTransport | None = None
        self._kept: list[Event] = []
        self._held: list[Event] | None = None
        self._registered = asyncio.Event()
        self._over = False
        self.watched: set[str] = set()
        """Channels whose events are wanted though they have left the application."""
        self.events: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.on_unreadable: Callable[[], None] = lambda: None

    def hold(self, transport: TwoLaneTransport) -> None:
        """A connection is about to begin: keep its events until `let_go`. Replies go to this transport."""
        self._transport = transport
        self._held, self._kept = [], []
        self._registered.clear()

    def missed(self) -> tuple[Event, ...]:
        """What happened while we were away, where Asterisk kept it."""
        kept, self._kept = self._kept, []
        return tuple(kept)

    def let_go(self) -> None:
        """Hand on what was held; from now on events are handed on as they come."""
        held, self._held = self._held or [], None
        for event in held:
            self._hand_on(event)

    def cease(self) -> None:
        """Hand on nothing any more."""
        self._over = True

    async def until_registered(self) -> None:
        """Wait until what Asterisk kept for us has come, so that the world is newer than all of it."""
        try:
            async with asyncio.timeout(_REGISTERED_WITHIN):
                await self._registered.wait()
        except TimeoutError:
            logger.warning("Asterisk has connected and not said for which application; apps in ari.conf names ours?")

    def read(self, text: str) -> None:
        """One message."""
        if self._record is not None:
            self._record(text)
        try:
            event = parse(text)
        except UnreadableMessage as problem:
            self.pass_over(problem)
            return
        match event:
            case RestResponse():
                self._of_requests.answered(event)
                return
            case PlaybackFinished() | RecordingFinished() | RecordingFailed():
                self._of_requests.finished(event)
            case ChannelDestroyed() | StasisEnd():
                self._of_requests.lanes.forget(event.channel.id)
                if isinstance(event, ChannelDestroyed):
                    self.watched.discard(event.channel.id)
            case ApplicationRegistered():
                self._is_registered(event)
                return
            case ApplicationUnregistered():
                self._is_unregistered(event)
                return
            case ApplicationReplaced():
                self._on_replaced()
                return
            case _:
                pass
        if self._over:
            return
        if self._held is not None:
            self._held.append(event)
        else:
            self._hand_on(event)

    def pass_over(self, problem: UnreadableMessage) -> None:
        """Count what can't be read; the first of each kind is told."""
        self.unreadable[problem.kind] += 1
        self.on_unreadable()
        if self.unreadable[problem.kind] == 1:
            logger.warning("What is of this kind is passed over: {}", problem)

    @property
    def _of_requests(self) -> TwoLaneTransport:
        assert self._transport is not None, "nothing is read before `hold`"
        return self._transport

    def _hand_on(self, event: Event) -> None:
        self.events[type(event).__name__] += 1
        try:
            self._on_event(event)
        except Exception:
            logger.exception("An event of type {} could not be handled", type(event).__name__)

    def _is_registered(self, event: ApplicationRegistered) -> None:
        """What came until now, came late: Asterisk kept it while we were away."""
        if event.application and event.application != self._app:
            logger.warning(
                "Asterisk's websocket serves the application {!r} too; this service is {!r} (apps in ari.conf)",
                event.application,
                self._app,
            )
            return
        if self._held is not None and not self._registered.is_set():
            self._kept, self._held = self._held, []
        self._registered.set()

    def _is_unregistered(self, event: ApplicationUnregistered) -> None:
        logger.error(
            "Asterisk serves the application {!r} over this websocket no more; was its configuration changed?",
            event.application or self._app,
        )
