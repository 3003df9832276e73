"""The tracker: finds the call an event belongs to, and begins calls.

Everything here is done in the websocket's reading path, so nothing here waits and everything is a look-up by id.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from loguru import logger

from stasis_app.ari import events as e
from stasis_app.ari.world import World
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model
from stasis_app.calls.call import Call, Flow
from stasis_app.calls.causes import NORMAL
from stasis_app.calls.control import Control
from stasis_app.calls.entry import AsideEntry, Entry, LegEntry, SnoopEntry, begin_call, party_of_leg, read_entry
from stasis_app.calls.facts import Direction, Party, PartyKind
from stasis_app.calls.features import FeatureCodes, Features
from stasis_app.calls.lifecycle import (
    Order,
    employee_first,
    flow_after_restart,
    go_on_talking,
    once_employee_answers,
    wait_for_end,
)
from stasis_app.calls.listeners import FactSink, IntentSink, Listeners
from stasis_app.calls.moves.destination import Destinations
from stasis_app.calls.moves.supervision import accompany
from stasis_app.calls.options import CallOptions
from stasis_app.calls.orphans import Orphans, find_orphans
from stasis_app.calls.record import CallRecord, begin
from stasis_app.calls.refer import PhoneTransfers
from stasis_app.calls.restore import restored_state
from stasis_app.calls.resync import missed_events
from stasis_app.calls.routing import call_of_event, channel_is_snoop, channel_of_event, dialling_channel
from stasis_app.calls.sent_on import SentOn
from stasis_app.calls.state import CallState
from stasis_app.calls.steps import try_to
from stasis_app.calls.talking_on import TalkingOn
from stasis_app.calls.transition import Change
from stasis_app.calls.verbs import CallGone


class Tracker:
    """All live calls of one application.

    Args:
        control: the requests that act on channels.
        options: how calls are dialled and recorded.
        flow: what happens to a call; run once for each.
        sinks: called with every fact; must return at once. A sink that fails does not stop the others.
        app: the Stasis application the channels belong to.
        on_intent: called with everything the service is about to do, for recordings.
        destinations: what leads to where, for transfers; left out: nobody can transfer.
        codes: what keys pressed in a conversation do.
        resume: what happens to a call found waiting after a restart; left out: its flow, from the beginning.
        unlisted: whether nobody is told of a call that comes in like this: a phone that only dials a code of ours.
    """

    def __init__(
        self,
        control: Control,
        options: CallOptions,
        flow: Flow,
        sinks: list[FactSink],
        app: str,
        on_intent: IntentSink | None = None,
        resume: Flow | None = None,
        destinations: Destinations | None = None,
        codes: FeatureCodes | None = None,
        unlisted: Callable[[Entry], bool] = lambda _: False,
    ) -> None:
        self._control = control
        self._options = options
        self._flow = flow
        self._resume = resume or flow
        self._destinations = destinations
        self._codes = codes.actions() if codes is not None else {}
        self._transfers = PhoneTransfers(self._by_channel_get, self._arrived)
        self._sent_on = SentOn(self._by_channel_get, self._transfers.let_go, self._end)
        self._talking_on = TalkingOn(self._is_ours, self._end, self._destroy)
        self._unlisted = unlisted
        self._sinks = sinks
        self._app = app
        self._listeners = Listeners(
            on_fact=self._tell, adopt=self._enlist, finished=self._finished, on_intent=on_intent
        )
        self._calls: dict[str, Call] = {}
        self._by_channel: dict[str, Call] = {}
        self._former: list[CallRecord] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: set[str] = set()  # calls nobody is told of
        self._engaged: dict[str, tuple[str, ...]] = {}  # extension -> the channels that ring or keep its phone
        self._engages: dict[str, str] = {}  # channel -> the extension whose phone it keeps
        self._suspended = False
        self.stray: Counter[str] = Counter()
        self.adopted = 0  # calls of before a restart that lived on

    # What others ask

    def live(self) -> list[CallRecord]:
        """The records of the calls under way."""
        return [call.record for call in self._calls.values() if call.id not in self._silent]

    def get(self, call_id: str) -> Call | None:
        """A live call."""
        return self._calls.get(call_id)

    def engaged(self, extension: str) -> bool:
        """Whether one of our calls rings or keeps this extension's phone."""
        return extension in self._engaged

    def channels_of(self, extension: str) -> frozenset[str]:
        """The channels of our calls that ring or keep this extension's phone."""
        return frozenset(self._engaged.get(extension, ()))

    def channels(self) -> Iterator[str]:
        """The channels that lived when they were last heard of, those of before a restart included."""
        for record in self._former:
            yield record.call_id
            yield from (ring.leg for ring in record.rings if ring.ended_at is None)
        for call in self._calls.values():
            yield from (leg.id for leg in call.state.legs.values() if leg.alive)

    # What the link tells

    def on_event(self, event: e.Event) -> None:
        """Bring an event to its call."""
        if self._suspended:
            return
        if isinstance(event, e.ChannelDestroyed):
            self._free(event.channel.id)
        if isinstance(event, e.ChannelDestroyed | e.StasisEnd):
            self._talking_on.left(event.channel.id)
        if self._sent_on.takes(event) or self._transfers.takes(event):
            return
        if isinstance(event, e.StasisStart) and event.channel.id not in self._by_channel:
            self._arrived(event)
            return
        call = (
            self._by_channel.get(channel_of_event(event))
            or self._by_channel.get(dialling_channel(event))
            or self._calls.get(call_of_event(event))
        )
        if call is not None:
            call.put(event)
        elif not channel_is_snoop(event):
            self.stray[type(event).__name__] += 1

    def on_world(self, world: World) -> None:
        """The link is back: tell each call what it missed, and take in the calls nobody knows."""
        self._talking_on.look(world, self._calls)
        former, self._former = self._former, []
        for record in former:
            self._take_up(record, world)
        for event in world.missed:
            self.on_event(event)
        known = {*self._by_channel, *self._talking_on.channels()}
        unknown = [c for c in world.channels if self._is_ours(c) and c.id not in known]
        # Callers first, so that a leg or a recording finds the call it belongs to.
        for channel in sorted(unknown, key=lambda c: not isinstance(read_entry(_args(c)), Entry)):
            self._adopt(channel, world)
        for call in list(self._calls.values()):
            ended_at = world.ended_by_restart(call.record.started_at)
            if ended_at is not None:
                call.intend(i.ExchangeRestarted(ended_at))
            for event in missed_events(call.state, world, ended_at or i.now()):
                call.put(event)
            call.resynced()
        if former:
            logger.info("Of {} calls from before the restart {} live on", len(former), self.adopted)
        calls, known = {*self._calls, *self._talking_on.calls}, {*self._by_channel, *self._talking_on.channels()}
        self._clear_away(find_orphans(world, calls, known, self._app, i.now()))

    def _clear_away(self, orphans: Orphans) -> None:
        for channel in orphans.channels:
            self._end(channel)
        for bridge in orphans.bridges:
            self._destroy(bridge)
        if orphans.channels or orphans.bridges:
            logger.warning("Left over from calls that are gone, ended now: {}", orphans)

    def suspend(self) -> None:
        """The service ends and leaves the calls as they are: from now on nothing is done or decided about them.

        To be called while the link still is up: without it, flows would take requests that fail for the end of calls.
        """
        self._suspended = True
        for call in self._calls.values():
            call.suspend()

    # Calls from before a restart

    def restore(self, records: Iterable[CallRecord]) -> None:
        """Calls the journal has no end of. What became of them shows as soon as the link is up."""
        self._former = list(records)

    def _take_up(self, record: CallRecord, world: World) -> None:
        """A call from before the restart goes on where it stands; if it is gone, it ends the ordinary way."""
        if record.call_id in self._calls:
            return
        state = restored_state(record)
        exists = world.channel(state.anchor_leg) is not None
        if exists and state.handed_over:
            self._do(self._control.watch(state.anchor_leg))
        if not exists or state.handed_over:
            flow: Flow = wait_for_end
        elif record.ordered and not record.visited:
            flow = partial(once_employee_answers, flow=self._flow)
        else:
            flow = flow_after_restart(record, self._resume, talks=_talks(state.anchor_leg, world))
        self.adopted += exists
        # It may have been made for a phone that was ringing, which no record tells.
        call = self._begin(state, record, flow)
        call.bridged = True
        if not exists:
            call.outlive = partial(self._talking_on.of, call.id)

    # New calls

    @staticmethod
    def new_id() -> str:
        """An id for a call that is to be ordered, for who has to keep it before."""
        return f"{time.time():.3f}.{secrets.token_hex(3)}"

    def originate(self, order: Order, call_id: str = "") -> Call:
        """Call an employee's phone, and the number when he answers; `call_id` is one of `new_id`."""
        call_id = call_id or self.new_id()
        caller = Party(PartyKind.EMPLOYEE, order.extension or order.mobile, order.name)
        channel = e.Channel(id=call_id, name=self._options.endpoint.format(extension=caller.number), state="Down")
        change = model.start(
            call_id,
            channel,
            Direction.OUTBOUND,
            caller,
            i.now(),
            line=self._options.trunks.line_of(
                order.number, line=order.line, extension=caller.number, caller_id=order.caller_id
            ),
            wished_line=order.line,
            dialled=order.number,
            caller_id=order.caller_id,
            ordered=True,
            callback=order.callback,
        )

        async def flow(call: Call) -> None:
            await employee_first(call, self._flow, order)

        return self._begin_new(change, flow)

    def _call_of(self, channel: e.Channel, entry: Entry, at: datetime) -> Change:
        return begin_call(channel, entry, at, self._options.endpoint, self._options.trunks)

    def _arrived(self, event: e.StasisStart) -> None:
        """A channel we do not know entered the application."""
        if self._sent_on.takes(event):
            return  # it waited to see whether it is a transfer's
        entry = read_entry(event.args)
        match entry:
            case Entry():
                started = self._call_of(event.channel, entry, event.timestamp)
                self._begin_new(started, self._flow, silent=self._unlisted(entry))
                if entry.direction is not Direction.INBOUND:
                    self._do(self._control.take_transfers(event.channel.id))
            case LegEntry():
                self._joins(event.channel, entry, event)
            case AsideEntry():
                self._comes_beside(event.channel, entry)
            case SnoopEntry():
                call = self._calls.get(entry.call_id)
                if call is None:
                    self._end(event.channel.id)
                else:
                    call.recording.snoop_arrived(event.channel.id)
            case None:
                logger.warning("The channel {} came in with arguments nobody knows: {}", event.channel.name, event.args)
                self._do(self._control.proceed(event.channel.id, "", "", 1))

    def _joins(self, channel: e.Channel, entry: LegEntry, event: e.Event | None = None) -> None:
        """A leg of ours that is not expected: picked up by another phone, or left over from a call that is gone."""
        call = self._calls.get(entry.call_id)
        if call is None or call.state.ended:
            self._end(channel.id)
            return
        call.expect(channel.id, party_of_leg(channel, entry, self._options.endpoint), ours=False)
        if event is not None:
            call.put(event)

    def _comes_beside(self, channel: e.Channel, entry: AsideEntry) -> None:
        """A supervisor of a call, or what he listens through, from before a restart."""
        call = self._calls.get(entry.call_id)
        if call is None or call.state.ended:
            self._end(channel.id)
            return
        party = Party(PartyKind.EMPLOYEE if entry.extension else PartyKind.CUSTOMER, entry.extension)
        call.expect_aside(channel.id, party, here=True)
        if entry.extension in call.record.supervisors:
            call.spawn(accompany(call, entry.extension))

    def _adopt(self, channel: e.Channel, world: World) -> None:
        """A channel of ours that nobody knows, found after a restart: its call goes on where it stands."""
        entry = read_entry(_args(channel))
        match entry:
            case Entry():
                talking = _talks(channel.id, world)
                logger.bind(call=channel.id).info("Adopted a call that {}", "talks" if talking else "waits")
                started = self._call_of(channel, entry, channel.creationtime or i.now())
                flow = go_on_talking if talking else self._flow
                self._begin_new(started, flow, silent=self._unlisted(entry)).bridged = True
                self.adopted += 1
            case LegEntry():
                self._joins(channel, entry)
            case AsideEntry():
                self._comes_beside(channel, entry)
            case SnoopEntry():
                call = self._calls.get(entry.call_id)
                if call is None or call.state.ended:
                    self._end(channel.id)
                else:
                    call.recording.snoop_found(channel.id)
            case None:
                self.stray["Channel"] += 1

    def _end(self, channel: str) -> None:
        self._do(self._control.hang_up(channel, NORMAL))

    def _destroy(self, bridge: str) -> None:
        self._do(self._control.destroy_bridge(bridge))

    def _do(self, work: Coroutine[object, object, object]) -> None:
        """A request about a channel that belongs to no call."""
        task = asyncio.create_task(try_to(work, logger))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin_new(self, change: Change, flow: Flow, *, silent: bool = False) -> Call:
        state, facts = change
        if silent:
            self._silent.add(state.call_id)
        started = facts[0]
        assert isinstance(started, f.Started)
        return self._begin(state, begin(started), flow, facts)

    def _begin(self, state: CallState, record: CallRecord, flow: Flow, first: Sequence[f.Fact] = ()) -> Call:
        call = Call(state, record, self._control, self._options, self._listeners, self._destinations)
        if self._codes:
            call.features = Features(call, self._codes)
        self._calls[call.id] = call
        for leg in state.legs.values():
            self._enlist(leg.id, leg.party, call.id)
        call.begin(flow, first)
        return call

    def _by_channel_get(self, channel: str) -> Call | None:
        return self._by_channel.get(channel)

    def _enlist(self, channel: str, party: Party, call_id: str) -> None:
        if call_id not in self._calls:
            raise CallGone(call_id)  # it ended while its flow was about to ring somebody
        self._by_channel[channel] = self._calls[call_id]
        if party.kind is PartyKind.EMPLOYEE and channel not in self._engages:
            self._engages[channel] = party.number
            self._engaged[party.number] = (*self._engaged.get(party.number, ()), channel)

    def _free(self, channel: str) -> None:
        """The channel keeps no phone any more."""
        extension = self._engages.pop(channel, None)
        if extension is None:
            return
        others = tuple(one for one in self._engaged[extension] if one != channel)
        if others:
            self._engaged[extension] = others
        else:
            del self._engaged[extension]

    def _finished(self, call_id: str) -> None:
        call = self._calls.pop(call_id)
        self._silent.discard(call_id)
        for channel in (*call.state.legs, *call.asides):
            # One that went on in another call is that call's now.
            if self._by_channel.get(channel) is call:
                del self._by_channel[channel]
                self._free(channel)

    def _tell(self, record: CallRecord, fact: f.Fact) -> None:
        if isinstance(fact, f.NotAnswered | f.LegEnded):
            self._free(fact.leg)
        elif isinstance(fact, f.Ended):
            self._free(fact.call_id)
        if record.call_id in self._silent:
            return
        for sink in self._sinks:
            try:
                sink(record, fact)
            except Exception:
                logger.bind(call=fact.call_id).exception("A listener failed on {}", type(fact).__name__)

    def _is_ours(self, channel: e.Channel) -> bool:
        plan = channel.dialplan
        return plan.app_name == "Stasis" and plan.app_data.partition(",")[0] == self._app


def _args(channel: e.Channel) -> list[str]:
    """The arguments a channel came into Stasis with; they stay in its dialplan data."""
    return channel.dialplan.app_data.split(",")[1:]


def _talks(caller: str, world: World) -> bool:
    """Whether he is in a bridge with somebody else; as long as not both have answered it is early media."""
    bridge = world.bridge_of(caller)
    if bridge is None or bridge.bridge_type == "holding":
        return False
    channels = (world.channel(channel) for channel in bridge.channels)
    return sum(channel is not None and channel.state == "Up" for channel in channels) > 1
