"""Whatever goes wrong in the plan, the caller is served."""

from pathlib import Path

import pytest
from flow_fakes import Company, FakeCall, plan_of
from loguru import logger

from stasis_app.flow import ScriptCall, run_plan

SAY = '[elements.main]\ntype = "say"\nprompts = ["hello"]\nnext = "bye"\n'
SCRIPT = '[elements.main]\ntype = "script"\nfunction = "flow"\nnext = "bye"\n'
CIRCLE = """
[elements.main]
type = "menu"
prompts = ["hello"]
keys = { "1" = "main" }
repeat = 0
on_timeout = "round"
on_invalid = "main"
[elements.round]
type = "script"
function = "flow"
next = "bye"
may_go_to = ["main"]
"""


async def test_a_caller_who_hangs_up_ends_the_plan_quietly(tmp_path: Path) -> None:
    call = FakeCall(keys=[FakeCall.GONE])
    await run_plan(plan_of(tmp_path, CIRCLE), call, Company().context, "main")
    assert call.visited == ["main"]


async def test_an_element_that_fails_gives_the_caller_to_the_dialplan(tmp_path: Path) -> None:
    call = FakeCall()
    call.broken_verbs = {"say"}
    await run_plan(plan_of(tmp_path, SAY), call, Company().context, "main")
    assert call.done == [("answer",), ("hand_over", "", "", 1)]


async def test_an_element_that_fails_leads_to_on_error_where_the_plan_has_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[plan]\ndefault = "main"\non_error = "bye"\n' + SAY)
    call = FakeCall()
    call.broken_verbs = {"say"}
    await run_plan(plan, call, Company().context, "main")
    assert (call.visited, call.last) == (["main", "bye"], ("hang_up", 16))
    assert call.why[-1] == "main failed: RuntimeError"


async def test_an_on_error_that_fails_too_ends_in_the_dialplan(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[plan]\ndefault = "bye"\non_error = "main"\n' + SAY)
    call = FakeCall()
    call.broken_verbs = {"say", "hang_up"}
    await run_plan(plan, call, Company().context, "bye")
    assert call.visited == ["bye", "main"]
    assert call.last == ("hand_over", "", "", 1)


async def test_a_call_that_can_not_even_be_handed_over_is_not_left_in_silence(tmp_path: Path) -> None:
    call = FakeCall()
    call.broken_verbs = {"say", "hand_over"}
    await run_plan(plan_of(tmp_path, SAY), call, Company().context, "main")
    assert call.last == ("hang_up", 41)


async def test_a_silent_caller_is_not_led_in_circles_for_ever(tmp_path: Path) -> None:
    async def back(call: ScriptCall) -> str:
        return "main"

    heard: list[str] = []
    sink = logger.add(heard.append, level="WARNING", format="{extra[call]} {message}")
    call = FakeCall()
    context = Company().limited(scripts={"flow": back}, visit_limit=6)
    await run_plan(plan_of(tmp_path, CIRCLE), call, context, "main")
    logger.remove(sink)
    assert call.last == ("hang_up", 31)
    assert call.visited == ["main", "round"] * 3 + ["main"]
    assert heard[0].startswith("call-1 The plan leads the caller in circles")


async def test_a_caller_who_presses_keys_may_go_round_longer_but_not_for_ever(tmp_path: Path) -> None:
    call = FakeCall(keys="1" * 100)
    await run_plan(plan_of(tmp_path, CIRCLE), call, Company().limited(visit_limit=6, visit_total=20), "main")
    assert len(call.visited) == 21
    assert call.last == ("hang_up", 31)


@pytest.mark.parametrize(
    ("answer", "end"),
    [(None, "bye"), ("bye", "bye"), ("nowhere", "dialplan")],
)
async def test_a_script_names_the_next_element(tmp_path: Path, answer: str | None, end: str) -> None:
    async def flow(call: ScriptCall) -> str | None:
        return answer

    call = FakeCall()
    await run_plan(plan_of(tmp_path, SCRIPT), call, Company().limited(scripts={"flow": flow}), "main")
    assert call.last[0] == ("hang_up" if end == "bye" else "hand_over")
