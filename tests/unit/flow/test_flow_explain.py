"""Foretelling a way: what the operator reads before he trusts a plan."""

import json
from pathlib import Path

from flow_fakes import NUMBERS, Company, plan_of
from rich.console import Console

from stasis_app.crm import Client
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
