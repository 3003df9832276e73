"""Asking a colleague who forwards his calls, or an outside number over the trunks."""

import pytest
from transfers_office import ANNA, BORIS, VERA, Office

from stasis_app.calls.facts import Party, PartyKind, TransferResult, Unanswered
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.number_plan import NumberPlan, Trunk
from stasis_app.calls.options import CallOptions


@pytest.fixture
async def pbx() -> Office:
    return Office()


async def test_who_is_asked_has_forwarded_his_calls(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (VERA,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.answers(VERA)
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(2)

    assert pbx.together() == [{"customer", VERA}]
    assert pbx.results() == [TransferResult.COMPLETED]
    assert pbx.the_record.transfers[0].to_party == Party(PartyKind.EMPLOYEE, VERA)


@pytest.mark.parametrize("anna_waits", [True, False])
async def test_he_does_not_answer_and_whom_he_forwards_to_is_rung(pbx: Office, anna_waits: bool) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.rings(BORIS)
    if not anna_waits:
        await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.declines(BORIS)
    await pbx.answers(VERA)
    await pbx.passes(2)

    assert pbx.together() == ([{"customer"}, {ANNA, VERA}] if anna_waits else [{"customer", VERA}])


async def test_cancelled_nobody_else_is_rung(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.rings(BORIS)
    await pbx.orders(Happening.CANCEL)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert not [request for request in pbx.requests("originate") if VERA in request[2]]


async def test_who_may_not_be_rung_is_told_as_busy_and_anna_has_the_customer_back(pbx: Office) -> None:
    pbx.plan.busy.add(BORIS)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]
    assert [(ring.party.number, ring.why) for ring in pbx.the_record.rings][-1] == (BORIS, Unanswered.BUSY)


OUTSIDE = "89161112233"
TWO_TRUNKS = NumberPlan(
    (Trunk("main", "PJSIP/{number}@main"), Trunk("spare", "PJSIP/{number}@spare", "78123330000")),
    employees={ANNA: "74951112201"},
)


async def test_an_outside_number_is_asked_over_the_next_trunk_when_the_first_fails() -> None:
    pbx = Office(CallOptions(trunks=TWO_TRUNKS))
    pbx.plan.forwards[BORIS] = (OUTSIDE,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    first = pbx.leg(OUTSIDE)
    await pbx.hangs_up(first, 34, 503)
    assert pbx.the_record.transfers[0].target_leg == pbx.leg(OUTSIDE) != first
    await pbx.rings(OUTSIDE)
    await pbx.answers(OUTSIDE)
    await pbx.passes(1)

    assert [request[2] for request in pbx.requests("originate")][1:] == [
        f"PJSIP/{OUTSIDE}@{t}" for t in ("main", "spare")
    ]
    # It is Anna who calls, so her number is shown and not the customer's.
    assert {request[3] for request in pbx.requests("originate")[1:]} == {'"74951112201" <74951112201>'}
    assert pbx.together() == [{"customer"}, {ANNA, OUTSIDE}]


async def test_busy_is_the_other_sides_answer_and_no_other_trunk_is_asked() -> None:
    pbx = Office(CallOptions(trunks=TWO_TRUNKS))
    pbx.plan.forwards[BORIS] = (OUTSIDE,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.hangs_up(pbx.leg(OUTSIDE), 17, 486)
    await pbx.passes(2)

    assert len(pbx.requests("originate")) == 2
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]
