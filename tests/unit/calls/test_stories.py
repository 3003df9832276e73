"""Streams recorded on a real Asterisk 22.10, replayed: who rang, who talked, how it ended."""

from pathlib import Path

import pytest

from stasis_app.calls import facts as f
from stasis_app.calls.facts import EndedBy, PartyKind, Unanswered
from stasis_app.calls.record import CallRecord
from stasis_app.calls.replay import Story, replay

STREAMS = Path(__file__).parents[2] / "fixtures" / "ari"


def story_of(name: str) -> Story:
    (story,) = replay(STREAMS / f"{name}.jsonl")
    return story


def tried(record: CallRecord) -> dict[str, Unanswered | None]:
    return {ring.party.number: ring.why for ring in record.rings}


def test_two_phones_answer_in_the_same_instant_and_one_talks() -> None:
    story = story_of("two_phones_answer_at_once")

    assert [talk.party.number for talk in story.record.talks] == ["102"]
    assert tried(story.record) == {"101": Unanswered.ANSWERED_ELSEWHERE, "102": None, "103": None}
    assert {fact.party.number for fact in story.facts if isinstance(fact, f.Answered)} == {"102", "103", "79161234567"}
    assert story.record.ended_by is EndedBy.CUSTOMER
    assert round(story.record.talk_seconds) == 2


def test_the_key_pressed_in_the_menu_leads_past_a_silent_phone_to_one_that_answers() -> None:
    story = story_of("menu_then_in_turn")

    assert [fact.digit for fact in story.facts if isinstance(fact, f.Pressed)] == ["2"]
    assert tried(story.record) == {"104": Unanswered.NO_ANSWER, "102": None}
    assert story.record.rings[1].dialled_at > (story.record.rings[0].ended_at or story.record.started_at)
    assert [recorded.format for recorded in story.record.recordings] == ["wav"]


def test_a_declined_call_keeps_its_sip_status() -> None:
    (ring,) = story_of("declined").record.rings

    assert (ring.why, ring.cause, ring.tech_cause) == (Unanswered.DECLINED, 21, 603)
    assert ring.ringing_at is not None


def test_a_phone_that_is_not_registered_never_rings() -> None:
    (ring,) = story_of("not_registered").record.rings

    assert ring.why is Unanswered.UNREACHABLE
    assert ring.ringing_at is None


def test_a_caller_who_gives_up_in_the_menu_ends_the_call_himself() -> None:
    record = story_of("gives_up_in_the_menu").record

    assert record.ended_by is EndedBy.CUSTOMER
    assert not record.rings
    assert not record.answered


def test_when_the_caller_gives_up_all_phones_fall_silent() -> None:
    story = story_of("gives_up_while_ringing")

    assert set(tried(story.record).values()) == {Unanswered.CANCELLED}
    assert (story.record.cause, story.record.tech_cause) == (127, 487)
    assert story.state.spent


def test_a_call_handed_over_is_followed_into_the_dialplan() -> None:
    story = story_of("handed_over")

    assert story.record.handed_over_to == "stasis-fallback-inbound,s,1"
    assert [talk.party.number for talk in story.record.talks] == ["102"]
    assert story.record.ended_by is EndedBy.DIALPLAN
    assert story.state.spent


def test_an_outbound_call_is_the_employees_who_dialled() -> None:
    record = story_of("outbound_answered").record

    assert (record.caller.kind, record.caller.number) == (PartyKind.EMPLOYEE, "101")
    assert record.customer_number == "79990001122"
    assert [talk.party.number for talk in record.talks] == ["101"]
    assert round(record.talk_seconds) == 2


@pytest.mark.parametrize(
    ("stream", "why", "tech_cause", "by"),
    [
        ("outbound_busy", Unanswered.BUSY, 486, EndedBy.SERVICE),
        ("outbound_not_answered", Unanswered.NO_ANSWER, 480, EndedBy.SERVICE),
        ("outbound_given_up", Unanswered.CANCELLED, None, EndedBy.EMPLOYEE),
    ],
)
def test_an_outbound_call_that_comes_to_nothing_says_why(
    stream: str, why: Unanswered, tech_cause: int | None, by: EndedBy
) -> None:
    record = story_of(stream).record

    (ring,) = record.rings
    assert (ring.why, ring.tech_cause, record.ended_by) == (why, tech_cause, by)
    assert not record.answered


@pytest.mark.parametrize("stream", sorted(path.stem for path in STREAMS.glob("*.jsonl")))
def test_every_story_has_one_beginning_and_one_end(stream: str) -> None:
    story = story_of(stream)

    assert isinstance(story.facts[0], f.Started)
    after_the_end = story.facts[[isinstance(fact, f.Ended) for fact in story.facts].index(True) + 1 :]
    assert all(isinstance(fact, f.Recorded) for fact in after_the_end)
    assert not story.record.in_bridge
    assert all(talk.ended_at for talk in story.record.talks)
    assert len(story.lines()) == len(story.facts)
