"""A live call: its mailbox, its flow, and the verbs that act on it.

Events of one call are handled one after another as they come out of its mailbox, so calls never wait for each other.
The flow of the call (plan or script) runs in a task of its own and waits for what the events bring.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextvars import Context, copy_context
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from loguru import logger

from stasis_app.ari import events as e
from stasis_app.ari.errors import Gone
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.control import Control
from stasis_app.calls.errands import Errands
from stasis_app.calls.facts import Party, Unanswered
from stasis_app.calls.hanging_up import end_channel, release
from stasis_app.calls.lifecycle import clean_up, hand_over, run_flow
from stasis_app.calls.line import hold, leave, unhold
from stasis_app.calls.listeners import Listeners
from stasis_app.calls.listening import read, say
from stasis_app.calls.mailbox import Mailbox
from stasis_app.calls.message import take_message
from stasis_app.calls.moves.destination import Destinations
from stasis_app.calls.moves.holding import play_music, should_hear_music
from stasis_app.calls.options import CallOptions
from stasis_app.calls.prompts import Keys, Prompts
from stasis_app.calls.record import CallRecord, after
from stasis_app.calls.recording import CallRecording
from stasis_app.calls.ringing import ring_all, ring_in_turn
from stasis_app.calls.routing import bridge_of_call
from stasis_app.calls.state import CallState, Leg, LegStage
from stasis_app.calls.verbs import CallGone, RingResult, Strategy, Target
from stasis_app.calls.waiting import Waiting

if TYPE_CHECKING:
    from loguru import Logger

    from stasis_app.calls.features import Features
    from stasis_app.calls.moves.attended import Consultation
    from stasis_app.calls.outbound import Way

T = TypeVar("T")
_NONE: frozenset[str] = frozenset()  # one for all calls: each empty set of its own is 216 bytes
Flow = Callable[["Call"], Awaitable[None]]


class Call:
    """One call, from its first channel to its last. Implements `stasis_app.calls.verbs.CallHandle`.

    Args:
        state: where the call stands.
        record: what is known of it so far.
        control: the requests that act on channels.
        options: how to dial and record.
        listeners: who is told what becomes of it.
        destinations: what leads to where, for transfers.
    """

    __slots__ = (
        "_bridge_made",
        "_errands",
        "_hanging_up",
        "_leading",
        "_listeners",
        "_mailbox",
        "_moves",
        "_waiting",
        "asides",
        "bridge",
        "bridged",
        "consultation",
        "control",
        "destinations",
        "features",
        "followed",
        "gaps",
        "keys",
        "music",
        "options",
        "outlive",
        "prompts",
        "record",
        "recording",
        "state",
    )

    def __init__(
        self,
        state: CallState,
        record: CallRecord,
        control: Control,
        options: CallOptions,
        listeners: Listeners,
        destinations: Destinations | None = None,
    ) -> None:
        self.state = state
        self.record = record
        self.control = control
        self.options = options
        self.bridge = bridge_of_call(self.state.call_id)
        self._listeners = listeners
        self.destinations = destinations
        context = _context_of(state.call_id)
        self._mailbox: Mailbox[e.Event] = Mailbox(self._handle, context)
        self._errands = Errands(context)
        self._waiting = Waiting()
        self.keys = Keys()
        self.prompts = Prompts()
        self.bridged = bool(record.in_bridge)  # the call's bridge exists, or may
        self._bridge_made = False
        self.recording = CallRecording(self)
        self.gaps = 0  # how often events may have been missed
        self._hanging_up = False
        self._moves = 0  # how many moves are under way: transfers, a park ...
        self._leading: asyncio.Task[None] | None = None  # what leads the call: its flow
        self.music = should_hear_music(state) or _NONE  # legs that hear music because they are held
        # Legs whose phones need not be followed (any more) where they send the call -> how whom they named is rung.
        self.followed: dict[str, Way | None] = {}
        self.asides: dict[str, bool] = {}  # channels beside the call (supervisors) -> whether they are in Stasis
        self.features: Features | None = None  # what keys pressed in a conversation do
        self.consultation: Consultation | None = None  # the attended transfer under way
        self.outlive: Callable[[], Sequence[str]] = tuple  # legs that go on talking when the call is over

    # The mailbox

    @property
    def id(self) -> str:
        """The call's id: the linkedid of its channels."""
        return self.state.call_id

    @property
    def log(self) -> Logger:
        """The log, with the call's id."""
        return logger.bind(call=self.id)

    def begin(self, flow: Flow, first: Sequence[f.Fact] = ()) -> None:
        """Tell the first facts, start to handle events and to run the flow."""
        for fact in first:
            self._tell(fact)
        self._mailbox.nudge()  # what comes before the flow takes its first step, is handled before it
        self.divert(flow)

    def divert(self, flow: Flow) -> None:
        """Let this flow lead the call from now on; what led it until now is stopped, and its phones ring no longer."""
        former, self._leading = self._leading, self.spawn(run_flow(self, flow))
        if former is not None:
            former.cancel()
            leave(self)

    @property
    def leading(self) -> asyncio.Task[None] | None:
        """The flow that leads the call now: another one after `divert`."""
        return self._leading

    def put(self, event: e.Event) -> None:
        """An event of this call; never waits."""
        self._mailbox.put(event)

    def resynced(self) -> None:
        """The link was lost and is back: events that nobody can synthesise may be missing."""
        self.gaps += 1
        self.recording.resynced()
        self.wake()

    def expect(self, leg: str, party: Party, *, ours: bool = True) -> None:
        """A leg is about to be set up, or comes from somebody else: from now on its events belong here."""
        self._listeners.adopt(leg, party, self.id)
        self.intend(i.Dialling(i.now(), leg, party, ours))

    def expect_aside(self, channel: str, party: Party, *, here: bool = False) -> None:
        """A channel that is no leg of the call comes beside it; it is hung up when the call is over."""
        self._listeners.adopt(channel, party, self.id)
        self.asides[channel] = here

    def take_over(self, leg: str, party: Party) -> None:
        """A leg that talked in another call goes on in this one."""
        self._listeners.adopt(leg, party, self.id)
        self.intend(i.TakingOver(i.now(), leg, party))

    def intend(self, intent: i.Intent) -> None:
        """Tell the model what is about to be done. Takes effect at once, before any event still in the mailbox."""
        if self._listeners.on_intent is not None:
            self._listeners.on_intent(self.id, intent)
        self._apply(intent)

    def suspend(self) -> None:
        """The service ends and the call goes on: nothing more is done or decided about it from here."""
        self._mailbox.close()
        self._errands.stop()

    def spawn(self, work: Coroutine[object, object, object]) -> asyncio.Task[None]:
        """Do something beside the call; failures are logged with the call's id."""
        return self._errands.begin(work)

    def _handle(self, events: Sequence[e.Event]) -> None:
        for event in events:
            if self.state.spent:
                break
            try:
                self._apply(event)
            except Exception:
                self.log.exception("An event of type {} could not be applied", type(event).__name__)
        if self.state.spent:
            self._mailbox.close()
            self._listeners.finished(self.id)

    def _apply(self, event: e.Event | i.Intent) -> None:
        had_ended = self.state.ended
        self.state, facts = model.apply(self.state, event)
        if isinstance(event, e.PlaybackFinished):
            self.prompts.ended(event.playback.id)
            if event.playback.state == "failed" and not self.state.ended:
                self.log.warning("The prompt {!r} could not be played", event.playback.media_uri)
        for fact in facts:
            if isinstance(fact, f.Pressed):
                self.keys.press(fact.digit)
            self._tell(fact)
        if should_hear_music(self.state) != self.music and not self.state.ended:
            self.spawn(play_music(self))
        self._note_aside(event)
        if isinstance(event, e.ChannelDtmfReceived) and self.features is not None:
            self.features.press(event.channel.id, event.digit)
        if self.state.ended and not had_ended:
            self.spawn(clean_up(self))
        if self.state.spent:
            # An intent may have brought this about: let the mailbox find out.
            self._mailbox.nudge()
        self.wake()

    def _note_aside(self, event: e.Event | i.Intent) -> None:
        if isinstance(event, e.StasisStart) and event.channel.id in self.asides:
            self.asides[event.channel.id] = True
        elif isinstance(event, e.StasisEnd | e.ChannelDestroyed):
            self.asides.pop(event.channel.id, None)

    def _tell(self, fact: f.Fact) -> None:
        self.record = after(self.record, fact)
        self.log.debug("{}", fact)
        self._listeners.on_fact(self.record, fact)
        self.recording.on_fact(fact)

    def wake(self) -> None:
        """See whether what somebody waits for has come about."""
        self._waiting.wake()

    async def until(self, ready: Callable[[], T | None], seconds: float | None = None) -> T | None:
        """Wait until `ready` gives something true, and return it; None when the time is up.

        Raises:
            CallGone: the call ended.
        """
        await self._waiting.until(lambda: self.state.ended or ready(), seconds)
        if self.state.ended:
            raise CallGone(self.id)
        return ready()

    async def wait(self, ready: Callable[[], object], seconds: float | None) -> None:
        """Wait until an event makes `ready` true or the time is up; works after the end of the call, too."""
        await self._waiting.until(ready, seconds)

    # Verbs

    async def answer(self) -> None:
        """Answer the caller; does nothing when he already is."""
        if self.state.anchor.stage is not LegStage.UP:
            await self.asking_caller(self.control.answer(self.state.anchor_leg))

    async def say(self, *prompts: str) -> None:
        """Play prompts to their end, answering first when that has not been done."""
        await self.answer()
        await say(self, prompts)

    async def read(
        self, *prompts: str, digits: int = 1, seconds: float = 5.0, between: float = 2.0, terminator: str = "#"
    ) -> str:
        """Play prompts and read keys, answering first; the first key stops the prompt."""
        await self.answer()
        return await read(self, prompts, digits=digits, seconds=seconds, between=between, terminator=terminator)

    async def ring(
        self,
        targets: Sequence[Target],
        *,
        seconds: float,
        strategy: Strategy = Strategy.ALL,
        on_hold: Callable[[], Awaitable[None]] | None = None,
        sent_on: bool = True,
    ) -> RingResult:
        """Ring parties and connect the first who answers."""
        await self.recording.announce_before_ringing()
        if on_hold is not None:
            return await ring_all(self, targets, seconds, on_hold, sent_on=sent_on)
        ring = ring_in_turn if strategy is Strategy.IN_TURN else ring_all
        return await ring(self, targets, seconds)

    async def take_message(self, *, seconds: float, silence: float, least: float, terminator: str = "#") -> float:
        """Record what the caller says after a beep, answering first; the length of what is kept, in seconds."""
        await self.answer()
        return await take_message(self, seconds=seconds, silence=silence, least=least, terminator=terminator)

    async def hold(self, line: str, music: str = "") -> None:
        """Let the caller wait in a holding bridge, answering first when that has not been done."""
        await self.answer()
        await self.recording.announce_before_ringing()
        await hold(self, line, music)

    async def unhold(self, line: str) -> None:
        """Take the caller out of it."""
        await unhold(self, line)

    def key(self) -> str:
        """The next key the caller pressed and nobody has read, "" when there is none."""
        return self.keys.take(1, "")

    @property
    def has_key(self) -> bool:
        """Whether there is one."""
        return self.keys.any()

    async def talk(self) -> None:
        """Wait until the conversation is over, then end what is left of the call."""
        await self.until(lambda: not self._moves and not any(leg.alive and leg.bridge for leg in self.state.others))
        await self.hang_up()

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """While a move is under way the call goes on, even if for a moment nobody is with the anchor."""
        self._moves += 1
        try:
            yield
        finally:
            self._moves -= 1
            self.wake()

    def move(self, work: Coroutine[object, object, object]) -> None:
        """Do a move beside the call; it counts as `moving` from this moment to its end."""

        def over(_: object) -> None:
            self._moves -= 1
            self.wake()

        self._moves += 1
        self.spawn(work).add_done_callback(over)

    def anchor_to(self, leg: str) -> None:
        """From now on the call lives for this leg."""
        self.intend(i.Anchoring(i.now(), leg))

    def note(self, fact: f.Fact) -> None:
        """Add a fact of our own to the call's story."""
        self.intend(i.Noted(fact.at, fact))

    async def hand_over(self, context: str = "", exten: str = "", priority: int = 1) -> None:
        """Give the call back to the dialplan, and go on watching how it ends."""
        await hand_over(self, context, exten, priority)

    async def hang_up(self, cause: int = NORMAL) -> None:
        """End the call with a Q.850 cause."""
        if self.state.ended or self._hanging_up:
            return
        self._hanging_up = True
        self.intend(i.HangingUp(i.now()))
        await end_channel(self, self.state.anchor_leg, cause)

    def visit(self, element: str, kind: str, why: str = "", *, since: datetime | None = None) -> None:
        """Note that the call came to an element of the plan."""
        self.note(f.Visited(call_id=self.id, at=i.now(), element=element, kind=kind, why=why, since=since))

    def identify(self, fact: f.Identified) -> None:
        """Note whose number this is."""
        self.note(fact)

    # Steps the verbs are made of

    async def asking_caller(self, request: Awaitable[None]) -> None:
        """Do something to the caller's channel; that it is gone is the end of the call, not an error.

        Raises:
            CallGone: the caller is gone.
            AriError: the request failed for another reason.
        """
        try:
            await request
        except Gone:
            # The event that tells of his end is on its way.
            await self.until(lambda: None, 2)
            raise

    async def bridge_ready(self) -> None:
        """Make the call's bridge; once is enough."""
        if not self._bridge_made:
            self.bridged = self._bridge_made = True
            await self.control.make_bridge(self.bridge)
            if self.state.ended:
                # Cleaned up before it was there.
                await self.control.destroy_bridge(self.bridge)

    async def release(self, leg: str, why: Unanswered) -> None:
        """Hang up a leg, and once more if that fails: a phone must not ring for nobody."""
        await release(self, leg, why)

    def leg(self, leg: str) -> Leg:
        """The state of a leg now."""
        return self.state.legs[leg]


def _context_of(call_id: str) -> Context:
    """What everything of a call runs in, so that whatever it logs bears the call's id."""
    with logger.contextualize(call=call_id):
        return copy_context()
