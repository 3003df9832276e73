"""Foretelling a way: what the operator reads before he trusts a plan."""

import json
from pathlib import Path

import pytest
from flow_fakes import NUMBERS, Company, Office, on_freepbx, plan_of
from rich.console import Console

from stasis_app.crm import Client, Extension
from stasis_app.flow import Explanation, check_plan, explain

PLAN = """
[plan]
name = "Office"
default = "main"
[lines."+74951234567"]
element = "main"
name = "Sales"
[elements.main]
type = "responsible"
on_unknown = "menu"
on_no_answer = "group"
[elements.menu]
type = "menu"
prompts = ["hello"]
keys = { "1" = "group" }
extensions = true
on_timeout = "bye"
[elements.group]
type = "ring"
targets = ["102", "103", "+79161112233"]
on_no_answer = "queue"
[elements.queue]
type = "dialplan"
context = "ext-queues"
exten = "600"
"""


def on_paper(explanation: Explanation) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        for line in explanation.lines():
            console.print(line)
    return capture.get()


async def test_the_way_of_a_known_client_whose_manager_is_free(tmp_path: Path) -> None:
    told = await explain(
        plan_of(tmp_path, PLAN), Company(x102="busy").knows().context, "89161234567", line="4951234567"
    )
    paper = on_paper(told)
    assert "Caller      +79161234567: Ivanov (contact 651)" in paper
    assert "Responsible Anna, responsible for Ivanov: extension 101 is free" in paper
    assert "Begins at   main (line Sales)" in paper
    assert "102 (Boris): busy, left out" in paper
    assert "group ring (perhaps): rings 102, 103, +79161112233 at once for 25 s" in paper
    assert [element.name for element in told.path] == ["main", "group", "menu", "queue", "bye"]


async def test_only_the_way_that_is_possible_now_is_followed(tmp_path: Path) -> None:
    told = await explain(plan_of(tmp_path, PLAN), Company(x101="offline").knows().context, "+79161234567")
    assert [(element.name, element.certain) for element in told.path] == [
        ("main", True),
        ("group", True),
        ("queue", False),
    ]
    data = json.loads(json.dumps(told.to_json()))
    assert data["path"][0]["takes"] == {"when": "he can't be rung now", "then": "group"}
    assert data["responsible"] == {
        "user_id": 11,
        "name": "Anna",
        "extension": "101",
        "phone": "not registered",
        "ringable": False,
        "why": "Anna, responsible for Ivanov: extension 101 is not registered",
    }


BY_CODE, IN_FREEPBX = "set by the service's codes or over its API", "set in FreePBX"


async def told_of(office: Office, folder: Path) -> Explanation:
    office.knows()
    return await explain(plan_of(folder, PLAN), office.context, "+79161234567")


async def test_why_another_phone_rings_and_who_set_that_at_each_step(tmp_path: Path) -> None:
    office = on_freepbx(Office(x102="busy"), x102=Extension(forward_busy="103"))
    await office.extensions.change("101", forward_always="102")

    told = await told_of(office, tmp_path)

    assert [setting.text for setting in told.path[0].foretold.settings] == [
        f"101 (Anna) forwards all calls to 102 (Boris): {BY_CODE}",
        f"102 (Boris) forwards calls while his phone is busy to 103 (Vera): {IN_FREEPBX}",
    ]
    assert f"101 (Anna) forwards all calls to 102 (Boris): {BY_CODE}" in on_paper(told)
    assert json.loads(json.dumps(told.to_json()))["path"][0]["settings"][1] == {
        "extension": "102",
        "name": "forward_busy",
        "to": "103",
        "now": True,
        "set_by": "freepbx",
        "text": f"102 (Boris) forwards calls while his phone is busy to 103 (Vera): {IN_FREEPBX}",
    }


async def test_why_an_outside_number_rings(tmp_path: Path) -> None:
    office = on_freepbx(Office(), x101=Extension(forward_always="89161112233"))

    told = await told_of(office, tmp_path)

    assert f"101 (Anna) forwards all calls to 89161112233: {IN_FREEPBX}" in on_paper(told)


async def test_where_a_call_goes_on_that_is_not_answered(tmp_path: Path) -> None:
    office = on_freepbx(Office(), x101=Extension(forward_no_answer="103", forward_busy="103"))
    await office.extensions.change("101", forward_no_answer="102")

    told = await told_of(office, tmp_path)

    assert [(setting.text, setting.now) for setting in told.path[0].foretold.settings] == [
        (f"101 (Anna) forwards calls he does not answer to 102 (Boris): {BY_CODE}", False),
        (f"101 (Anna) forwards calls he declines to 103 (Vera): {IN_FREEPBX}", False),
    ]


@pytest.mark.parametrize(
    ("office", "code", "who"),
    [
        (Office(), True, BY_CODE),
        (on_freepbx(Office(), x101=Extension(do_not_disturb=True)), False, IN_FREEPBX),
        (Office(x101="dnd"), False, "set in another system, which keeps it in a device state"),
    ],
    ids=["by code", "in FreePBX", "device state"],
)
async def test_who_does_not_want_to_be_disturbed_and_where_that_is_set(
    tmp_path: Path, office: Office, code: bool, who: str
) -> None:
    await office.extensions.change("101", do_not_disturb=code)

    told = await told_of(office, tmp_path)

    assert f"101 (Anna) is not to be disturbed: {who}" in on_paper(told)
    assert told.path[0].foretold.takes == told.path[0].foretold.outcomes[2]


async def test_a_forward_to_a_phone_that_is_off_rings_nobody(tmp_path: Path) -> None:
    office = Office(x102="offline")
    await office.extensions.change("101", forward_always="102")

    told = await told_of(office, tmp_path)

    assert "nobody is rung: 102 not registered" in on_paper(told)
    assert [element.name for element in told.path] == ["main", "group", "queue"]


async def test_of_a_group_only_those_who_forward_all_their_calls_are_elsewhere(tmp_path: Path) -> None:
    office = Office(x103="busy")
    await office.extensions.change("102", forward_always="101")
    await office.extensions.change("103", forward_busy="101")

    told = await told_of(office, tmp_path)

    (group,) = (element.foretold for element in told.path if element.name == "group")
    assert [setting.text for setting in group.settings] == [f"102 (Boris) forwards all calls to 101 (Anna): {BY_CODE}"]
    assert "103 (Vera): forwarded to 101 (busy), left out" in group.notes


async def test_an_anonymous_caller_has_a_way_too(tmp_path: Path) -> None:
    told = await explain(plan_of(tmp_path, PLAN), Company().context, "anonymous")
    assert told.to_json()["client"] is None
    assert "Caller      withheld: no client" in on_paper(told)
    assert told.path[1].name == "menu"
    assert [o.when for o in told.path[1].foretold.outcomes][-1] == "presses nothing"


async def test_names_from_the_crm_can_not_paint_the_terminal(tmp_path: Path) -> None:
    company = Company().knows(Client("LEAD", 5, "[red]Boss[/]", user_id=11))
    told = await explain(plan_of(tmp_path, PLAN), company.context, "+79161234567")
    assert "[red]Boss[/] (lead 5)" in on_paper(told)


def test_a_check_tells_people_and_programs_the_same(tmp_path: Path) -> None:
    fine = plan_of(tmp_path, PLAN)
    good = check_plan(fine.path, NUMBERS)
    assert good.ok
    assert good.lines()[-1].endswith("5 elements, 1 lines")
    fine.path.write_text(PLAN.replace('exten = "600"', 'exten = "600"\nprio = 1'))
    bad = check_plan(fine.path, NUMBERS)
    data = json.loads(json.dumps(bad.to_json()))
    assert not data["ok"]
    assert {(p["where"], p["key"], p["severity"]) for p in data["problems"]} >= {("elements.queue", "prio", "error")}
    assert len(bad.lines()) == len(data["problems"])
