"""A phone sends the call on by itself (302): whatever order Asterisk tells it in, it is rung where the phone says."""

import pytest
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Party, PartyKind, Unanswered
from stasis_app.calls.verbs import RingResult, Target

ANNA, BORIS, VERA = "101", "102", "103"
PAIR = "Local/102@stasis-phones-00000000"
FIRST = e.Channel(id="1.2", name=f"{PAIR};1", state="Down")
# What Asterisk tells of it: the phone's hang-up (H), the Dial event that names the Local channel (F), the Local
# channel's second half comes in (S), the leg is destroyed (D). Seen on 22.10.1, most of them only when the machine is
# busy; without the hang-up before it, the end of the leg has no cause.
ORDERS = ["HFDS", "HFSD", "HSFD", "SHFD", "FHDS", "FDS", "FSD", "SFD"]


class Rung:
    """A flow that rings these extensions and lets whoever answers talk."""

    def __init__(self, *extensions: str) -> None:
        self.targets = [Target.extension(extension) for extension in extensions]
        self.result: RingResult | None = None

    async def __call__(self, call: Call) -> None:
        self.result = await call.ring(self.targets, seconds=20)
        if self.result.answered_by:
            await call.talk()
        await call.until(lambda: None)


class Office(Exchange):
    """An exchange whose phones may send a call on."""

    async def sends_on(self, order: str, entry: tuple[str, ...] = ("internal", BORIS)) -> None:
        """Anna's phone sends the call on; it is told in this order."""
        leg = self.channels[self.leg(ANNA)]
        known = order.partition("F")[0].count("H") > 0
        cause, tech_cause = (23, 302) if known else (0, None)
        for what in order:
            match what:
                case "H":
                    self.tell(e.ChannelHangupRequest, channel=leg, cause=23, tech_cause=302)
                case "F":
                    self.tell(e.Dial, peer=leg, forwarded=FIRST, dialstatus="CANCEL")
                case "S":
                    await self.arrives(*entry, channel="1.3", name=f"{PAIR};2")
                case "D":
                    del self.channels[leg.id]
                    self.tell(e.ChannelDestroyed, channel=leg, cause=cause, tech_cause=tech_cause)
            await self.settled()


@pytest.fixture
async def pbx() -> Office:
    return Office()


@pytest.mark.parametrize("order", ORDERS)
async def test_whom_the_phone_named_is_rung_as_one_more_leg_and_talks(pbx: Office, order: str) -> None:
    pbx.flow = Rung(ANNA)
    await pbx.customer_calls()
    await pbx.rings(ANNA)

    await pbx.sends_on(order)
    await pbx.rings(BORIS)
    await pbx.answers(BORIS)

    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg(BORIS)]}
    assert [call.call_id for call in pbx.tracker.live()] == ["1.0"]
    assert [(hop.extension, hop.to, hop.why) for hop in pbx.told(f.Forwarded)] == [(ANNA, BORIS, "by the phone")]
    assert [talk.party.number for talk in pbx.the_record.talks] == [BORIS]
    assert ("hang_up", "1.3", "16") in pbx.asked


@pytest.mark.parametrize("order", ORDERS)
async def test_sent_on_to_nobody_the_ring_is_over_with_that(pbx: Office, order: str) -> None:
    pbx.flow = rung = Rung(ANNA)
    await pbx.customer_calls()
    await pbx.sends_on(order)

    await pbx.declines(BORIS)

    assert rung.result is not None
    assert rung.result.tried == ((rung.targets[0].party, Unanswered.UNREACHABLE),)


async def test_at_an_outside_number_it_is_still_she_who_answers(pbx: Office) -> None:
    pbx.flow = Rung(ANNA)
    await pbx.customer_calls()

    await pbx.sends_on("FSD", entry=("outbound", "79161112233"))
    await pbx.answers("79161112233")

    assert [talk.party.number for talk in pbx.the_record.talks] == [ANNA]


async def test_where_the_dialplan_rings_somebody_by_itself_his_answer_is_waited_for(pbx: Office) -> None:
    pbx.flow = Rung(ANNA)
    await pbx.customer_calls()
    await pbx.sends_on("FD")
    await pbx.passes(5)

    await pbx.arrives("leg", "1.0", "employee", ANNA, channel=FIRST.id, name=FIRST.name, number=BORIS, state="Up")
    await pbx.passes(1)

    assert pbx.bridges == {"1.0-bridge": ["1.0", FIRST.id]}


async def test_when_a_colleague_was_faster_nobody_is_rung_any_more(pbx: Office) -> None:
    pbx.flow = Rung(ANNA, VERA)
    await pbx.customer_calls()
    await pbx.rings(ANNA, VERA)
    await pbx.sends_on("FD")

    await pbx.answers(VERA)
    await pbx.arrives("internal", BORIS, channel="1.3", name=f"{PAIR};2")

    assert not [request for request in pbx.requests("originate") if BORIS in request[2]]
    assert ("hang_up", "1.3", "16") in pbx.asked
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg(VERA)]}


async def test_a_local_channel_of_somebody_elses_is_a_call_of_its_own(pbx: Office) -> None:
    pbx.flow = Rung(ANNA)
    await pbx.customer_calls()
    await pbx.sends_on("HFD")

    await pbx.arrives("internal", VERA, channel="9.1", name="Local/103@stasis-phones-00000001;2")
    await pbx.passes(1)

    assert {call.call_id for call in pbx.tracker.live()} == {"1.0", "9.1"}


async def test_a_supervisors_phone_that_sends_him_on_is_left_to_the_dialplan(pbx: Office) -> None:
    await pbx.customer_calls()
    supervisor = e.Channel(id="7.7", name="PJSIP/109-00000001", state="Ringing")
    pbx.call.expect_aside(supervisor.id, Party(PartyKind.EMPLOYEE, "109"))

    pbx.tell(e.Dial, peer=supervisor, forwarded=FIRST, dialstatus="CANCEL")
    await pbx.arrives("internal", BORIS, channel="1.3", name=f"{PAIR};2")
    await pbx.passes(1)

    assert {call.call_id for call in pbx.tracker.live()} == {"1.0", "1.3"}


async def test_a_carrier_that_sends_a_call_on_does_not_place_it(pbx: Office) -> None:
    """Calls with early media are dialled by us step by step: Asterisk does not follow there, so neither do we wait."""
    called = RingResult(None)

    async def call_customer(call: Call) -> None:
        nonlocal called
        called = await call.ring([Target.outside("79990001122")], seconds=60)

    pbx.flow = call_customer
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-00000001", number=ANNA)

    await pbx.declines("79990001122", cause=23, tech_cause=302)

    assert [why for _, why in called.tried] == [Unanswered.UNREACHABLE]
