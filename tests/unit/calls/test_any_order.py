"""The model under events in any order, twice, or not at all: never an exception, never two ends."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model
from stasis_app.calls.facts import Direction, Party, PartyKind, Unanswered
from stasis_app.calls.record import after, begin
from stasis_app.calls.state import CallState

START = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
CALLER, LEGS = "1.0", ("1.0-a", "1.0-b")
STATES = ("Down", "Ring", "Ringing", "Up")

channels = st.builds(e.Channel, id=st.sampled_from((CALLER, *LEGS, "stranger")), state=st.sampled_from(STATES))
bridges = st.builds(e.Bridge, id=st.sampled_from(("1.0-bridge", "elsewhere")))
recordings = st.builds(e.Recording, name=st.just("1.0-1"), format=st.just("wav"), duration=st.integers(0, 5))
causes = st.sampled_from((0, 16, 17, 19, 21, 26, 32, 127))


def at(kind: type, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.builds(kind, timestamp=st.just(START), **fields)


happenings = st.one_of(
    at(e.StasisStart, channel=channels),
    at(e.StasisEnd, channel=channels),
    at(e.ChannelStateChange, channel=channels),
    at(e.ChannelDestroyed, channel=channels, cause=causes, tech_cause=st.sampled_from((None, 480, 486, 603))),
    at(e.ChannelHangupRequest, channel=channels, cause=causes, soft=st.booleans()),
    at(e.Dial, peer=channels, dialstatus=st.sampled_from(("", "RINGING", "PROGRESS", "ANSWER", "BUSY", "CANCEL"))),
    at(e.ChannelEnteredBridge, channel=channels, bridge=bridges),
    at(e.ChannelLeftBridge, channel=channels, bridge=bridges),
    at(e.ChannelDtmfReceived, channel=channels, digit=st.sampled_from("019*#")),
    at(e.ChannelHold, channel=channels),
    at(e.ChannelUnhold, channel=channels),
    at(e.RecordingStarted, recording=recordings),
    at(e.RecordingFinished, recording=recordings),
    at(e.RecordingFailed, recording=recordings),
    st.builds(
        i.Dialling, at=st.just(START), leg=st.sampled_from(LEGS), party=st.just(Party(PartyKind.EMPLOYEE, "101"))
    ),
    st.builds(i.DialFailed, at=st.just(START), leg=st.sampled_from(LEGS)),
    st.builds(i.Releasing, at=st.just(START), leg=st.sampled_from(LEGS), why=st.sampled_from(list(Unanswered))),
    st.builds(i.HandingOver, at=st.just(START), to=st.just("a,b,1"), watched=st.booleans()),
    st.builds(i.HangingUp, at=st.just(START)),
)


def new_call() -> tuple[CallState, list[f.Fact]]:
    channel = e.Channel(id=CALLER, state="Ring")
    return model.start(CALLER, channel, Direction.INBOUND, Party(PartyKind.CUSTOMER, "79161234567"), START)


@settings(max_examples=400, deadline=None)
@given(st.lists(happenings, max_size=40))
def test_no_order_of_events_breaks_a_call(events: list[e.Event | i.Intent]) -> None:
    state, facts = new_call()
    started = facts[0]
    assert isinstance(started, f.Started)
    record = begin(started)
    ends = 0
    for event in events:
        state, more = model.apply(state, event)
        for fact in more:
            assert not ends or isinstance(fact, f.Recorded | f.RecordingStarted | f.RecordingFailed)
            ends += isinstance(fact, f.Ended)
            record = after(record, fact)
        assert record.talk_seconds >= 0
    assert ends <= 1
    assert state.ended is bool(ends)
    if ends:
        assert not record.talking_now
        assert not record.ringing_now
        assert all(ring.ended_at or ring.answered_at for ring in record.rings)


@given(st.permutations(range(6)))
def test_facts_carry_the_times_of_their_events_and_not_our_own(order: list[int]) -> None:
    state, _ = new_call()
    state, _ = model.apply(state, i.Dialling(START, LEGS[0], Party(PartyKind.EMPLOYEE, "101")))
    times = [START + timedelta(seconds=second) for second in order]
    kinds = ("Ringing", "Up", "Up", "Ringing", "Up", "Up")
    for time, channel_state in zip(times, kinds, strict=True):
        change = e.ChannelStateChange(timestamp=time, channel=e.Channel(id=LEGS[0], state=channel_state))
        state, facts = model.apply(state, change)
        assert all(fact.at == time for fact in facts)
