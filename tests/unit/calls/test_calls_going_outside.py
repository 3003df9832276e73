"""A call between employees that goes on to an outside number is an outgoing call from there."""

import pytest
from calls_fakes import Exchange, restarted
from transfers_office import ANNA, BORIS, VERA, Office, Plan

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Direction, Party, PartyKind, RecordingMode
from stasis_app.calls.moves.conference import invite
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.number_plan import NumberPlan, Trunk
from stasis_app.calls.options import CallOptions
from stasis_app.calls.policy import RecordingPolicy
from stasis_app.calls.record import CallRecord
from stasis_app.calls.verbs import Target

CLIENT = "89161234567"
LINE_OF_BORIS = "+74951230002"


class PlanWithOutside(Plan):
    """Leads to outside numbers, too."""

    async def find(self, to: str) -> Destination | None:
        return Destination(to, Party(PartyKind.CUSTOMER, to)) if len(to) > 6 else await super().find(to)


async def rings_102(call: Call) -> None:
    if (await call.ring([Target.extension(BORIS)], seconds=20)).answered_by:
        await call.talk()


def not_among_us(record: CallRecord) -> RecordingPolicy:
    internal = record.direction is Direction.INTERNAL
    return RecordingPolicy(RecordingMode.OFF if internal else RecordingMode.CALL)


class Inside(Office):
    """Anna has called Boris, and they talk."""

    def __init__(self) -> None:
        trunks = NumberPlan((Trunk("trunk", "PJSIP/{number}@trunk"),), employees={BORIS: LINE_OF_BORIS})
        super().__init__(CallOptions(endpoint="PJSIP/{extension}", recording=not_among_us, trunks=trunks))
        self.plan = PlanWithOutside()
        self.tracker._destinations = self.plan
        self.flow = rings_102

    async def anna_talks_with_boris(self) -> None:
        await self.arrives("internal", BORIS, name="PJSIP/101-00000001", number=ANNA)
        await self.answers(BORIS)
        await self.passes(10)

    async def boris_gives_anna_to_the_client(self) -> None:
        await self.presses("#", "#", channel=self.leg(BORIS))
        await self.presses(*CLIENT, "#", channel=self.leg(BORIS))
        await self.passes(1)

    def outside(self) -> list[tuple[str, str, str]]:
        return [(fact.number, fact.by.number, fact.line) for fact in self.told(f.WentOutside)]


@pytest.fixture
async def pbx() -> Inside:
    inside = Inside()
    await inside.anna_talks_with_boris()
    return inside


async def test_boris_gives_anna_to_a_client_by_keys(pbx: Inside) -> None:
    assert pbx.the_record.direction is Direction.INTERNAL
    await pbx.boris_gives_anna_to_the_client()
    rung = pbx.the_record
    await pbx.answers(CLIENT)
    await pbx.passes(20)
    await pbx.hangs_up("1.0")

    assert pbx.outside() == [(CLIENT, BORIS, LINE_OF_BORIS)]
    assert (rung.direction, rung.customer_number, rung.line) == (Direction.OUTBOUND, CLIENT, LINE_OF_BORIS)
    assert rung.placed_by.number == BORIS
    assert [(t.party.number, round(t.seconds())) for t in pbx.the_record.conversations] == [(ANNA, 20)]
    assert len(pbx.the_record.talks) == 3


async def test_nobody_answers_there_and_nobody_has_talked_with_the_client(pbx: Inside) -> None:
    await pbx.boris_gives_anna_to_the_client()
    await pbx.hangs_up(pbx.leg(CLIENT), cause=19, tech_cause=480)
    await pbx.answers(BORIS)
    await pbx.passes(5)
    await pbx.hangs_up("1.0")

    assert pbx.plan.story == [f"back to {BORIS}"]
    assert not pbx.the_record.answered
    assert pbx.the_record.talk_seconds == 0


async def test_only_what_is_said_with_the_client_is_recorded(pbx: Inside) -> None:
    invite(pbx.call, Target.outside(CLIENT))
    await pbx.settled()
    assert pbx.the_record.direction is Direction.OUTBOUND
    assert not pbx.the_record.recording

    await pbx.answers(CLIENT)
    await pbx.passes(1)
    assert pbx.the_record.recording
    assert {t.party.number for t in pbx.the_record.conversations} == {ANNA, BORIS}


async def test_whoever_is_asked_outside_makes_it_an_outgoing_call_once(pbx: Inside) -> None:
    leg = pbx.leg(BORIS)
    await pbx.presses("*", "2", channel=leg)
    await pbx.presses(*CLIENT, "#", channel=leg)
    await pbx.passes(1)
    await pbx.answers(CLIENT)
    await pbx.presses("*", "3", channel=leg)
    await pbx.passes(5)

    assert pbx.outside() == [(CLIENT, BORIS, LINE_OF_BORIS)]
    assert {t.party.number for t in pbx.the_record.talking_now if not t.among_us} == {ANNA, BORIS}


@pytest.mark.parametrize("way", ["invited", "asked and taken into the talk"])
async def test_who_began_the_call_leaves_it_to_the_two_others(pbx: Inside, way: str) -> None:
    if way == "invited":
        invite(pbx.call, Target.outside(CLIENT))
        await pbx.settled()
        await pbx.answers(CLIENT)
    else:
        leg = pbx.leg(BORIS)
        await pbx.presses("*", "2", channel=leg)
        await pbx.presses(*CLIENT, "#", channel=leg)
        await pbx.passes(1)
        await pbx.answers(CLIENT)
        await pbx.presses("*", "3", channel=leg)
    await pbx.passes(5)
    await pbx.hangs_up("1.0")
    await pbx.passes(5)

    assert pbx.the_record.ended_at is None
    assert pbx.together() == [{BORIS, CLIENT}]


async def test_a_colleague_at_his_mobile_is_no_outside_party(pbx: Inside) -> None:
    invite(pbx.call, Target.mobile(CLIENT, VERA))
    await pbx.settled()
    await pbx.answers(CLIENT)
    await pbx.passes(1)

    assert pbx.the_record.direction is Direction.INTERNAL
    assert pbx.outside() == []


async def test_it_is_an_outgoing_call_after_a_restart_too(pbx: Inside) -> None:
    await pbx.boris_gives_anna_to_the_client()
    await pbx.answers(CLIENT)

    after: Exchange = await restarted(pbx)
    await after.passes(5)

    assert after.call.state.direction is Direction.OUTBOUND
    assert after.call.record.recording
    assert {t.party.number for t in after.call.record.talking_now} == {ANNA}


async def test_a_client_who_was_being_invited_is_brought_in_after_a_restart(pbx: Inside) -> None:
    invite(pbx.call, Target.outside(CLIENT))
    await pbx.settled()
    await pbx.rings(CLIENT)
    leg = pbx.leg(CLIENT)

    async def meanwhile() -> None:
        await pbx.answers(CLIENT)

    after = await restarted(pbx, meanwhile)
    await after.passes(3)

    assert after.the_record.in_bridge[leg].number == CLIENT


async def test_a_customers_call_stays_his_when_it_goes_on_outside() -> None:
    office = Inside()
    office.flow = rings_102
    await office.customer_calls()
    await office.answers(BORIS)
    await office.passes(10)
    await office.boris_gives_anna_to_the_client()

    assert office.leg(CLIENT)
    assert office.the_record.direction is Direction.INBOUND
    assert office.outside() == []
