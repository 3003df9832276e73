"""Parked calls: taken by whoever dials the slot, rung back when the time is over, and still waiting after a restart."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from calls_fakes import Exchange

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Party
from stasis_app.calls.moves import ImpossibleMove, pickup
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.parking import ParkingLot, ParkingOptions
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target

SLOTS = ("701", "702")


class Office:
    """Calls from outside ring 101; dialled slots are taken; what nobody takes goes to the plan, which rings 105."""

    def __init__(self, pbx: Exchange) -> None:
        self.pbx = pbx
        self.lot = ParkingLot(ParkingOptions(SLOTS), calls=lambda: pbx.tracker.live())

    async def flow(self, call: Call) -> None:
        if self.lot.is_slot(call.record.dialled):
            parked = self.lot.in_slot(call.record.dialled)
            waiting = self.pbx.tracker.get(parked.call_id) if parked else None
            if waiting is not None:
                await pickup.take_parked(call, waiting)
            return
        number = call.record.dialled or "101"
        target = Target.outside(number) if call.record.dialled else Target.extension(number)
        if (await call.ring([target], seconds=20)).answered_by:
            await call.talk()

    async def resume(self, call: Call) -> None:
        await (self.lot.keep(call) if call.record.parked else self.flow(call))

    def find(self, to: str) -> Destination | None:
        return None

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        raise NotImplementedError

    async def bring_back(self, call: Call, by: Party) -> None:
        for number in (by.number, "105"):
            if (await call.ring([Target.extension(number)], seconds=20)).answered_by:
                await call.talk()

    def tracker(self) -> Tracker:
        pbx = self.pbx
        return Tracker(
            pbx,
            pbx.call_options,
            pbx._run,
            [pbx._told],
            "stasis-app",
            resume=self.resume,
            destinations=self,
            unlisted=lambda entry: self.lot.is_slot(entry.dialled),
        )


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


@pytest.fixture
async def office(pbx: Exchange) -> Office:
    """A customer talks with 101."""
    office = Office(pbx)
    pbx.tracker, pbx.flow = office.tracker(), office.flow
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.answers("101")
    return office


async def dials(pbx: Exchange, extension: str, number: str, channel: str = "9.0") -> None:
    await pbx.arrives("internal", number, channel=channel, name=f"PJSIP/{extension}-0000000f", number=extension)


async def test_the_customer_waits_with_music_and_whoever_parked_him_is_free(pbx: Exchange, office: Office) -> None:
    parked = office.lot.park(pbx.call, "101")
    await pbx.settled()

    assert parked.slot == "701"
    assert pbx.music == {"1.0"}
    assert pbx.phones_ringing_or_up() == {"trunk"}
    assert pbx.bridges == {"1.0-bridge": []}
    assert not pbx.tracker.engaged("101")


async def test_a_parked_call_is_on_disk_before_who_parked_it_is_let_go(pbx: Exchange, office: Office) -> None:
    """Killed in that moment, the service would find the customer alone and hang up on him."""
    written = asyncio.Event()

    async def on_disk() -> None:
        await written.wait()

    pbx.call.options = replace(pbx.call.options, on_disk=on_disk)
    office.lot.park(pbx.call, "101")
    await pbx.settled()
    assert len(pbx.phones_ringing_or_up()) == 2

    written.set()
    await pbx.settled()
    assert pbx.phones_ringing_or_up() == {"trunk"}


async def test_a_colleague_dials_the_slot_and_talks(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()

    await dials(pbx, "103", "701")

    assert pbx.bridges == {"1.0-bridge": ["1.0", "9.0"]}
    assert pbx.music == set()
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "103"]
    (unparked,) = pbx.told(f.Unparked)
    assert (unparked.slot, unparked.by.number) == ("701", "103")
    assert office.lot.in_slot("701") is None

    await pbx.hangs_up("1.0")
    assert pbx.channels == {}
    assert pbx.the_record.ended_by == "customer"


async def dials_the_slot_in_the_last_moment(pbx: Exchange, office: Office) -> None:
    """103 dials it half a second before the time is over, and is not answered until after."""
    office.lot.park(pbx.call, "101")
    await pbx.passes(59.5)
    pbx.hold("answer")
    await dials(pbx, "103", "701")
    await pbx.passes(1)


async def test_who_dials_the_slot_in_the_last_moment_and_is_answered_after_it_talks(
    pbx: Exchange, office: Office
) -> None:
    await dials_the_slot_in_the_last_moment(pbx, office)

    await pbx.let("answer")

    assert pbx.bridges == {"1.0-bridge": ["1.0", "9.0"]}
    assert pbx.phones_ringing_or_up() == {"trunk", "103"}


async def test_who_dials_the_slot_in_the_last_moment_and_thinks_better_of_it_leaves_it_to_who_parked(
    pbx: Exchange, office: Office
) -> None:
    await dials_the_slot_in_the_last_moment(pbx, office)

    await pbx.hangs_up("9.0")
    await pbx.rings("101")
    await pbx.answers("101")

    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}


async def test_who_dials_an_empty_slot_gets_nobody(pbx: Exchange, office: Office) -> None:
    await dials(pbx, "103", "702")

    assert pbx.phones_ringing_or_up() == {"trunk", "101"}


async def test_two_calls_get_two_slots_and_a_third_none(pbx: Exchange, office: Office) -> None:
    pbx.flow = office.flow
    calls = [pbx.call]
    for channel in ("2.0", "3.0"):
        await pbx.customer_calls(channel)
        await pbx.rings("101")
        await pbx.answers("101")
        call = pbx.tracker.get(channel)
        assert call is not None
        calls.append(call)

    assert [office.lot.park(call, "101").slot for call in calls[:2]] == ["701", "702"]
    with pytest.raises(ImpossibleMove, match="every parking slot is taken"):
        office.lot.park(calls[2], "101")


@pytest.mark.parametrize(("slot", "why"), [("799", "no parking slot"), ("", "")])
async def test_a_slot_may_be_named_if_there_is_such_a_one(pbx: Exchange, office: Office, slot: str, why: str) -> None:
    if not why:
        assert office.lot.park(pbx.call, "101", "702").slot == "702"
        return
    with pytest.raises(ImpossibleMove, match=why):
        office.lot.park(pbx.call, "101", slot)


async def test_the_time_is_over_and_who_parked_the_call_has_it_back(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()
    await pbx.passes(61)
    await pbx.rings("101")
    assert pbx.music == set()

    await pbx.answers("101")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "101"]
    assert pbx.told(f.Unparked)[0].by is None


async def test_he_does_not_answer_and_the_plan_goes_on(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()
    await pbx.passes(61 + 23)
    await pbx.rings("105")

    await pbx.answers("105")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "105"]


async def test_the_customer_gives_up_while_he_waits(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()

    await pbx.hangs_up("1.0")

    assert pbx.tracker.live() == []
    assert office.lot.in_slot("701") is None
    assert pbx.the_record.ended_by == "customer"


async def test_who_placed_the_call_parks_it_and_the_call_lives_for_the_customer(pbx: Exchange) -> None:
    office = Office(pbx)
    pbx.tracker, pbx.flow = office.tracker(), office.flow
    await pbx.arrives("outbound", "84951234567", name="PJSIP/101-0000000a", number="101")
    await pbx.answers("84951234567")
    customer = pbx.leg("84951234567")

    office.lot.park(pbx.call, "101")
    await pbx.settled()
    assert pbx.music == {customer}
    await dials(pbx, "103", "701")

    assert pbx.bridges == {"1.0-bridge": [customer, "9.0"]}
    await pbx.hangs_up(customer)
    assert pbx.channels == {}
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "103"]


async def test_after_a_restart_he_waits_on_and_only_as_long_as_was_left(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()
    record = pbx.the_record
    assert record.parked is not None
    assert record.parked.until - datetime.now(UTC) < timedelta(seconds=60)

    pbx.tracker = office.tracker()
    pbx.tracker.restore([record])
    await pbx.link_is_back()
    assert office.lot.in_slot("701") == record

    await dials(pbx, "103", "701")
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101", "103"]


async def test_the_taker_hangs_up_in_the_same_moment_and_the_customer_waits_on(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101")
    await pbx.settled()
    pbx.hold("add_to_bridge")
    await dials(pbx, "103", "701")
    await pbx.hangs_up("9.0")
    await pbx.let("add_to_bridge")

    await pbx.passes(3)
    assert pbx.music == {"1.0"}
    await dials(pbx, "104", "701", channel="9.1")
    assert [talk.party.number for talk in pbx.the_record.talks][-1] == "104"


async def test_by_keys_he_is_told_the_slot_while_the_customer_hears_music(pbx: Exchange, office: Office) -> None:
    office.lot.park(pbx.call, "101", announce=True)
    await pbx.settled()
    assert [(media, channel) for _, media, channel in pbx.playing] == [("digits:701", pbx.leg("101"))]
    assert pbx.music == {"1.0"}

    await pbx.prompt_ends()
    assert pbx.phones_ringing_or_up() == {"trunk"}


async def test_a_customer_parks_nobody(pbx: Exchange, office: Office) -> None:
    with pytest.raises(ImpossibleMove, match="by an employee"):
        office.lot.park(pbx.call, "1.0")
