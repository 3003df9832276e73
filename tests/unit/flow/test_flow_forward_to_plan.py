"""A forward to a number of the plan leads to the element there if one phone is rung; else that phone itself rings."""

from pathlib import Path
from typing import Any

import pytest
from flow_fakes import FakeCall, Office, on_freepbx, plan_of

from stasis_app.calls.facts import Direction, Forwarded, Party, PartyKind, TransferResult, TransferStarted, Unanswered
from stasis_app.calls.facts import TransferKind as Kind
from stasis_app.crm import Extension
from stasis_app.flow import Colleagues, Plan, PlanDestinations, explain, route_inbound, route_internal
from stasis_app.flow.elements.ring import Ring
from stasis_app.flow.script_call import ScriptCall
from stasis_app.flow.step import Step

ANNA, BORIS, MAILBOX = "101", "102", "600"
PLAN = """
[plan]
default = "main"
[numbers]
600 = "mailbox"
[elements.main]
type = "responsible"
on_unknown = "bye"
on_no_answer = "bye"
[elements.mailbox]
type = "hangup"
cause = 21
[elements.again]
type = "responsible"
on_unknown = "bye"
on_no_answer = "bye"
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(tmp_path, PLAN)


def office_with(plan: Plan, office: Office | None = None, **kept: Extension) -> Office:
    """Anna answers for the caller; `kept` is set in FreePBX."""
    office = on_freepbx(office or Office(), **kept)
    office.knows()
    office.context = office.limited(plan_numbers=plan.numbers)
    return office


class TellingCall(FakeCall):
    """Keeps what is told of it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.told: list[Any] = []

    def note(self, fact: Any) -> None:
        self.told.append(fact)
        super().note(fact)

    @property
    def forwards(self) -> list[tuple[str, str, bool]]:
        return [(fact.extension, fact.to, fact.followed) for fact in self.told if isinstance(fact, Forwarded)]


async def test_her_own_code_sends_a_customers_call_to_the_mailbox(plan: Plan) -> None:
    office = office_with(plan)
    sets = FakeCall(ANNA, direction=Direction.INTERNAL)
    await route_internal(plan, sets, office.context, "*52600")
    call = TellingCall(answers=[MAILBOX])

    await route_inbound(plan, call, office.context)

    assert call.rung == [(ANNA,)]
    assert call.visited == ["main", "mailbox"]
    assert call.why[1] == "101 forwarded to 600 (no answer)"


async def test_what_freepbx_keeps_leads_there_as_well_when_she_does_not_answer(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_no_answer=MAILBOX))
    call = TellingCall()

    await route_inbound(plan, call, office.context)

    assert call.rung == [(ANNA,)]
    assert call.visited == ["main", "mailbox"]
    assert call.forwards == [(ANNA, MAILBOX, True)]


async def test_a_colleague_is_led_there_too(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))
    call = FakeCall(BORIS, direction=Direction.INTERNAL)

    await route_internal(plan, call, office.context, ANNA)

    assert call.rung == []
    assert call.visited == ["internal", "mailbox"]


async def test_a_call_given_to_her_is_led_there_and_the_transfer_is_completed(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))
    call, destinations = TellingCall(), PlanDestinations(plan, office.context)
    boris = Party(PartyKind.EMPLOYEE, BORIS)
    call.note(
        TransferStarted(call_id=call.id, at=call.record.started_at, leg="b", party=boris, kind=Kind.BLIND, to=ANNA)
    )
    anna = await destinations.find(ANNA)
    assert anna is not None

    await destinations.lead(call, anna, boris)  # type: ignore[arg-type]

    assert call.visited == ["transfer", "mailbox"]
    assert [transfer.result for transfer in call.record.transfers] == [TransferResult.COMPLETED]


async def test_a_call_that_comes_back_to_her_is_led_there(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))
    call, destinations = FakeCall(), PlanDestinations(plan, office.context)

    await destinations.bring_back(call, Party(PartyKind.EMPLOYEE, ANNA))  # type: ignore[arg-type]

    assert call.visited == ["transfer", "mailbox"]


async def test_nobody_can_be_asked_there_so_her_own_phone_is_rung(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX, forward_no_answer=MAILBOX))
    call, destinations = TellingCall(), PlanDestinations(plan, office.context)

    following = destinations.following(call, Party(PartyKind.EMPLOYEE, ANNA))  # type: ignore[arg-type]
    first = await following.next()

    assert first is not None
    assert first.party.number == ANNA
    assert await following.next(Unanswered.NO_ANSWER) is None
    assert call.forwards == [(ANNA, MAILBOX, False)]


async def test_in_a_group_her_own_phone_rings_beside_the_others_and_the_story_says_so(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))
    call = TellingCall()

    await Ring(targets=(ANNA, BORIS), on_no_answer="bye").run(Step(call, office.context))

    assert call.rung == [(ANNA, BORIS)]
    assert call.forwards == [(ANNA, MAILBOX, False)]


async def test_in_a_group_her_phone_is_left_out_as_any_other_when_it_is_off(plan: Plan) -> None:
    office = office_with(plan, Office(x101="offline"), x101=Extension(forward_always=MAILBOX))
    call = FakeCall()

    await Ring(targets=(ANNA, BORIS), on_no_answer="bye").run(Step(call, office.context))

    assert call.rung == [(BORIS,)]


async def test_an_agent_who_is_rung_where_he_is_is_rung_at_his_phone(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))
    context = office.context
    colleagues = Colleagues(context.phones, context.directory, context.numbers, plan.numbers)

    way = await colleagues.way_of_agent(ANNA, follow_forwards=True)

    assert way.target is not None
    assert way.target.party.number == ANNA


async def test_a_script_goes_on_by_itself(plan: Plan) -> None:
    office = office_with(plan, x101=Extension(forward_no_answer=MAILBOX))
    call = FakeCall()

    result = await ScriptCall(Step(call, office.context)).ring(ANNA)

    assert call.rung == [(ANNA,)]
    assert result.answered_by is None


async def test_a_forward_that_leads_round_to_itself_leads_there_once(tmp_path: Path) -> None:
    round_about = plan_of(tmp_path, PLAN.replace('600 = "mailbox"', '600 = "again"'))
    office = office_with(round_about, x101=Extension(forward_always=MAILBOX))
    call = FakeCall()

    await route_inbound(round_about, call, office.context)

    assert call.visited == ["main", "again", "bye"]


async def test_what_is_foretold_is_what_happens(plan: Plan) -> None:
    at_once = office_with(plan, x101=Extension(forward_always=MAILBOX))
    later = office_with(plan, x101=Extension(forward_no_answer=MAILBOX))

    path = (await explain(plan, at_once.context, "+79161234567")).path
    perhaps = (await explain(plan, later.context, "+79161234567")).path

    assert [(element.name, element.certain) for element in path] == [("main", True), ("mailbox", True)]
    assert ("mailbox", False) in [(element.name, element.certain) for element in perhaps]
    assert "101 (Anna) forwards all calls to 600: set in FreePBX" in [s.text for s in path[0].foretold.settings]


async def test_of_a_group_it_is_foretold_that_the_phone_itself_rings(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, PLAN + '[elements.all]\ntype = "ring"\ntargets = ["101"]\non_no_answer = "bye"\n')
    office = office_with(plan, x101=Extension(forward_always=MAILBOX))

    (group, *_) = (await explain(plan, office.context, "+79161234567", element="all")).path

    assert [setting.text for setting in group.foretold.settings] == [
        "101 (Anna) forwards all calls to 600, a number of the plan, for which his phone itself rings here: "
        "set in FreePBX"
    ]
    assert group.foretold.takes is None
