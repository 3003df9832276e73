"""Calls to the public network: trunk after trunk, until one can place the call or the other side has spoken."""

from __future__ import annotations

import asyncio

import pytest
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.ari.errors import ServerFailed
from stasis_app.calls.auto_answer import AutoAnswer
from stasis_app.calls.call import Call
from stasis_app.calls.causes import is_of_the_trunk
from stasis_app.calls.facts import EndedBy, PartyKind, Unanswered
from stasis_app.calls.lifecycle import Order
from stasis_app.calls.number_plan import NumberPlan, Trunk
from stasis_app.calls.options import CallOptions
from stasis_app.calls.verbs import RingResult, Target

NUMBER = "89161234567"
PLAN = NumberPlan(
    (
        Trunk("main", "PJSIP/{number}@main", "74951112233"),
        Trunk("spare", "PJSIP/{number}@spare", "78123330000"),
        Trunk("last", "PJSIP/{number}@last", shows_callers=False),
    ),
    employees={"102": "74951112202"},
)


class Dials:
    """The flow of an outbound call, its result kept."""

    def __init__(self, *targets: Target, seconds: float = 60) -> None:
        self.targets, self.seconds = targets, seconds
        self.result: RingResult | None = None

    async def __call__(self, call: Call) -> None:
        self.result = await call.ring(self.targets, seconds=self.seconds)
        if self.result.answered_by:
            await call.talk()
        else:
            await call.hang_up(19)

    @property
    def why(self) -> Unanswered:
        assert self.result is not None
        ((_, why),) = self.result.tried
        return why


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange(options=CallOptions(trunks=PLAN, trunk_patience=10, auto_answer=AutoAnswer("off", {"102": "snom"})))


async def anna_dials(pbx: Exchange, flow: Dials) -> None:
    pbx.flow = flow
    await pbx.arrives("outbound", NUMBER, name="PJSIP/101-00000001", number="101")


def trunks_tried(pbx: Exchange) -> list[str]:
    return [request[2].partition("@")[2] for request in pbx.requests("create", "originate") if "@" in request[2]]


async def test_the_first_trunk_is_out_of_order_and_the_second_answers(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)
    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)
    assert trunks_tried(pbx) == ["main", "spare"]

    await pbx.rings(NUMBER)
    await pbx.answers(NUMBER)

    # The caller waited in the bridge, and now talks to whom the second trunk reached.
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg(NUMBER)]}
    assert [(ring.why, ring.tech_cause) for ring in pbx.the_record.rings] == [
        (Unanswered.UNREACHABLE, 503),
        (None, None),
    ]
    assert pbx.the_record.answered
    assert len(pbx.records) == 1
    assert flow.result is not None
    assert flow.result.tried == ()


async def test_each_trunk_is_told_which_number_to_show(pbx: Exchange) -> None:
    await anna_dials(pbx, Dials(Target.outside(NUMBER)))
    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)
    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)

    assert [request[2] for request in pbx.requests("show_caller")] == [
        '"74951112233" <74951112233>',
        '"78123330000" <78123330000>',
    ]
    # The last one has no number of its own: it shows what the phone that dialled has.
    assert [request[2] for request in pbx.requests("dial")] == ["", "", "1.0"]


@pytest.mark.parametrize(
    ("cause", "tech_cause"),
    [(17, 486), (21, 603), (1, 404), (19, 480), (28, 484), (18, None), (20, None), (22, 410), (127, 487), (16, None)],
)
async def test_an_answer_of_the_other_side_is_taken_from_the_first_trunk(
    pbx: Exchange, cause: int, tech_cause: int | None
) -> None:
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)

    await pbx.hangs_up(pbx.leg(NUMBER), cause, tech_cause)
    await pbx.passes(1)

    assert trunks_tried(pbx) == ["main"]
    assert flow.result is not None


@pytest.mark.parametrize("tech_cause", [401, 402, 403, 407, 408, 482, 483, 488, 500, 502, 503, 504, 580, 606])
def test_statuses_of_the_trunk(tech_cause: int) -> None:
    assert is_of_the_trunk(127, tech_cause)


@pytest.mark.parametrize(
    ("cause", "of_the_trunk"), [(34, True), (38, True), (3, True), (0, True), (17, False), (1, False)]
)
def test_without_a_sip_status_the_cause_tells_whether_it_was_the_trunk(cause: int, of_the_trunk: bool) -> None:
    assert is_of_the_trunk(cause, None) is of_the_trunk


async def test_a_number_that_rang_is_not_called_once_more(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)
    await pbx.rings(NUMBER)

    await pbx.hangs_up(pbx.leg(NUMBER), 18, 408)
    await pbx.passes(1)

    assert trunks_tried(pbx) == ["main"]
    assert flow.why is Unanswered.NO_ANSWER


async def test_nor_one_whose_network_has_spoken_to_the_caller(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)
    pbx.tell(e.Dial, peer=pbx.channels[pbx.leg(NUMBER)], dialstatus="PROGRESS")
    await pbx.settled()

    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)
    await pbx.passes(1)

    assert trunks_tried(pbx) == ["main"]


async def test_a_trunk_that_says_nothing_at_all_is_given_up_in_time_for_the_next(pbx: Exchange) -> None:
    await anna_dials(pbx, Dials(Target.outside(NUMBER)))
    silent = pbx.leg(NUMBER)
    await pbx.passes(9)
    assert trunks_tried(pbx) == ["main"]

    await pbx.passes(2)

    assert ("hang_up", silent, "16") in pbx.asked
    assert trunks_tried(pbx) == ["main", "spare"]


async def test_one_that_rings_has_the_whole_ring_time(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER), seconds=40)
    await anna_dials(pbx, flow)
    await pbx.rings(NUMBER)
    await pbx.passes(39)
    assert flow.result is None

    await pbx.passes(5)

    assert trunks_tried(pbx) == ["main"]
    assert flow.why is Unanswered.NO_ANSWER


async def test_the_ring_time_is_that_of_all_trunks_together(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER), seconds=15)
    await anna_dials(pbx, flow)
    await pbx.passes(18)

    assert trunks_tried(pbx) == ["main", "spare"]
    assert flow.result is not None
    assert pbx.phones_ringing_or_up() == set()


async def test_a_trunk_asterisk_has_no_contact_for_is_passed_over(pbx: Exchange) -> None:
    pbx.refuse("create", ServerFailed, "@main")
    await anna_dials(pbx, Dials(Target.outside(NUMBER)))
    await pbx.settled()

    assert trunks_tried(pbx) == ["main", "spare"]


async def test_all_trunks_fail_and_the_last_ones_answer_counts(pbx: Exchange) -> None:
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)
    for tech_cause in (503, 500, 403):
        await pbx.hangs_up(pbx.leg(NUMBER), 34, tech_cause)
    await pbx.passes(1)

    assert trunks_tried(pbx) == ["main", "spare", "last"]
    assert pbx.the_record.rings[-1].tech_cause == 403
    assert flow.why is Unanswered.UNREACHABLE
    assert pbx.channels == {}


async def test_no_trunk_serves_the_number(pbx: Exchange) -> None:
    pbx.tracker._options = CallOptions(trunks=NumberPlan((Trunk("x", "PJSIP/{number}@x", prefixes=("00",)),)))
    flow = Dials(Target.outside(NUMBER))
    await anna_dials(pbx, flow)
    await pbx.passes(1)

    assert trunks_tried(pbx) == []
    assert [ring.cause for ring in pbx.the_record.rings] == [3]
    assert flow.why is Unanswered.UNREACHABLE


async def test_the_caller_gives_up_while_the_second_trunk_dials(pbx: Exchange) -> None:
    await anna_dials(pbx, Dials(Target.outside(NUMBER)))
    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)

    await pbx.hangs_up("1.0")
    await pbx.passes(30)

    assert pbx.channels == {}
    assert trunks_tried(pbx) == ["main", "spare"]
    assert pbx.the_record.rings[-1].why is Unanswered.CANCELLED


async def test_a_customers_call_goes_on_to_a_mobile_that_one_trunk_can_not_reach(pbx: Exchange) -> None:
    pbx.flow = Dials(Target.extension("101"), Target.mobile(NUMBER, "103", "Vera"))
    await pbx.customer_calls()
    await pbx.hangs_up(pbx.leg(NUMBER), 34, 503)
    assert trunks_tried(pbx) == ["main", "spare"]

    await pbx.answers(NUMBER)

    # It is Vera who talks, and the desk phone stops ringing as answered elsewhere.
    (talk,) = pbx.the_record.talks
    assert (talk.party.kind, talk.party.number, talk.party.name) == (PartyKind.EMPLOYEE, "103", "Vera")
    assert pbx.requests("hang_up")[-1][2] == "26"
    assert pbx.tracker.engaged("103")


# Ordered calls


async def test_an_ordered_call_rings_the_phone_that_is_to_answer_by_itself(pbx: Exchange) -> None:
    pbx.tracker.originate(Order(extension="102", number=NUMBER))
    await pbx.settled()
    (headers,) = pbx.variables.values()
    assert headers["PJSIP_HEADER(add,Call-Info)"].endswith(";answer-after=0")


@pytest.mark.parametrize(
    ("extension", "wish", "headers"), [("101", None, 0), ("101", True, 2), ("102", None, 2), ("102", False, 0)]
)
async def test_auto_answer_is_as_ordered_else_as_configured(
    pbx: Exchange, extension: str, wish: bool | None, headers: int
) -> None:
    pbx.tracker.originate(Order(extension=extension, number=NUMBER, auto_answer=wish))
    await pbx.settled()

    assert [len(given) for given in pbx.variables.values()] == [headers]


async def test_an_ordered_call_shows_what_was_ordered_else_the_employees_number(pbx: Exchange) -> None:
    pbx.flow = Dials(Target.outside(NUMBER))
    for order in (
        Order(extension="102", number=NUMBER, caller_id="74957770000"),
        Order(extension="102", number=NUMBER),
    ):
        call = pbx.tracker.originate(order)
        await pbx.settled()
        await pbx.answers("102")
        assert call.record.ordered

    assert [request[2].partition(" ")[2] for request in pbx.requests("show_caller")] == [
        "<74957770000>",
        "<74951112202>",
    ]


async def test_an_employee_without_a_desk_phone_is_rung_at_his_mobile(pbx: Exchange) -> None:
    pbx.flow = Dials(Target.outside(NUMBER))
    pbx.tracker.originate(Order(extension="", number=NUMBER, mobile="89031112233", name="Gleb"))
    await pbx.settled()
    assert trunks_tried(pbx) == ["main"]

    await pbx.answers("89031112233")
    await pbx.rings(NUMBER)
    await pbx.answers(NUMBER)

    assert [talk.party.number for talk in pbx.the_record.talks] == ["89031112233"]


async def test_an_employee_who_does_not_take_the_call_he_ordered(pbx: Exchange) -> None:
    pbx.tracker.originate(Order(extension="101", number=NUMBER))
    await pbx.settled()
    await pbx.declines("101")

    assert pbx.the_record.ended_by is EndedBy.EMPLOYEE
    assert pbx.the_record.rings == ()


async def test_after_a_restart_an_ordered_call_still_waits_for_the_employee(pbx: Exchange) -> None:
    call = pbx.tracker.originate(Order(extension="101", number=NUMBER))
    await pbx.settled()
    later = Exchange(options=pbx.call_options)
    later.flow = Dials(Target.outside(NUMBER))
    later.channels = dict(pbx.channels)
    later.tracker.restore([call.record])
    await later.link_is_back()
    assert trunks_tried(later) == []
    assert later.call.state.caller.alive

    later.tell(e.ChannelStateChange, channel=later._state(call.id, "Up"))
    later.tell(e.StasisStart, channel=later._enter(call.id), args=("outbound", NUMBER))
    await later.settled()

    assert trunks_tried(later) == ["main"]


async def test_a_dialled_call_tells_the_line_it_goes_out_by(pbx: Exchange) -> None:
    await pbx.arrives("outbound", NUMBER, name="PJSIP/102-00000001", number="102")

    assert pbx.the_record.line == "74951112202"


async def test_the_line_that_is_told_chooses_no_trunk(pbx: Exchange) -> None:
    """Anna shows a number of the second trunk's line; her calls go out by the first all the same."""
    pbx.call_options = pbx.tracker._options = CallOptions(
        trunks=NumberPlan(
            (
                Trunk("main", "PJSIP/{number}@main"),
                Trunk("spare", "PJSIP/{number}@spare", lines=("78123330000",)),
            ),
            employees={"101": "78123330000"},
        )
    )
    await anna_dials(pbx, Dials(Target.outside(NUMBER)))

    assert pbx.the_record.line == "78123330000"
    assert trunks_tried(pbx) == ["main"]


async def test_an_ordered_call_by_a_trunks_name_tells_that_trunks_number(pbx: Exchange) -> None:
    call = pbx.tracker.originate(Order(extension="101", number=NUMBER, line="spare"))

    assert (call.record.line, call.record.chosen_line) == ("78123330000", "spare")


async def test_an_ordered_call_is_on_disk_before_a_phone_rings_for_it() -> None:
    written = asyncio.Event()

    async def on_disk() -> None:
        await written.wait()

    pbx = Exchange(options=CallOptions(on_disk=on_disk))
    pbx.tracker.originate(Order(extension="101", number=NUMBER))
    await pbx.settled()
    assert pbx.requests("originate") == []

    written.set()
    await pbx.settled()
    assert len(pbx.requests("originate")) == 1


async def test_a_disk_that_refuses_keeps_nobody_from_calling() -> None:
    async def on_disk() -> None:
        await asyncio.Event().wait()

    pbx = Exchange(options=CallOptions(on_disk=on_disk))
    pbx.tracker.originate(Order(extension="101", number=NUMBER))
    await pbx.passes(1)

    assert len(pbx.requests("originate")) == 1
