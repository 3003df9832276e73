"""A call that was moved: what the client's history says of who talked with him."""

from __future__ import annotations

from datetime import UTC

import pytest

from b24client import Refused, UnknownOutcome
from stasis_app.calls.facts import TransferKind, TransferResult
from stasis_app.mirror.notes import WORDS, note
from stasis_app.store import DROPPED, REFUSED
from tests.unit.mirror.mirror_story import ANNA, BORIS, VERA, Story, told

NAMES = {ANNA: "Anna Orlova"}


def from_anna_to_boris(call: Story) -> Story:
    """Anna talks for 9 seconds, gives the call to a group, and Boris talks for 65."""
    call.comes_in().known_as(797, 11).wait(2).rings(ANNA).answers(ANNA).talks(ANNA).wait(9)
    call.transfers(ANNA, to="600").leaves(ANNA).wait(1).rings(BORIS).wait(3).answers(BORIS).talks(BORIS)
    return call.transfer_ends(ANNA, "600", TransferResult.COMPLETED, taken_by=BORIS).wait(65)


def text_of(happens, language="en") -> str | None:
    return note(told(happens), lambda extension: NAMES.get(extension, ""), language, UTC)


def test_everybody_who_talked_is_named_with_when_and_how_the_call_came_to_him():
    assert text_of(lambda call: from_anna_to_boris(call).ends()) == (
        "Who talked in this call (1773130778.1):\n"
        "11:19:40–11:19:49 Anna Orlova (101) talked (0:09)\n"
        "11:19:49 Anna Orlova (101) transferred the call to 600: taken by 102\n"
        "11:19:53–11:20:58 102 talked (1:05)"
    )


def test_the_same_in_russian():
    assert text_of(lambda call: from_anna_to_boris(call).ends(), "ru") == (
        "Кто говорил в этом звонке (1773130778.1):\n"
        "11:19:40–11:19:49 Anna Orlova (101): разговор (0:09)\n"
        "11:19:49 Anna Orlova (101): перевод на 600: принял(а) 102\n"
        "11:19:53–11:20:58 102: разговор (1:05)"
    )


def test_those_in_a_conference_are_all_named():
    def conference(call):
        call.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5)
        call.rings(BORIS).answers(BORIS).talks(BORIS).wait(5).leaves(ANNA).wait(5).ends()

    assert text_of(conference) == (
        "Who talked in this call (1773130778.1):\n"
        "11:19:38–11:19:48 Anna Orlova (101) talked (0:10)\n"
        "11:19:43–11:19:53 102 talked (0:10)"
    )


@pytest.mark.parametrize("result", [TransferResult.CANCELLED, TransferResult.REFUSED, TransferResult.UNANSWERED])
def test_a_transfer_that_came_to_nothing_is_told_as_well(result):
    def tried(call):
        call.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).transfers(ANNA, to=VERA)
        call.transfer_ends(ANNA, VERA, result).wait(5).ends()

    text = text_of(tried)
    assert text is not None
    assert f"11:19:43 Anna Orlova (101) transferred the call to 103: {WORDS['en'].results[result]}" in text


def test_a_transfer_the_end_of_the_call_overtook_is_told():
    def overtaken(call):
        call.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).transfers(
            ANNA, VERA, TransferKind.ATTENDED
        ).ends()

    assert (text_of(overtaken) or "").endswith("transferred the call to 103: the other side hung up first")


def test_there_is_nothing_to_tell_of_a_call_one_employee_took():
    assert text_of(lambda call: call.comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5).ends()) is None


@pytest.mark.parametrize("words", WORDS.values())
def test_every_language_has_a_word_for_each_result(words):
    assert set(words.results) == set(TransferResult)


async def test_the_note_is_written_to_the_client_after_everything_else(desk):
    from_anna_to_boris(desk.call()).is_recorded().ends()
    said = await desk.heard()

    assert said[-3:] == ["finish 12 200 74s", "attach talk.wav", "note on CONTACT 797"]
    assert "102 talked (1:05)" in desk.portal.notes[0].text


async def test_names_are_those_of_the_portal(desk):
    desk.office.names[BORIS] = "Boris Belov"
    from_anna_to_boris(desk.call()).ends()
    await desk.heard()

    assert "Boris Belov (102) talked" in desk.portal.notes[0].text


async def test_a_client_the_portal_found_or_made_by_itself_gets_the_note(desk):
    desk.portal.client = ("LEAD", 31)
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5)
    call.leaves(ANNA).rings(BORIS).answers(BORIS).talks(BORIS).wait(5).ends()
    await desk.heard()

    assert [one.entity for one in desk.portal.notes] == [("LEAD", 31)]


async def test_without_a_client_there_is_nowhere_to_write_it(desk):
    call = desk.call().comes_in().rings(ANNA).answers(ANNA).talks(ANNA).wait(5)
    call.leaves(ANNA).rings(BORIS).answers(BORIS).talks(BORIS).wait(5).ends()
    await desk.heard()

    assert desk.portal.notes == []
    assert desk.outbox.states("note") == [DROPPED]


async def test_a_note_whose_answer_was_lost_is_looked_for_and_not_written_again(desk):
    desk.portal.trouble["note"] = [UnknownOutcome("crm.timeline.comment.add", "", "the answer was lost")]
    from_anna_to_boris(desk.call()).ends()
    said = await desk.heard()

    assert said[-1] == "look whether it is noted"
    assert len(desk.portal.notes) == 1


async def test_a_restart_while_it_was_written_makes_no_second_one(desk):
    from_anna_to_boris(desk.call()).ends()
    await desk.portal.hears("note on CONTACT 797")
    await desk.restart()
    await desk.heard()

    assert len(desk.portal.notes) == 1


async def test_a_recording_that_comes_late_brings_no_second_note(desk):
    call = from_anna_to_boris(desk.call()).ends()
    await desk.heard()
    await desk.restart()
    call.listener = desk.mirror.on_fact
    call.is_recorded("late")

    assert (await desk.heard())[-1] == "attach late.wav"
    assert len(desk.portal.notes) == 1


async def test_a_note_the_portal_refuses_is_given_up(desk):
    desk.portal.trouble["note"] = [Refused("crm.timeline.comment.add", "OWNER_NOT_FOUND", "Owner not found")]
    from_anna_to_boris(desk.call()).ends()
    await desk.heard()

    assert desk.outbox.states("note") == [REFUSED]


async def test_whoever_wants_no_notes_gets_none(open_desk):
    desk = await open_desk(default_user=1, notes=False)
    from_anna_to_boris(desk.call()).ends()
    await desk.heard()

    assert desk.portal.notes == []
    assert desk.outbox.states("note") == []


async def test_calls_between_employees_are_about_no_client(open_desk):
    desk = await open_desk(default_user=1, internal_calls=True)
    call = desk.call().is_internal(ANNA, BORIS).rings(BORIS).answers(BORIS).talks(BORIS).wait(5)
    call.transfers(BORIS, VERA).transfer_ends(BORIS, VERA, TransferResult.UNANSWERED).wait(5).ends()
    await desk.heard()

    assert len(desk.portal.finished) == 1
    assert desk.outbox.states("note") == []
