"""Given away at once: who talks with the customer then, and whom the call is credited to."""

import asyncio
from dataclasses import replace

import pytest
from transfers_office import ANNA, BORIS, TO_BORIS, Office

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Direction, EndedBy
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Office:
    return Office()


async def test_a_blind_transfer_goes_on_without_the_transferrer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.anna_gives_to_boris()
    assert anna not in pbx.channels
    await pbx.rings(BORIS)
    await pbx.passes(3)
    await pbx.answers(BORIS)
    assert pbx.together() == [{"customer", BORIS}]
    await pbx.passes(20)
    await pbx.hangs_up("1.0")

    assert pbx.talked() == [(ANNA, 10), (BORIS, 20)]
    assert pbx.plan.story == ["102 took it"]
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert len(pbx.told(f.Ended)) == 1
    assert pbx.tracker.live() == []


async def test_nobody_takes_it_and_it_comes_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_gives_to_boris()
    await pbx.rings(BORIS)
    await pbx.declines(BORIS)
    await pbx.answers(ANNA)
    assert pbx.together() == [{"customer", ANNA}]
    await pbx.passes(5)
    await pbx.hangs_up(pbx.leg(ANNA))

    assert pbx.plan.story == ["back to 101"]
    assert pbx.talked() == [(ANNA, 10), (ANNA, 5)]
    assert pbx.channels == {}


async def test_the_customer_gives_up_while_it_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_gives_to_boris()
    await pbx.rings(BORIS)
    await pbx.hangs_up("1.0")

    assert pbx.channels == {}
    assert pbx.talked() == [(ANNA, 10)]
    assert pbx.tracker.live() == []


async def test_an_employee_who_placed_the_call_gives_it_away(pbx: Office) -> None:
    async def dials(call: Call) -> None:
        if (await call.ring([Target.outside("79161112233")], seconds=30)).answered_by:
            await call.talk()

    pbx.flow = dials
    await pbx.arrives("outbound", "79161112233", name="PJSIP/101-00000001", number=ANNA)
    await pbx.answers("79161112233")
    await pbx.passes(10)
    pbx.call.spawn(give_away(pbx.call, "1.0", TO_BORIS))
    await pbx.settled()
    assert "1.0" not in pbx.channels
    assert not pbx.told(f.Ended)
    assert ("originate", pbx.leg(BORIS), f"PJSIP/{BORIS}", '"79161112233" <79161112233>') in pbx.asked
    await pbx.rings(BORIS)
    assert ("ring", pbx.leg("79161112233")) in pbx.asked
    await pbx.answers(BORIS)
    await pbx.passes(7)
    await pbx.hangs_up(pbx.leg("79161112233"))

    assert pbx.the_record.direction is Direction.OUTBOUND
    assert pbx.talked() == [(ANNA, 10), (BORIS, 7)]
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert len(pbx.told(f.Ended)) == 1


async def test_a_transfer_is_on_disk_before_the_transferrer_is_let_go(pbx: Office) -> None:
    """Killed in that moment, the service would find the customer alone and hang up on him."""
    written = asyncio.Event()

    async def on_disk() -> None:
        await written.wait()

    await pbx.talks_with_anna()
    anna, pbx.call.options = pbx.leg(ANNA), replace(pbx.call.options, on_disk=on_disk)
    pbx.call.spawn(give_away(pbx.call, anna, TO_BORIS))
    await pbx.settled()
    assert pbx.together() == [{"customer", ANNA}]

    written.set()
    await pbx.settled()
    await pbx.answers(BORIS)
    assert pbx.together() == [{"customer", BORIS}]


async def test_a_pause_of_the_recording_holds_through_a_transfer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.recording.start()
    await pbx.settled()
    await pbx.call.recording.pause()
    await pbx.anna_gives_to_boris()
    await pbx.answers(BORIS)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.the_record.recording_paused
    assert pbx.muted == set(pbx.recordings) == {pbx.the_record.recording}
