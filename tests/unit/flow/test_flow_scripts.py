"""What scripts can do, and how a wrong scripts file is refused."""

from pathlib import Path

import pytest
from flow_fakes import Company, FakeCall, plan_of

from stasis_app.crm import PhoneState
from stasis_app.flow import FlowContext, ScriptCall, ScriptError, load_scripts, run_plan

PLAN = '[elements.main]\ntype = "script"\nfunction = "flow"\nnext = "bye"\n'


async def play(tmp_path: Path, call: FakeCall, context: FlowContext, plan: str = PLAN) -> FakeCall:
    await run_plan(plan_of(tmp_path, plan), call, context, "main")
    return call


async def test_a_script_sees_who_calls(tmp_path: Path) -> None:
    seen: list[object] = []

    async def flow(call: ScriptCall) -> None:
        client = await call.client()
        seen.extend([call.id, call.number.e164, call.line, client.name if client else None])
        seen.append((await call.phone("102")).state)

    context = Company(x102="busy").knows().limited(scripts={"flow": flow})
    call = await play(tmp_path, FakeCall(line="74951234567"), context)
    assert seen == ["call-1", "+79161234567", "74951234567", "Ivanov", PhoneState.BUSY]
    assert call.done == [("identify", "Ivanov"), ("hang_up", 16)]


async def test_a_script_that_gave_the_call_away_is_the_end(tmp_path: Path) -> None:
    async def flow(call: ScriptCall) -> None:
        await call.hand_over("ext-queues", "600")

    call = await play(tmp_path, FakeCall(), Company().limited(scripts={"flow": flow}))
    assert call.done == [("hand_over", "ext-queues", "600", 1)]


async def test_a_script_without_a_next_element_ends_the_call(tmp_path: Path) -> None:
    async def flow(call: ScriptCall) -> None:
        await call.say("goodnight")

    plan = PLAN.replace('next = "bye"', "")
    call = await play(tmp_path, FakeCall(), Company().limited(scripts={"flow": flow}), plan)
    assert call.done == [("answer",), ("say", "goodnight"), ("hang_up", 16)]


async def test_what_a_script_does_not_reach_goes_on_in_the_plan(tmp_path: Path) -> None:
    async def flow(call: ScriptCall) -> None:
        assert not await call.connect("101", "102")
        assert await call.read("code", digits=4) == ""

    call = await play(tmp_path, FakeCall(), Company().limited(scripts={"flow": flow}))
    assert call.visited == ["main", "bye"]


async def test_a_script_that_raises_gives_the_caller_to_the_dialplan(tmp_path: Path) -> None:
    async def flow(call: ScriptCall) -> None:
        raise ZeroDivisionError

    call = await play(tmp_path, FakeCall(), Company().limited(scripts={"flow": flow}))
    assert call.last == ("hand_over", "", "", 1)


async def test_a_caller_who_hangs_up_ends_the_script_and_its_finally_runs(tmp_path: Path) -> None:
    tidied: list[bool] = []

    async def flow(call: ScriptCall) -> None:
        try:
            await call.read("code")
        finally:
            tidied.append(True)

    call = await play(tmp_path, FakeCall(keys=[FakeCall.GONE]), Company().limited(scripts={"flow": flow}))
    assert tidied
    assert call.visited == ["main"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("async def flow(call)\n    pass\n", "calls.py, line 1: expected ':'"),
        ("\nimport no_such_module\n", "calls.py, line 2: running the file raised ModuleNotFoundError"),
        ("async def flow():\n    pass\n", "calls.py, line 1: flow can't be called with the call alone"),
        ("async def flow(call, other):\n    pass\n", "begin its name with _ if it is a helper"),
    ],
)
def test_a_wrong_scripts_file_is_refused_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "calls.py"
    path.write_text(text)
    with pytest.raises(ScriptError) as refusal:
        load_scripts(path)
    assert complaint in str(refusal.value)


def test_a_missing_scripts_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"gone\.py: there is no such file"):
        load_scripts(tmp_path / "gone.py")


def test_only_the_files_own_async_functions_are_scripts(tmp_path: Path) -> None:
    path = tmp_path / "calls.py"
    path.write_text(
        "from asyncio import sleep\n"
        "async def flow(call): ...\n"
        "async def _helper(a, b): ...\n"
        "def plain(call): ...\n"
        "ANSWER = 42\n"
    )
    assert list(load_scripts(path)) == ["flow"]
