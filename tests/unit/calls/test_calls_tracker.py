"""The tracker: which call an event belongs to, what becomes of channels nobody knows, and that nothing is kept."""

import asyncio
from datetime import UTC, datetime

import pytest
from calls_fakes import CUSTOMER, Exchange, keep_waiting

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.entry import Entry, LegEntry, leg_args, read_entry
from stasis_app.calls.facts import Direction, Fact, Party, PartyKind
from stasis_app.calls.lifecycle import Order
from stasis_app.calls.record import CallRecord
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


async def ring_anna(call: Call) -> None:
    await call.answer()
    result = await call.ring([Target.extension("101")], seconds=20)
    if result.answered_by:
        await call.talk()


async def test_a_call_from_the_street_begins_with_what_the_dialplan_says(pbx: Exchange) -> None:
    await pbx.arrives("inbound", "main", "74951230000")

    record = pbx.the_record
    assert (record.direction, record.element, record.line) == (Direction.INBOUND, "main", "74951230000")
    assert record.caller == Party(PartyKind.CUSTOMER, CUSTOMER)


async def test_an_employee_who_dials_is_known_by_his_phone_and_not_by_what_it_claims(pbx: Exchange) -> None:
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a", number="84951112233")

    assert pbx.the_record.caller == Party(PartyKind.EMPLOYEE, "101")
    assert pbx.the_record.customer_number == "79990001122"


async def test_one_employee_calls_another(pbx: Exchange) -> None:
    await pbx.arrives("internal", "102", name="PJSIP/101-0000000a", number="101")

    assert (pbx.the_record.direction, pbx.the_record.dialled) == (Direction.INTERNAL, "102")


@pytest.mark.parametrize("args", [(), ("nonsense",), ("inbound", "a", "b", "c"), ("outbound",), ("leg", "1.0", "dog")])
async def test_a_channel_with_arguments_nobody_knows_goes_on_in_the_dialplan(
    pbx: Exchange, args: tuple[str, ...]
) -> None:
    await pbx.arrives(*args)

    assert pbx.asked == [("proceed", "1.0", "", "", "1")]
    assert pbx.tracker.live() == []
    assert pbx.facts == []


async def test_a_stranger_who_is_gone_already_is_no_trouble(pbx: Exchange) -> None:
    pbx.refuse("proceed", 404)
    await pbx.arrives("nonsense")

    assert pbx.tracker.live() == []


async def test_a_leg_of_a_call_that_is_gone_is_hung_up(pbx: Exchange) -> None:
    await pbx.arrives("leg", "0.9", "employee", "101", channel="0.9-abc", name="PJSIP/101-00000001")

    assert not pbx.channels
    assert pbx.requests("proceed") == []


async def test_a_leg_picked_up_by_another_phone_belongs_to_its_call(pbx: Exchange) -> None:
    """Pickup() gives the picking phone's channel the arguments of the leg it takes over."""
    pbx.flow = ring_anna
    await pbx.customer_calls()
    await pbx.rings("101")

    await pbx.arrives("leg", "1.0", "employee", "101", channel="7.7", name="PJSIP/102-00000005", state="Up")
    assert {ring.leg for ring in pbx.the_record.rings} == {pbx.leg("101"), "7.7"}

    await pbx.hangs_up("1.0")
    assert not pbx.channels
    assert pbx.tracker.live() == []


async def test_calls_do_not_mix(pbx: Exchange) -> None:
    pbx.flow = ring_anna
    await pbx.customer_calls("1.0")
    first = pbx.leg("101")
    await pbx.customer_calls("2.0")
    second = pbx.leg("101")

    await pbx.answers("101")

    assert {talk.leg for talk in pbx.records["2.0"].talks} == {second}
    assert not pbx.records["1.0"].talks
    assert first in pbx.channels
    assert {(fact.call_id, fact.leg) for fact in pbx.told(f.Dialled)} == {("1.0", first), ("2.0", second)}


async def test_one_call_that_hangs_holds_up_nobody_else(pbx: Exchange) -> None:
    pbx.flow = ring_anna
    pbx.hold("stop_ringing")  # only an answered caller's ringing tone is stopped
    await pbx.customer_calls("1.0")
    await pbx.answers("101")
    assert not pbx.records["1.0"].answered

    pbx.forget_hold("stop_ringing")
    await pbx.customer_calls("2.0")
    await pbx.answers("101")

    assert pbx.records["2.0"].answered
    assert not pbx.records["1.0"].answered


async def test_somebody_in_two_calls_is_engaged_until_both_are_over(pbx: Exchange) -> None:
    pbx.flow = ring_anna
    await pbx.customer_calls("1.0")
    await pbx.customer_calls("2.0")
    assert pbx.tracker.engaged("101")

    await pbx.hangs_up("1.0")
    assert pbx.tracker.engaged("101")

    await pbx.hangs_up("2.0")
    assert not pbx.tracker.engaged("101")


async def test_whoever_dials_out_is_engaged(pbx: Exchange) -> None:
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a", number="101")

    assert pbx.tracker.engaged("101")


async def test_a_sink_that_fails_does_not_keep_facts_from_the_others(pbx: Exchange) -> None:
    told: list[Fact] = []

    def broken(record: CallRecord, fact: Fact) -> None:
        raise ZeroDivisionError

    def good(record: CallRecord, fact: Fact) -> None:
        told.append(fact)

    pbx.tracker = Tracker(pbx, pbx.call_options, keep_waiting, [broken, good], "stasis-app")
    await pbx.customer_calls()
    await pbx.hangs_up("1.0")

    assert [type(fact) for fact in told] == [f.Started, f.Ended]


async def test_events_of_strangers_are_counted_and_passed_over(pbx: Exchange) -> None:
    pbx.tell(e.ChannelStateChange, channel=e.Channel(id="9.9", state="Up"))
    pbx.tell(e.PlaybackFinished, playback=e.Playback(id="p", target_uri="channel:9.9"))
    pbx.tell(e.RecordingFinished, recording=e.Recording(name="r", target_uri="bridge:elsewhere"))

    assert pbx.tracker.stray == {"ChannelStateChange": 1, "PlaybackFinished": 1, "RecordingFinished": 1}
    assert pbx.facts == []


async def test_a_call_ordered_in_the_crm_rings_the_employee_first(pbx: Exchange) -> None:
    async def call_customer(call: Call) -> None:
        if (await call.ring([Target.outside("79990001122")], seconds=30)).answered_by:
            await call.talk()

    pbx.flow = call_customer
    pbx.tracker.originate(Order(extension="101", number="79990001122", line="74951230000"))
    await pbx.settled()
    assert [request[2] for request in pbx.requests("originate")] == ["PJSIP/101"]
    assert pbx.requests("create") == []

    await pbx.rings("101")
    await pbx.answers("101")
    await pbx.answers("79990001122")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]
    assert (pbx.the_record.dialled, pbx.the_record.line) == ("79990001122", "74951230000")


async def test_a_call_ordered_in_the_crm_ends_when_the_employee_does_not_answer(pbx: Exchange) -> None:
    pbx.tracker.originate(Order(extension="101", number="79990001122"))
    await pbx.settled()
    await pbx.rings("101")

    await pbx.declines("101", cause=19, tech_cause=480)

    assert pbx.told(f.Ended)
    assert pbx.tracker.live() == []
    assert not pbx.tracker.engaged("101")


async def test_a_phone_that_transferred_is_followed_by_the_one_it_leads_to(pbx: Exchange) -> None:
    pbx.flow = ring_anna
    await pbx.customer_calls()
    await pbx.answers("101")
    transferring = pbx.channels[pbx.leg("101")]

    local = e.Channel(id="5.5", name="Local/102@from-internal-00000000;1", state="Down")
    pbx.tell(e.StasisStart, channel=local, replace_channel=transferring)
    await pbx.settled()
    pbx.tell(e.ChannelStateChange, channel=local.model_copy(update={"state": "Ringing"}))
    await pbx.settled()

    assert [ring.party.number for ring in pbx.the_record.ringing_now] == ["102"]
    assert pbx.tracker.live() == [pbx.the_record]


async def test_after_a_thousand_calls_nothing_is_kept(pbx: Exchange) -> None:
    pbx.flow = ring_anna
    for number in range(1000):
        channel = f"{number}.0"
        await pbx.customer_calls(channel)
        await pbx.rings("101")
        await pbx.answers("101")
        await pbx.hangs_up(channel if number % 2 else pbx.leg("101"))
        pbx.asked.clear()
        pbx.facts.clear()

    tracker = pbx.tracker
    assert all(record.answered for record in pbx.records.values())
    assert (tracker._calls, tracker._by_channel, tracker._engaged, tracker._tasks) == ({}, {}, {}, set())
    assert len(asyncio.all_tasks()) == 1
    assert not pbx.channels
    assert not pbx.bridges


@pytest.mark.parametrize(
    ("args", "entry"),
    [
        (["inbound"], Entry(Direction.INBOUND)),
        (["inbound", "main"], Entry(Direction.INBOUND, element="main")),
        (["inbound", "main", "7495"], Entry(Direction.INBOUND, element="main", line="7495")),
        (["inbound", "", "7495"], Entry(Direction.INBOUND, line="7495")),
        (["inbound", "main", ""], Entry(Direction.INBOUND, element="main")),
        (["inbound", "main", "7495", ""], Entry(Direction.INBOUND, element="main", line="7495")),
        (["outbound", "112", ""], Entry(Direction.OUTBOUND, dialled="112")),
        ([" internal ", " 102 "], Entry(Direction.INTERNAL, dialled="102")),
        (["leg", "1.0", "employee", "101"], LegEntry("1.0", Party(PartyKind.EMPLOYEE, "101"))),
        (["leg", "1.0", "customer"], LegEntry("1.0", Party(PartyKind.CUSTOMER, ""))),
        (["Inbound", "main"], None),
        (["outbound", ""], None),
        ([""], None),
    ],
)
def test_the_arguments_of_stasis(args: list[str], entry: Entry | LegEntry | None) -> None:
    assert read_entry(args) == entry


@pytest.mark.parametrize("number", ["101", "", "+79161234567", "a,b"])
def test_a_leg_is_known_again_by_its_arguments(number: str) -> None:
    entry = read_entry(leg_args("1795396910.11", Party(PartyKind.EMPLOYEE, number)).split(","))

    assert isinstance(entry, LegEntry)
    assert (entry.call_id, entry.party.number) == ("1795396910.11", number.replace(",", ""))


async def test_facts_carry_asterisks_time(pbx: Exchange) -> None:
    started = datetime(2026, 1, 1, 9, tzinfo=UTC)
    channel = e.Channel(id="1.0", state="Ring")
    pbx.tracker.on_event(e.StasisStart(timestamp=started, channel=channel, args=("inbound",)))
    await pbx.settled()

    assert [fact.at for fact in pbx.facts] == [started]
