"""The model under anything in any order, twice, or not at all: whatever happens, the record of the call is one."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import calls_any as some
from calls_any import ANNA, BORIS, CALL, CALLER, CUSTOMER, LEGS, START
from hypothesis import given, settings
from hypothesis import strategies as st

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model
from stasis_app.calls.facts import Direction, Party, PartyKind
from stasis_app.calls.record import CallRecord, after, begin
from stasis_app.calls.restore import restored_state
from stasis_app.calls.state import CallState
from stasis_app.calls.wire import record_from_json, record_text
from stasis_app.mirror.outcome import outcome
from stasis_app.mirror.people import cards, concerned, credited_to
from tests.unit.mirror.mirror_story import Office

RECORDING = (f.RecordingStarted, f.Recorded, f.RecordingFailed, f.RecordingDiscarded)

callers = {
    Direction.INBOUND: CUSTOMER,
    Direction.OUTBOUND: ANNA,
    Direction.INTERNAL: BORIS,
}


class Told:
    """A call as it is told, fact by fact; everything that must hold is looked at after each."""

    def __init__(self, direction: Direction) -> None:
        channel = e.Channel(id=CALLER, state="Ring")
        self.state, facts = model.start(CALL, channel, direction, callers[direction], START)
        started = facts[0]
        assert isinstance(started, f.Started)
        self.record = begin(started)
        self.facts = list(facts)

    def happens(self, *happenings: e.Event | i.Intent) -> Told:
        for one in happenings:
            self.state, facts = model.apply(self.state, one)
            for fact in facts:
                self._hear(fact)
            self._holds()
        return self

    def everybody_goes(self, when: datetime) -> Told:
        """Every channel ends, the anchor's last of all."""
        ids = sorted(self.state.legs, key=lambda leg: leg == self.state.anchor_leg)
        for leg in ids:
            self.happens(e.ChannelDestroyed(timestamp=when, channel=e.Channel(id=leg), cause=16))
        return self

    def _hear(self, fact: f.Fact) -> None:
        assert fact.call_id == CALL
        if any(isinstance(before, f.Ended) for before in self.facts):
            assert isinstance(fact, RECORDING), f"{fact} after the end"
        self.facts.append(fact)
        self.record = after(self.record, fact)
        if self.record.ended_at is not None:
            assert concerned(self.record) == ()
            assert cards(self.record, Office()) == (frozenset(), ())

    def _holds(self) -> None:
        ends = sum(isinstance(fact, f.Ended) for fact in self.facts)
        assert self.state.ended is (ends == 1)
        assert ends <= 1
        open_talks = [talk.leg for talk in self.record.talking_now]
        assert len(open_talks) == len(set(open_talks)), "somebody talks twice at the same time"
        assert set(open_talks) <= set(self.record.in_bridge)
        if self.state.ended:
            assert_over(self.record)
        else:
            assert {leg.id for leg in self.state.legs.values() if leg.joined} == set(self.record.in_bridge)


def assert_over(record: CallRecord) -> None:
    """Nothing of an ended call is still going on, and it can be told to the portal."""
    assert record.ended_at is not None
    assert not record.talking_now
    assert not record.ringing_now
    assert not record.in_bridge
    assert record.transfer_now is None
    assert all(ring.ended_at or ring.answered_at for ring in record.rings)
    assert record.talk_seconds >= 0
    assert outcome(record).seconds >= 0
    credited_to(record, Office(), 1)


directions = st.sampled_from(list(Direction))


@settings(max_examples=400, deadline=None)
@given(directions, some.stories(honest_clock=False))
def test_no_order_of_events_breaks_a_call(direction: Direction, story: list[e.Event | i.Intent]) -> None:
    Told(direction).happens(*story)


@settings(max_examples=300, deadline=None)
@given(directions, some.stories(honest_clock=True))
def test_every_call_ends_when_all_channels_do_and_nobody_talks_twice_at_once(
    direction: Direction, story: list[e.Event | i.Intent]
) -> None:
    last = some.time_of(story[-1]) if story else START
    told = Told(direction).happens(*story).everybody_goes(last + timedelta(seconds=1))

    assert told.state.ended
    for leg in {talk.leg for talk in told.record.talks}:
        mine = [talk for talk in told.record.talks if talk.leg == leg]
        assert all(talk.ended_at is not None and talk.ended_at >= talk.began_at for talk in mine)
        assert all(one.ended_at <= other.began_at for one, other in pairwise(mine) if one.ended_at)


@settings(max_examples=150, deadline=None)
@given(directions, some.stories(honest_clock=True))
def test_any_record_survives_the_disk_and_a_restart(direction: Direction, story: list[e.Event | i.Intent]) -> None:
    told = Told(direction).happens(*story)

    read = record_from_json(record_text(told.record))
    assert read == told.record
    if not told.state.ended:
        told.state, told.record = restored_state(read), read
        told.everybody_goes(START + timedelta(days=1))
        assert told.state.ended


def test_every_event_and_intent_is_tried() -> None:
    tried = {kind.__name__ for kind in (*some.classes(e.Event), *some.classes(i.Intent))}

    assert {"ChannelDestroyed", "ChannelTransfer", "Anchoring", "Noted", "Dialling"} <= tried
    assert {type(kind).__name__ for kind in model._TRANSITIONS if kind.__name__ not in tried} == set()


@given(st.permutations(range(6)))
def test_facts_carry_the_times_of_their_events_and_not_our_own(order: list[int]) -> None:
    state: CallState = Told(Direction.INBOUND).state
    state, _ = model.apply(state, i.Dialling(START, LEGS[0], Party(PartyKind.EMPLOYEE, "101")))
    times = [START + timedelta(seconds=second) for second in order]
    kinds = ("Ringing", "Up", "Up", "Ringing", "Up", "Up")
    for time, channel_state in zip(times, kinds, strict=True):
        change = e.ChannelStateChange(timestamp=time, channel=e.Channel(id=LEGS[0], state=channel_state))
        state, facts = model.apply(state, change)
        assert all(fact.at == time for fact in facts)


def test_a_phone_that_rings_in_vain_rings_no_longer_even_if_the_call_lives_for_it() -> None:
    phone = e.Channel(id=LEGS[0], state="Ringing")
    told = Told(Direction.OUTBOUND).happens(
        i.Dialling(START, LEGS[0], CUSTOMER),
        e.ChannelStateChange(timestamp=START, channel=phone),
        i.Anchoring(START, LEGS[0]),
        e.ChannelDestroyed(timestamp=START, channel=phone, cause=19),
    )

    assert [(ring.why, ring.cause) for ring in told.record.rings] == [(f.Unanswered.NO_ANSWER, 19)]
    assert told.record.ended_at == START
