"""The queue as an element of a plan: its keys, and what `plan explain` says of it."""

from pathlib import Path

import pytest
from queue_fakes import NUMBERS, Hall

from stasis_app.crm import Client, Importance, WorkingDay, WorkingDays
from stasis_app.flow import PlanError, explain, load_plan, route_internal
from stasis_app.flow.announcing import position_prompts, wait_prompts
from stasis_app.queues import AgentState, Place

PLAN = """
[plan]
default = "sales"

[elements.sales]
type = "queue"
agents = ["101", "102"]
strategy = "linear"
max_callers = 1
on_timeout = "bye"
on_full = "full"
{more}

[elements.bye]
type = "hangup"

[elements.full]
type = "hangup"
"""


def plan_file(folder: Path, more: str = "") -> Path:
    path = folder / "plan.toml"
    path.write_text(PLAN.format(more=more))
    return path


async def test_explain_foretells_the_queue_as_it_is_now(tmp_path):
    hall = Hall("101", "102")
    plan = load_plan(plan_file(tmp_path), NUMBERS)
    hall.queues.queue("sales", plan.elements["sales"].settings())
    hall.queues.sign("sales", "102", signed_in=False)
    hall.asterisk.phones = {"101": "dnd"}

    told = await explain(plan, hall.context, "+79161234567")

    (queue, *others) = told.path
    assert queue.foretold.notes == (
        "101 (Agent 101): do not disturb",
        "102 (Agent 102): out",
        "nobody waits in the line",
    )
    assert {element.name for element in others} == {"bye", "full"}


@pytest.mark.parametrize(
    ("more", "note", "told_of"),
    [("", "free", []), ("follow_forwards = true", "forwarded to 104 (always)", ["forward_always"])],
)
async def test_explain_tells_of_the_forwards_a_queue_follows(tmp_path, more, note, told_of):
    hall = Hall("101", "102")
    await hall.extensions.change("101", forward_always="104")
    plan = load_plan(plan_file(tmp_path, more), NUMBERS)
    hall.queues.queue("sales", plan.elements["sales"].settings())

    (queue, *_) = (await explain(plan, hall.context, "+79161234567")).path

    assert queue.foretold.notes[0] == f"101 (Agent 101): {note}"
    assert [setting.name for setting in queue.foretold.settings] == told_of


async def test_explain_knows_that_there_is_no_room(tmp_path):
    hall = Hall("101", "102")
    plan = load_plan(plan_file(tmp_path), NUMBERS)
    hall.queues.queue("sales", plan.elements["sales"].settings()).enter(Place("9.0", 0.0))

    told = await explain(plan, hall.context, "+79161234567")

    assert [(element.name, element.certain) for element in told.path] == [("sales", True), ("full", True)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('strategy2 = "linear"', "[elements.sales] strategy2 ="),
        ('first = ["rich"]', "[elements.sales] first.0 ="),
        ('call_back_key = "11"', "[elements.sales] call_back_key ="),
        ('on_empty = "nowhere"', "[elements.sales] on_empty ="),
        ("timeout = 0", "[elements.sales] timeout ="),
        ('greeting = ["with blank"]', "[elements.sales] greeting ="),
    ],
)
def test_wrong_keys_are_named(tmp_path, more, said):
    with pytest.raises(PlanError) as error:
        load_plan(plan_file(tmp_path, more), NUMBERS)

    assert said in str(error.value)


def test_agents_nobody_knows_are_warned_of(tmp_path):
    from stasis_app.flow import check_plan

    checked = check_plan(plan_file(tmp_path), NUMBERS, extensions={"101"})

    assert [(problem.key, problem.value) for problem in checked.problems] == [("agents", '"102"')]


def test_the_position_and_the_wait_in_prompts():
    assert position_prompts(1) == ("queue-youarenext",)
    assert position_prompts(3) == ("queue-thereare", "number:3", "queue-callswaiting")
    assert wait_prompts(None) == ()
    assert wait_prompts(20) == ("queue-holdtime", "queue-less-than", "number:2", "queue-minutes")
    assert wait_prompts(200) == ("queue-holdtime", "number:4", "queue-minutes")


async def test_an_agent_signs_out_and_pauses_by_codes():
    hall = Hall("101")

    async def lead(call) -> None:
        await route_internal(hall.plan, call, hall.context, call.record.dialled)

    hall.flow = lead

    async def dial(code: str, channel: str) -> str:
        await hall.arrives("internal", code, channel=channel, name="PJSIP/101-00000001", number="101")
        said = hall.playing[0][1]
        await hall.prompt_ends()
        await hall.settled()
        assert hall.ended(channel)
        return said

    assert await dial("*45", "1.0") == "sound:agent-loggedoff"
    assert hall.queue.agent_view("101").state is AgentState.OUT
    assert await dial("*45", "2.0") == "sound:agent-loginok"
    assert await dial("*46", "3.0") == "sound:activated"
    assert hall.queues.paused("101")
    assert await dial("*46", "4.0") == "sound:de-activated"
    assert not hall.queues.paused("101")


async def test_a_working_day_is_asked_once_in_two_minutes_and_never_waited_for_long():
    now, asked = [0.0], []

    async def ask(user_id: int):
        asked.append(user_id)
        if user_id == 2:
            raise OSError("away")
        return type("Day", (), {"status": "PAUSED"})

    days = WorkingDays(ask, clock=lambda: now[0])

    assert [await days.of(1), await days.of(1), await days.of(2)] == [
        WorkingDay.PAUSED,
        WorkingDay.PAUSED,
        WorkingDay.UNKNOWN,
    ]
    now[0] = 121.0
    await days.of(1)
    assert asked == [1, 2, 1]
    await days.aclose()


@pytest.mark.parametrize(("told", "weight"), [("Y", 1), (True, 1), (1, 1), ("N", 0), (None, 0), (["12", "Y"], 1)])
async def test_a_vip_is_known_by_any_way_a_portal_writes_yes(told, weight):
    class Crm:
        async def fields(self, entity_type: str, entity_id: int):
            return {"UF_CRM_VIP": told}

    client = Client("CONTACT", 1)

    assert await Importance(Crm()).of(client, ["vip"], "UF_CRM_VIP", ("1", "Y")) == weight
