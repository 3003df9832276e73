"""Transfers that are under way when the service is restarted."""

import pytest
from transfers_office import ANNA, BORIS, TO_BORIS, VERA, Office, restarted

from stasis_app.calls.call import Call
from stasis_app.calls.facts import TransferResult
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.verbs import Target

CLIENT = "79161112233"


@pytest.fixture
async def pbx() -> Office:
    return Office()


async def test_a_consultation_goes_on_after_a_restart(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx = await restarted(pbx)
    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_a_colleague_who_rang_before_the_restart_is_asked_after_it(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(BORIS)
    await pbx.passes(1)
    assert {ANNA, BORIS} in pbx.together()
    await pbx.orders(Happening.CANCEL)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]


async def test_who_transferred_left_while_the_service_was_away(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx.lose_events()
    await pbx.hangs_up(pbx.leg(ANNA))
    pbx = await restarted(pbx)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]


async def test_a_blind_transfer_rings_on_after_a_restart(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_gives_to_boris()
    await pbx.rings(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.plan.story == ["102 took it"]


async def test_who_was_between_two_bridges_at_the_restart_is_back_with_the_customer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    assert pbx.together() == [{"customer"}]
    pbx = await restarted(pbx)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("stop_music", "1.0") in pbx.asked


async def test_whom_he_forwards_to_is_found_after_a_restart(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.declines(BORIS)
    await pbx.rings(VERA)
    pbx = await restarted(pbx)
    await pbx.answers(VERA)
    await pbx.passes(1)

    assert {ANNA, VERA} in pbx.together()


async def test_a_client_who_was_dialled_and_waits_for_somebody_is_not_taken_for_one_who_talks(pbx: Office) -> None:
    async def dials(call: Call) -> None:
        if (await call.ring([Target.outside(CLIENT)], seconds=30)).answered_by:
            await call.talk()

    pbx.flow = dials
    await pbx.arrives("outbound", CLIENT, name="PJSIP/101-00000001", number=ANNA)
    await pbx.answers(CLIENT)
    pbx.call.spawn(give_away(pbx.call, "1.0", TO_BORIS))
    await pbx.settled()
    await pbx.declines(BORIS)
    assert pbx.plan.story == ["back to 101"]
    pbx = await restarted(pbx)
    await pbx.passes(10)

    assert pbx.leg(CLIENT) in pbx.channels
    await pbx.answers(ANNA)  # the flow began anew
    assert pbx.together() == [{CLIENT, ANNA}]


async def test_the_transferrer_had_left_and_the_colleague_rings_on_after_a_restart(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up(pbx.leg(ANNA))
    pbx = await restarted(pbx)
    await pbx.passes(10)
    await pbx.answers(BORIS)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_killed_in_the_moment_the_colleague_is_given_the_customer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx.hold("add_to_bridge")
    await pbx.hangs_up(pbx.leg(ANNA))
    pbx = await restarted(pbx)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_the_transferrer_had_left_and_the_colleague_declines_while_the_service_is_away(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up(pbx.leg(ANNA))
    pbx.lose_events()
    await pbx.declines(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


async def test_killed_in_the_moment_the_colleague_had_declined_who_transferred_having_left(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    pbx.hold("stop_music")
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.declines(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]
