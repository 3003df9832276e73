"""A call nobody took comes back to who gave it away: he is reached as by any call to him, then the plan has it."""

from pathlib import Path
from typing import Any

import pytest
from flow_fakes import FakeCall, Office, plan_of

from stasis_app.calls.facts import Party, PartyKind, Unanswered
from stasis_app.flow import PlanDestinations, transfers

ANNA, BORIS, VERA, MOBILE = "101", "102", "103", "+79161112233"
PLAN = """
[plan]
default = "main"
on_transfer_failed = "reception"
[elements.main]
type = "say"
prompts = ["hello"]
next = "bye"
[elements.reception]
type = "ring"
targets = ["103"]
on_no_answer = "bye"
"""


@pytest.fixture(autouse=True)
def busy_for_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_BUSY_FOR_A_MOMENT", 0)


async def comes_back(office: Office, folder: Path, *, by: str = ANNA, **how: Any) -> FakeCall:
    call = FakeCall(**how)
    destinations = PlanDestinations(plan_of(folder, PLAN), office.context, back_seconds=20)
    await destinations.bring_back(call, Party(PartyKind.EMPLOYEE, by))  # type: ignore[arg-type]
    return call


async def test_it_rings_at_the_phone_of_who_gave_it_away(tmp_path: Path) -> None:
    call = await comes_back(Office(), tmp_path, answers=(ANNA,))

    assert call.rung == [(ANNA,)]
    assert call.last == ("talk",)


async def test_who_does_not_want_to_be_disturbed_meanwhile_is_not_rung_and_the_plan_goes_on(tmp_path: Path) -> None:
    office = Office()
    await office.extensions.change(ANNA, do_not_disturb=True)

    call = await comes_back(office, tmp_path, answers=(VERA,))

    assert call.rung == [(VERA,)]
    assert call.visited == ["transfer", "reception"]
    assert call.why[1] == f"nobody took it; back at {ANNA}: {ANNA} busy"


async def test_who_has_switched_his_phone_off_is_not_waited_for(tmp_path: Path) -> None:
    call = await comes_back(Office(x101="offline"), tmp_path, answers=(VERA,))

    assert call.rung == [(VERA,)]


@pytest.mark.parametrize(("to", "rung"), [(BORIS, BORIS), (MOBILE, ANNA)], ids=["a colleague", "his mobile"])
async def test_it_rings_where_he_forwards_all_his_calls_to(tmp_path: Path, to: str, rung: str) -> None:
    office = Office()
    await office.extensions.change(ANNA, forward_always=to)

    call = await comes_back(office, tmp_path, answers=(rung,))

    assert call.rung == [(rung,)]
    assert ("note", "Forwarded") in call.done


async def test_then_it_rings_where_he_forwards_what_he_does_not_answer(tmp_path: Path) -> None:
    office = Office()
    await office.extensions.change(ANNA, forward_no_answer=BORIS)

    call = await comes_back(office, tmp_path, answers=(BORIS,), tried={ANNA: Unanswered.NO_ANSWER})

    assert call.rung == [(ANNA,), (BORIS,)]
    assert call.visited == ["transfer"]


async def test_whose_phone_has_not_ended_its_call_yet_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(x101="busy")

    async def hangs_up(seconds: float) -> None:
        if seconds == 0:  # the moment before the second look
            office.asterisk.phones.clear()

    monkeypatch.setattr(transfers.asyncio, "sleep", hangs_up)
    call = await comes_back(office, tmp_path, answers=(ANNA,))

    assert call.rung == [(ANNA,)]


async def test_who_has_no_desk_phone_is_rung_at_his_mobile(tmp_path: Path) -> None:
    call = await comes_back(Office(), tmp_path, by=MOBILE, answers=(MOBILE,))

    assert call.rung == [(MOBILE,)]
