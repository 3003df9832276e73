"""What each element does with a call."""

from pathlib import Path

import pytest
from flow_fakes import Company, FakeCall, plan_of

from stasis_app.calls.facts import Unanswered
from stasis_app.calls.verbs import Strategy
from stasis_app.crm import Client, WorkingDay
from stasis_app.flow import run_plan

MENU = """
[elements.main]
type = "menu"
prompts = ["welcome", "choose"]
keys = { "1" = "sales", "2" = "bye" }
repeat = 1
on_timeout = "bye"
on_invalid = "sorry"
[elements.sales]
type = "ring"
targets = ["102", "103"]
seconds = 15
on_no_answer = "bye"
[elements.sorry]
type = "say"
prompts = ["sorry"]
next = "bye"
"""

DIRECT = MENU.replace("repeat = 1", 'repeat = 1\nextensions = true\non_no_answer = "sorry"')

RESPONSIBLE = """
[elements.main]
type = "responsible"
seconds = 20
on_unknown = "stranger"
on_no_answer = "missed"
on_unavailable = "away"
[elements.stranger]
type = "dialplan"
context = "ext-queues"
exten = "600"
[elements.missed]
type = "hangup"
cause = "no_answer"
[elements.away]
type = "hangup"
cause = 17
"""


async def test_say_plays_its_prompts_and_goes_on(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[elements.main]\ntype = "say"\nprompts = ["hello", "closed"]\nnext = "bye"')
    call = FakeCall()
    await run_plan(plan, call, Company().context, "main")
    assert call.done == [("answer",), ("say", "hello", "closed"), ("hang_up", 16)]
    assert call.visited == ["main", "bye"]


async def test_a_key_leads_to_its_element_and_the_group_rings_at_once(tmp_path: Path) -> None:
    call = FakeCall(keys="1", answers=["103"])
    await run_plan(plan_of(tmp_path, MENU), call, Company().context, "main")
    assert ("ring", ("102", "103"), 15, Strategy.ALL) in call.done
    assert call.last == ("talk",)
    assert call.why == ["", "pressed 1"]


async def test_silence_repeats_the_prompts_and_then_takes_the_time_out(tmp_path: Path) -> None:
    call = FakeCall()
    await run_plan(plan_of(tmp_path, MENU), call, Company().context, "main")
    assert call.done.count(("read", "welcome", "choose")) == 2
    assert (call.visited, call.why[-1]) == (["main", "bye"], "pressed nothing")


async def test_a_wrong_key_gets_another_try_and_then_its_own_branch(tmp_path: Path) -> None:
    second_try = FakeCall(keys="92")
    await run_plan(plan_of(tmp_path, MENU), second_try, Company().context, "main")
    assert second_try.visited == ["main", "bye"]
    never = FakeCall(keys="97")
    await run_plan(plan_of(tmp_path, MENU), never, Company().context, "main")
    assert never.visited == ["main", "sorry", "bye"]


async def test_an_extension_is_dialled_in_the_menu(tmp_path: Path) -> None:
    call = FakeCall(keys="103", answers=["103"])
    await run_plan(plan_of(tmp_path, DIRECT), call, Company().context, "main")
    assert call.rung == [("103",)]
    assert call.last == ("talk",)


async def test_a_key_that_begins_an_extension_is_taken_when_no_digit_follows(tmp_path: Path) -> None:
    call = FakeCall(keys=["1", ""], answers=["102"])
    await run_plan(plan_of(tmp_path, DIRECT), call, Company().context, "main")
    assert call.visited == ["main", "sales"]


async def test_only_extensions_of_employees_can_be_dialled(tmp_path: Path) -> None:
    call = FakeCall(keys=["1", "0", "9", "", "5", "55"])
    await run_plan(plan_of(tmp_path, DIRECT), call, Company().context, "main")
    assert call.rung == []
    assert call.visited == ["main", "sorry", "bye"]
    assert call.why[1] == "pressed 555, which the menu does not have"


async def test_a_dialled_extension_that_does_not_answer_has_its_own_branch(tmp_path: Path) -> None:
    call = FakeCall(keys="101", tried={"101": Unanswered.BUSY})
    await run_plan(plan_of(tmp_path, DIRECT), call, Company().context, "main")
    assert call.visited == ["main", "sorry", "bye"]
    assert call.why[1] == "dialled an extension: 101 busy"


async def test_a_group_leaves_out_phones_that_are_not_free(tmp_path: Path) -> None:
    call = FakeCall(answers=["103"])
    await run_plan(plan_of(tmp_path, MENU), call, Company(x102="busy").context, "sales")
    assert call.rung == [("103",)]


async def test_a_group_of_absent_phones_is_not_rung_at_all(tmp_path: Path) -> None:
    call = FakeCall()
    await run_plan(plan_of(tmp_path, MENU), call, Company(x102="offline", x103="dnd").context, "sales")
    assert call.rung == []
    assert call.why[-1] == "nobody is free: 102 not registered, 103 do not disturb"


async def test_a_group_may_ring_everybody_in_turn_and_outside_numbers(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
        [elements.main]
        type = "ring"
        targets = ["102", "89161112233"]
        strategy = "in_turn"
        skip_unavailable = false
        on_no_answer = "bye"
        """,
    )
    call = FakeCall(tried={"102": Unanswered.DECLINED})
    await run_plan(plan, call, Company(x102="busy").context, "main")
    assert ("ring", ("102", "89161112233"), 25, Strategy.IN_TURN) in call.done
    assert call.why[-1] == "nobody answered: 102 declined, 89161112233 no answer"


async def test_a_known_client_reaches_his_responsible(tmp_path: Path) -> None:
    call = FakeCall(answers=["101"])
    await run_plan(plan_of(tmp_path, RESPONSIBLE), call, Company().knows().context, "main")
    assert call.done == [("identify", "Ivanov"), ("ring", ("101",), 20, Strategy.ALL), ("talk",)]


@pytest.mark.parametrize("number", ["+79990000000", "anonymous", "102"])
async def test_who_has_no_responsible_goes_on_without(tmp_path: Path, number: str) -> None:
    call = FakeCall(number)
    await run_plan(plan_of(tmp_path, RESPONSIBLE), call, Company().knows().context, "main")
    assert call.done == [("hand_over", "ext-queues", "600", 1)]


@pytest.mark.parametrize(
    ("phone", "why"),
    [("offline", "is not registered"), ("busy", "is busy"), ("dnd", "is do not disturb")],
)
async def test_a_responsible_who_can_not_be_rung_is_passed_over(tmp_path: Path, phone: str, why: str) -> None:
    call = FakeCall()
    await run_plan(plan_of(tmp_path, RESPONSIBLE), call, Company(x101=phone).knows().context, "main")
    assert call.rung == []
    assert call.last == ("hang_up", 17)
    assert call.why[-1] == f"Anna, responsible for Ivanov: extension 101 {why}"


async def test_a_responsible_who_does_not_answer_is_given_up(tmp_path: Path) -> None:
    call = FakeCall()
    await run_plan(plan_of(tmp_path, RESPONSIBLE), call, Company().knows().context, "main")
    assert call.visited == ["main", "missed"]
    assert call.why[-1] == "the responsible did not answer: 101 no answer"


async def test_a_closed_working_day_counts_only_where_the_plan_says_so(tmp_path: Path) -> None:
    at_home = Client("CONTACT", 651, "Ivanov", user_id=11, working_day=WorkingDay.CLOSED)
    rung = FakeCall(answers=["101"])
    await run_plan(plan_of(tmp_path, RESPONSIBLE), rung, Company().knows(at_home).context, "main")
    assert rung.rung == [("101",)]
    strict = RESPONSIBLE.replace("seconds = 20", "seconds = 20\nrespect_working_day = true")
    spared = FakeCall(answers=["101"])
    await run_plan(plan_of(tmp_path, strict), spared, Company().knows(at_home).context, "main")
    assert spared.rung == []
    assert spared.visited == ["main", "away"]


async def test_without_an_element_for_absence_a_busy_responsible_counts_as_not_answering(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, RESPONSIBLE.replace('on_unavailable = "away"', ""))
    call = FakeCall()
    await run_plan(plan, call, Company(x101="busy").knows().context, "main")
    assert call.visited == ["main", "missed"]
