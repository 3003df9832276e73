"""Phones ring: all together or one after another, several answer at once, none does, some can't be called at all."""

import pytest
from calls_fakes import CUSTOMER, Exchange

from stasis_app.ari.errors import AriError, Gone, LinkDown, Rejected, ServerFailed, TimedOut
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy, Party, PartyKind, Unanswered
from stasis_app.calls.verbs import RingResult, Strategy, Target

GROUP = [Target.extension(number) for number in ("101", "102", "103")]


class Rung:
    """A flow that rings, keeps the result, and lets those connected talk."""

    def __init__(self, targets: list[Target], strategy: Strategy = Strategy.ALL, seconds: float = 20) -> None:
        self.targets, self.strategy, self.seconds = targets, strategy, seconds
        self.result: RingResult | None = None

    async def __call__(self, call: Call) -> None:
        self.result = await call.ring(self.targets, seconds=self.seconds, strategy=self.strategy)
        if self.result.answered_by:
            await call.talk()

    @property
    def answered_by(self) -> str | None:
        assert self.result is not None
        return self.result.answered_by.number if self.result.answered_by else None

    @property
    def tried(self) -> dict[str, Unanswered]:
        assert self.result is not None
        return {party.number: why for party, why in self.result.tried}


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


async def test_of_three_phones_the_second_answers_and_the_others_fall_silent(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP)
    await pbx.customer_calls()
    await pbx.rings("101", "102", "103")

    await pbx.answers("102")

    assert rung.answered_by == "102"
    assert rung.tried == {"101": Unanswered.ANSWERED_ELSEWHERE, "103": Unanswered.ANSWERED_ELSEWHERE}
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("102")]}
    assert pbx.phones_ringing_or_up() == {"trunk", "102"}
    # Cause 26: their displays show no missed call.
    assert {request[2] for request in pbx.requests("hang_up")} == {"26"}


async def test_the_caller_hears_ringing_only_once_a_phone_really_rings(pbx: Exchange) -> None:
    pbx.flow = Rung(GROUP)
    await pbx.customer_calls()
    assert pbx.requests("ring", "answer") == []

    await pbx.rings("102")
    assert pbx.requests("ring", "answer") == [("ring", "1.0")]

    await pbx.rings("101", "103")
    assert pbx.count()["ring"] == 1


@pytest.mark.parametrize("order", [("101", "102", "103"), ("103", "101", "102"), ("102", "103", "101")])
async def test_three_phones_answer_in_the_same_instant_and_exactly_one_talks(
    pbx: Exchange, order: tuple[str, ...]
) -> None:
    pbx.flow = rung = Rung(GROUP)
    await pbx.customer_calls()
    await pbx.rings(*order)

    await pbx.answers(*order)

    assert rung.answered_by in order
    (members,) = pbx.bridges.values()
    assert members == ["1.0", pbx.leg(str(rung.answered_by))]
    assert pbx.phones_ringing_or_up() == {"trunk", rung.answered_by}
    assert [talk.party.number for talk in pbx.the_record.talks] == [rung.answered_by]


async def test_a_phone_answers_while_it_is_being_released(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP)
    await pbx.customer_calls()
    await pbx.rings("101", "102", "103")
    pbx.hold("hang_up")
    await pbx.answers("101")

    await pbx.answers("103")
    await pbx.let("hang_up")

    assert rung.answered_by == "101"
    assert pbx.phones_ringing_or_up() == {"trunk", "101"}
    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]


async def test_one_after_another_each_has_his_time_and_only_one_rings(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP, Strategy.IN_TURN)
    await pbx.customer_calls()
    await pbx.rings("101")
    assert pbx.phones_ringing_or_up() == {"trunk", "101"}
    await pbx.declines("101")
    await pbx.rings("102")
    assert pbx.phones_ringing_or_up() == {"trunk", "102"}
    await pbx.declines("102", cause=17, tech_cause=486)

    await pbx.answers("103")

    assert rung.answered_by == "103"
    assert rung.tried == {"101": Unanswered.DECLINED, "102": Unanswered.BUSY}
    assert [ring.why for ring in pbx.the_record.rings] == [Unanswered.DECLINED, Unanswered.BUSY, None]


async def test_the_ring_time_is_over_and_asterisk_ends_the_legs(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP[:1])
    await pbx.customer_calls()
    await pbx.rings("101")

    await pbx.declines("101", cause=19, tech_cause=480)

    assert rung.answered_by is None
    assert rung.tried == {"101": Unanswered.NO_ANSWER}


async def test_the_ring_time_is_over_and_asterisk_says_nothing(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP, seconds=20)
    await pbx.customer_calls()
    await pbx.rings("101", "102", "103")
    await pbx.passes(21)
    assert rung.result is None

    await pbx.passes(2)

    assert rung.tried == dict.fromkeys(("101", "102", "103"), Unanswered.NO_ANSWER)
    assert not pbx.channels  # the flow returned, so the caller was hung up
    assert pbx.the_record.ended_by is EndedBy.SERVICE


async def test_the_end_of_the_ring_time_does_not_touch_a_talk_that_has_begun(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP[:1], seconds=20)
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.passes(19)
    await pbx.answers("101")

    await pbx.passes(600)

    assert rung.answered_by == "101"
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}
    assert pbx.requests("hang_up") == []
    assert pbx.the_record.talking_now


async def test_one_of_three_phones_is_not_registered_and_another_answers(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP)
    pbx.refuse("originate", ServerFailed, about="PJSIP/102")
    await pbx.customer_calls()
    await pbx.rings("101", "103")

    await pbx.answers("103")

    assert rung.answered_by == "103"
    assert rung.tried == {"101": Unanswered.ANSWERED_ELSEWHERE, "102": Unanswered.UNREACHABLE}
    assert [fact.party.number for fact in pbx.told(f.Ringing)] == ["101", "103"]


async def test_nobody_is_registered_and_the_flow_goes_on_at_once(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP)
    for number in ("101", "102", "103"):
        pbx.refuse("originate", ServerFailed, about=f"PJSIP/{number}")

    await pbx.customer_calls()

    assert rung.tried == dict.fromkeys(("101", "102", "103"), Unanswered.UNREACHABLE)
    assert pbx.requests("ring", "answer") == []
    assert pbx.told(f.Ringing) == []


@pytest.mark.parametrize("error", [TimedOut, LinkDown, Rejected, Gone])
async def test_a_leg_whose_creation_got_no_clear_answer_is_hung_up_to_be_sure(
    pbx: Exchange, error: type[TimedOut]
) -> None:
    pbx.flow = Rung(GROUP[:1])
    pbx.refuse("originate", error)

    await pbx.customer_calls()
    await pbx.passes(30)

    assert pbx.requests("hang_up")[0][1] == pbx.requests("originate")[0][1]
    assert pbx.told(f.NotAnswered)[0].why is Unanswered.UNREACHABLE


async def test_the_phone_that_answered_is_gone_before_it_is_connected(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP[:1])
    await pbx.customer_calls()
    await pbx.rings("101")
    pbx.hold("add_to_bridge")
    await pbx.answers("101")

    await pbx.hangs_up(pbx.leg("101"))
    await pbx.let("add_to_bridge")

    assert rung.answered_by is None
    assert pbx.the_record.talks == ()
    assert not pbx.channels


async def test_whoever_rings_is_engaged(pbx: Exchange) -> None:
    pbx.flow = Rung(GROUP[:2])
    await pbx.customer_calls()
    await pbx.rings("101")

    assert [pbx.tracker.engaged(number) for number in ("101", "102", "103")] == [True, True, False]


async def test_an_outbound_call_brings_the_far_ends_own_tones_and_joins_when_it_answers(pbx: Exchange) -> None:
    pbx.flow = rung = Rung([Target.outside("79990001122")])
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a", number="101")
    customer = pbx.leg("79990001122")

    assert pbx.bridges == {"1.0-bridge": ["1.0", customer]}
    assert pbx.count()["dial"] == 1
    assert pbx.requests("ring", "answer") == []
    assert pbx.the_record.talks == ()

    await pbx.answers("79990001122")

    assert pbx.requests("answer") == [("answer", "1.0")]
    assert rung.answered_by == "79990001122"
    assert [(talk.party.kind, talk.party.number) for talk in pbx.the_record.talks] == [(PartyKind.EMPLOYEE, "101")]


async def test_an_outbound_call_to_a_busy_number_tells_why(pbx: Exchange) -> None:
    pbx.flow = rung = Rung([Target.outside("79990001122")])
    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a", number="101")

    await pbx.declines("79990001122", cause=17, tech_cause=486)

    assert rung.tried == {"79990001122": Unanswered.BUSY}
    assert not pbx.channels
    assert not pbx.bridges


async def test_the_trunk_can_not_be_used(pbx: Exchange) -> None:
    pbx.flow = rung = Rung([Target.outside("79990001122")])
    pbx.refuse("create", ServerFailed)

    await pbx.arrives("outbound", "79990001122", name="PJSIP/101-0000000a", number="101")

    assert rung.tried == {"79990001122": Unanswered.UNREACHABLE}
    assert not pbx.channels
    assert not pbx.bridges


async def test_the_phone_shows_who_calls(pbx: Exchange) -> None:
    pbx.flow = Rung(GROUP[:1])

    await pbx.customer_calls()

    assert pbx.requests("originate")[0][3] == f'"{CUSTOMER}" <{CUSTOMER}>'


@pytest.mark.parametrize("who_hangs_up", ["customer", "employee"])
async def test_when_one_side_hangs_up_the_other_is_released_and_nothing_is_left(
    pbx: Exchange, who_hangs_up: str
) -> None:
    pbx.flow = Rung(GROUP[:1])
    await pbx.customer_calls()
    await pbx.rings("101")
    await pbx.answers("101")
    await pbx.passes(30)

    await pbx.hangs_up("1.0" if who_hangs_up == "customer" else pbx.leg("101"))

    assert not pbx.channels
    assert not pbx.bridges
    assert pbx.the_record.ended_by == who_hangs_up
    assert round(pbx.the_record.talk_seconds) == 30
    assert pbx.tracker.live() == []


async def test_a_talk_is_recorded_and_the_recording_ends_with_the_channel_it_listens_to(pbx: Exchange) -> None:
    pbx = Exchange(record=True)
    pbx.flow = Rung(GROUP[:1])
    await pbx.customer_calls()
    await pbx.answers("101")
    assert pbx.recordings == {"1.0-1": "1.0-1"}

    await pbx.hangs_up("1.0")
    await pbx.passes(10)

    assert [fact.name for fact in pbx.told(f.Recorded)] == ["1.0-1"]
    assert pbx.requests("stop_recording") == []
    assert not pbx.bridges
    assert pbx.tracker.live() == []


async def test_a_recording_that_can_not_begin_does_not_disturb_the_talk(pbx: Exchange) -> None:
    pbx = Exchange(record=True)
    pbx.flow = Rung(GROUP[:1])
    pbx.refuse("record", ServerFailed)
    await pbx.customer_calls()

    await pbx.answers("101")

    assert pbx.the_record.talking_now[0].party == Party(PartyKind.EMPLOYEE, "101")
    await pbx.hangs_up("1.0")
    assert not pbx.bridges


@pytest.mark.parametrize("failure", [LinkDown, TimedOut])
async def test_a_link_that_fails_is_nobodys_answer_and_the_phone_rings_when_it_is_back(
    pbx: Exchange, failure: type[LinkDown | TimedOut]
) -> None:
    pbx.flow = rung = Rung([Target.extension("101")])
    pbx.refuse("originate", failure)
    for _ in range(6):
        pbx.refuse("stop_ringing", failure)
    await pbx.customer_calls()
    await pbx.passes(5)
    assert rung.result is None

    pbx.lose_events()
    await pbx.passes(3)
    await pbx.link_is_back()
    await pbx.answers("101")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]


async def test_a_link_that_does_not_come_back_lets_the_plan_go_on(pbx: Exchange) -> None:
    pbx.flow = rung = Rung([Target.extension("101")])
    pbx.refuse("originate", TimedOut)
    for _ in range(30):
        pbx.refuse("stop_ringing", TimedOut)
    await pbx.customer_calls()
    await pbx.passes(30)

    assert rung.tried == {"101": Unanswered.UNREACHABLE}


@pytest.mark.parametrize("first_answer", [None, ServerFailed, Rejected])
async def test_a_link_that_stood_still_and_goes_on_lets_the_phone_ring_again(
    pbx: Exchange, first_answer: type[AriError] | None
) -> None:
    pbx.flow = Rung([Target.extension("101")])
    pbx.refuse("originate", TimedOut)
    for _ in range(3):
        pbx.refuse("stop_ringing", TimedOut)
    if first_answer is not None:
        pbx.refuse("stop_ringing", first_answer)
    await pbx.customer_calls()
    await pbx.passes(5)
    await pbx.answers("101")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]


async def test_a_phone_that_was_answered_while_the_link_was_away_rings_again(pbx: Exchange) -> None:
    pbx.flow = Rung([Target.extension("101")])
    await pbx.customer_calls()
    await pbx.rings("101")

    pbx.lose_events()
    await pbx.hangs_up(pbx.leg("101"))
    await pbx.link_is_back()
    await pbx.answers("101")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]


async def test_a_phone_that_refused_is_not_rung_again_because_the_link_failed(pbx: Exchange) -> None:
    pbx.flow = rung = Rung(GROUP[:2])
    await pbx.customer_calls()
    await pbx.rings("101", "102")
    await pbx.declines("101")
    pbx.lose_events()
    await pbx.hangs_up(pbx.leg("102"))
    await pbx.link_is_back()
    await pbx.answers("102")

    assert rung.answered_by == "102"
    assert rung.tried == {"101": Unanswered.DECLINED}
    assert len(pbx.requests("originate")) == 3
    assert [talk.party.number for talk in pbx.the_record.talks] == ["102"]
