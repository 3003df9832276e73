"""Transfers, and what else an employee's keys do in a conversation."""

import pytest
from transfers_office import ANNA, BORIS, VERA, Office

from stasis_app.calls import facts as f
from stasis_app.calls.moves import conference
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Office:
    return Office()


async def test_anna_presses_the_codes(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("*", "2", channel=anna)
    await pbx.presses("1", "0", "2", "#", channel=anna)
    await pbx.answers(BORIS)
    assert {ANNA, BORIS} in pbx.together()
    await pbx.presses("*", "3", channel=anna)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", ANNA, BORIS}]
    assert not pbx.told(f.Pressed)


async def test_anna_transfers_blindly_by_keys(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses("1", "0", "2", channel=anna)
    await pbx.passes(4)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert anna not in pbx.channels


async def test_anna_pauses_the_recording_by_keys_and_goes_on(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.recording.start()
    await pbx.settled()
    anna = pbx.leg(ANNA)
    await pbx.presses("*", "5", channel=anna)
    await pbx.settled()
    assert pbx.the_record.recording_paused
    assert pbx.muted == {pbx.the_record.recording}
    assert pbx.asked.count(("play", anna, "sound:beep")) == 1

    await pbx.presses("*", "5", channel=anna)
    await pbx.settled()
    assert not pbx.the_record.recording_paused
    assert pbx.muted == set()
    assert pbx.asked.count(("play", anna, "sound:beep")) == 3
    assert pbx.together() == [{"customer", ANNA}]


async def test_what_is_not_recorded_is_not_paused(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.presses("*", "5", channel=pbx.leg(ANNA))
    await pbx.settled()

    assert not pbx.the_record.recording_paused


async def test_a_number_that_leads_nowhere_brings_her_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses("9", "9", "#", channel=anna)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("play", anna, "sound:pbx-invalid") in pbx.asked


async def test_keys_that_come_slowly_are_no_code_and_the_customers_are_none(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.presses("#", channel=pbx.leg(ANNA))
    await pbx.passes(3)
    await pbx.presses("#", channel=pbx.leg(ANNA))
    await pbx.presses("#", "#", channel="1.0")

    assert pbx.together() == [{"customer", ANNA}]


@pytest.mark.parametrize("who", [ANNA, BORIS])
async def test_while_anna_asks_boris_neither_of_them_gives_the_call_away(pbx: Office, who: str) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.presses("#", "#", channel=pbx.leg(who))
    await pbx.presses(*VERA, "#", channel=pbx.leg(who))
    await pbx.passes(3)

    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    assert VERA not in pbx.phones_ringing_or_up()


async def test_out_of_a_conference_the_others_talk_on_while_she_dials(pbx: Office) -> None:
    await pbx.talks_with_anna()
    conference.invite(pbx.call, Target.extension(BORIS))
    await pbx.settled()
    await pbx.answers(BORIS)
    await pbx.presses("*", "2", channel=pbx.leg(ANNA))

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.music == set()
