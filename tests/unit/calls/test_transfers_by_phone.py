"""Transfers the phone itself asks for (REFER), told to us or carried out by an older server."""

import asyncio
from dataclasses import replace

import pytest
from transfers_office import ANNA, BORIS, VERA, Office, local_half

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import TransferResult
from stasis_app.calls.moves.parking import ParkingLot, ParkingOptions
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Office:
    return Office()


def referred(pbx: Office, source: str, to: str = "", second: str = "") -> None:
    refer_to = {"requested_destination": {"destination": to}}
    if second:
        refer_to["destination_channel"] = {"id": second}
    event = {"refer_to": refer_to, "referred_by": {"source_channel": {"id": source}}}
    pbx.tell(e.ChannelTransfer, **event)


async def test_a_blind_refer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    referred(pbx, anna, BORIS)
    await pbx.settled()
    assert ("tell_transferrer", anna, "channel_answered") in pbx.asked
    await pbx.answers(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert anna not in pbx.channels


async def test_a_refer_that_leads_nowhere_changes_nothing(pbx: Office) -> None:
    await pbx.talks_with_anna()
    referred(pbx, pbx.leg(ANNA), "999")
    await pbx.settled()

    assert ("tell_transferrer", pbx.leg(ANNA), "channel_declined") in pbx.asked
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.REFUSED]


async def anna_calls_boris(pbx: Office) -> None:
    async def rings_boris(call: Call) -> None:
        if (await call.ring([Target.extension(BORIS)], seconds=20)).answered_by:
            await call.talk()

    pbx.flow = rings_boris
    await pbx.arrives("internal", BORIS, channel="2.0", name="PJSIP/101-00000002", number=ANNA, state="Up")


async def test_an_attended_refer_brings_two_calls_together(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    boris = pbx.leg(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(2)

    assert pbx.bridges["1.0-bridge"] == ["1.0", boris]
    assert {anna, "2.0"} & set(pbx.channels) == set()
    assert [record.call_id for record in pbx.tracker.live()] == ["1.0"]
    await pbx.passes(20)
    await pbx.hangs_up(boris)
    talks = pbx.records["1.0"].talks
    assert [talk.party.number for talk in talks] == [ANNA, BORIS]
    assert pbx.records["1.0"].transfers[0].result is TransferResult.COMPLETED
    assert len([fact for fact in pbx.told(f.Ended) if fact.call_id == "2.0"]) == 1
    assert pbx.channels == {}
    assert not pbx.tracker.engaged(BORIS)


async def test_an_attended_refer_in_the_moment_of_the_colleagues_answer(pbx: Office) -> None:
    """The phone may transfer as soon as it hears that he has answered: he is not rung once more."""
    await pbx.talks_with_anna()
    await anna_calls_boris(pbx)
    pbx.hold("add_to_bridge")
    await pbx.answers(BORIS)
    boris = pbx.leg(BORIS)
    referred(pbx, pbx.leg(ANNA), BORIS, second="2.0")
    await pbx.settled()
    await pbx.let("add_to_bridge")
    await pbx.passes(2)

    assert pbx.bridges["1.0-bridge"] == ["1.0", boris]
    assert pbx.records["1.0"].transfers[0].result is TransferResult.COMPLETED


@pytest.mark.parametrize("answered", [True, False], ids=["talking", "ringing"])
async def test_the_phones_second_call_ends_after_the_phone_was_told(pbx: Office, answered: bool) -> None:
    """Asterisk looks at its channel when it tells the phone, and may crash when it is gone."""
    await pbx.talks_with_anna()
    await anna_calls_boris(pbx)
    await (pbx.answers if answered else pbx.rings)(BORIS)
    pbx.hold("tell_transferrer")
    referred(pbx, pbx.leg(ANNA), BORIS, second="2.0")
    await pbx.passes(0.5)
    assert {pbx.leg(ANNA), "2.0"} <= set(pbx.channels)

    await pbx.let("tell_transferrer")
    await pbx.passes(1.5)
    assert "2.0" not in pbx.channels


async def test_an_attended_refer_is_on_disk_before_the_phone_is_told(pbx: Office) -> None:
    """It hangs up then. Killed in that moment, the service would find the customer alone and hang up on him."""
    written = asyncio.Event()

    async def on_disk() -> None:
        await written.wait()

    await pbx.talks_with_anna()
    anna, pbx.call.options = pbx.leg(ANNA), replace(pbx.call.options, on_disk=on_disk)
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.settled()
    assert pbx.leg(BORIS) in pbx.bridges["1.0-bridge"]
    assert ("tell_transferrer", anna, "channel_answered") not in pbx.asked

    written.set()
    await pbx.settled()
    assert ("tell_transferrer", anna, "channel_answered") in pbx.asked


async def test_an_attended_refer_when_nobody_is_in_the_second_call_is_refused(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.arrives("internal", "999", channel="2.0", name="PJSIP/101-00000002", number=ANNA, state="Up")
    referred(pbx, anna, "999", second="2.0")
    await pbx.settled()

    assert ("tell_transferrer", anna, "channel_declined") in pbx.asked
    assert pbx.bridges["1.0-bridge"] == ["1.0", anna]


async def test_a_colleague_who_went_over_is_not_hung_up_by_the_call_he_left(pbx: Office) -> None:
    """The reply to the request that rang him comes last of all."""
    await pbx.talks_with_anna()
    anna, replies, do = pbx.leg(ANNA), asyncio.Event(), pbx.originate

    async def originate(channel: str, endpoint: str, **options: object) -> None:
        await do(channel, endpoint, **options)
        await replies.wait()

    pbx.originate = originate  # type: ignore[method-assign]
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(2)
    replies.set()
    await pbx.settled()

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg(BORIS)]


async def test_an_attended_refer_while_the_colleague_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.rings(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(1)
    await pbx.answers(BORIS)

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg(BORIS)]
    assert pbx.plan.story == ["102 took it"]


async def test_an_attended_refer_while_whom_the_colleague_named_rings(pbx: Office) -> None:
    """Boris sent Anna on to Vera, so that is where the customer goes."""
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    referred(pbx, pbx.leg(BORIS), VERA)
    await pbx.passes(2)
    await pbx.rings(VERA)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(2)
    await pbx.answers(VERA)

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg(VERA)]
    assert BORIS not in pbx.phones_ringing_or_up()


async def test_an_attended_refer_when_the_colleague_has_parked_the_second_call(pbx: Office) -> None:
    lot = ParkingLot(ParkingOptions(("701", "702")), calls=pbx.tracker.live)
    pbx.plan.lot = lot
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    second = pbx.tracker.get("2.0")
    assert second is not None
    assert lot.park(second, BORIS).slot == "701"
    await pbx.passes(1)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(3)

    parked = pbx.records["1.0"].parked
    assert parked is not None
    assert (parked.slot, parked.party.number) == ("701", ANNA)
    assert set(pbx.channels) == {"1.0"}


@pytest.mark.parametrize("who", [ANNA, BORIS])
@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
async def test_while_anna_asks_boris_their_phones_are_refused(pbx: Office, who: str, attended: bool) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    asking = pbx.leg(who)
    if attended:

        async def rings_vera(call: Call) -> None:
            if (await call.ring([Target.extension(VERA)], seconds=20)).answered_by:
                await call.talk()

        pbx.flow = rings_vera
        await pbx.arrives("internal", VERA, channel="2.0", name=f"PJSIP/{who}-00000002", number=who, state="Up")
        await pbx.answers(VERA)
    referred(pbx, asking, VERA, second="2.0" if attended else "")
    await pbx.passes(3)

    assert ("tell_transferrer", asking, "channel_declined") in pbx.asked
    assert pbx.bridges["1.0-bridge"] == ["1.0"]
    assert pbx.bridges["1.0-bridge-consult"] == [pbx.leg(ANNA), pbx.leg(BORIS)]
    assert (VERA in pbx.phones_ringing_or_up()) is attended


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("second_first", [False, True])
async def test_an_older_server_carries_out_a_blind_refer_that_leads_back_to_us(
    pbx: Office, second_first: bool, apart: bool
) -> None:
    """Whichever half comes first, and whether its events come together or one by one."""
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    if second_first:
        await local_half(pbx, 2, "internal", BORIS, apart=apart)
    await local_half(pbx, 1, replaces=anna, apart=apart)
    if not second_first:
        await local_half(pbx, 2, "internal", BORIS)
    pbx.tell(e.BridgeBlindTransfer, channel=pbx.channels[anna], exten=BORIS, result="Success")
    await pbx.passes(2)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert {anna, "9.1", "9.2"} & set(pbx.channels) == set()
    assert [record.call_id for record in pbx.tracker.live()] == ["1.0"]
    assert [transfer.to for transfer in pbx.the_record.transfers] == [BORIS]
