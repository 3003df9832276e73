"""The examples of the documentation work."""

import re
from pathlib import Path

import pytest
from flow_fakes import IVANOV, NUMBERS, Company, FakeCall

from stasis_app.flow import FlowContext, Plan, load_plan, load_scripts, run_plan

DOCS = Path(__file__).parents[3] / "docs"


def example(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{page} has no example in {language}"
    return found[1]


@pytest.fixture
def night(tmp_path: Path) -> tuple[Plan, FlowContext]:
    scripts_file, plan_file = tmp_path / "calls.py", tmp_path / "plan.toml"
    scripts_file.write_text(example("scripts.md", "python"))
    plan_file.write_text('[plan]\ndefault = "desk"\n' + example("scripts.md", "toml"))
    scripts = load_scripts(scripts_file)
    return load_plan(plan_file, NUMBERS, scripts=scripts), Company().limited(scripts=scripts)


async def test_the_plan_of_the_reference_leads_a_stranger_to_the_sales_group(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(example("routing.md", "toml"))
    plan = load_plan(path, NUMBERS)
    call = FakeCall("+79990000000", keys=["1", ""], answers=["102"])
    await run_plan(plan, call, Company().context, "manager")
    assert call.visited == ["manager", "greeting", "sales"]
    assert call.last == ("talk",)


async def test_at_night_a_client_reaches_his_manager(night: tuple[Plan, FlowContext]) -> None:
    plan, context = night
    call = FakeCall(answers=["101"])
    context.phonebook.remember(NUMBERS.read("+79161234567"), IVANOV)
    await run_plan(plan, call, context, "desk")
    assert call.rung == [("101",)]
    assert call.visited == ["desk"]


async def test_at_night_a_client_without_luck_ends_in_the_voice_mailbox(night: tuple[Plan, FlowContext]) -> None:
    plan, context = night
    call = FakeCall()
    context.phonebook.remember(NUMBERS.read("+79161234567"), IVANOV)
    await run_plan(plan, call, context, "desk")
    assert call.rung == [("101",), ("150", "151")]
    assert call.last == ("hand_over", "ext-local", "vmu150", 1)


async def test_at_night_the_code_opens_the_way_to_the_engineer(night: tuple[Plan, FlowContext]) -> None:
    plan, context = night
    call = FakeCall("+79990000000", keys=["2580"], answers=["150"])
    await run_plan(plan, call, context, "desk")
    assert call.visited == ["desk", "duty"]
    assert call.why[-1] == "night_desk said so"


async def test_at_night_a_stranger_is_told_to_wait_for_the_morning(night: tuple[Plan, FlowContext]) -> None:
    plan, context = night
    call = FakeCall("+79990000000", keys=["1111"])
    await run_plan(plan, call, context, "desk")
    assert call.visited == ["desk", "desk", "menu", "bye"]
    assert call.why[1] == "no client, no code"
