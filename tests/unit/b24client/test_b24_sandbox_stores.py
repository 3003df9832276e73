"""What the sandbox holds of people and their work can be written down as JSON and read back."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from b24client.sandbox.activities import CALL, Activities
from b24client.sandbox.calls import Call, Finish
from b24client.sandbox.config import SAMPLE_SEED, SandboxConfig
from b24client.sandbox.notices import Notices
from b24client.sandbox.people import People
from b24client.sandbox.robots import Robot, Robots
from b24client.sandbox.tasks import Tasks
from b24client.sandbox.timeline import Timeline
from b24client.sandbox.workdays import WorkDays


def people() -> People:
    return People(SandboxConfig.from_file(SAMPLE_SEED))


def kept(store: Any) -> Any:
    """What a store gives, as it comes back from a file."""
    return orjson.loads(orjson.dumps(store.dump()))


def test_activities() -> None:
    store, other = Activities(), Activities()
    store.add({"TYPE_ID": CALL, "SUBJECT": "x"}, [(3, 501), (2, 7)], 11, [{"VALUE": "+7"}])
    other.load(kept(store))
    assert other.dump() == store.dump()
    assert other.all[7001].bindings == [(3, 501), (2, 7)]
    assert other.add({"TYPE_ID": CALL}, [(3, 501)], 11).id == 7002


def test_timeline_tasks_and_notices() -> None:
    timeline, tasks, notices = Timeline(), Tasks(), Notices()
    timeline.add("comment", (3, 501), 11, "x", files={"1": {"name": "a"}})
    tasks.add({"TITLE": "x", "UF_CRM_TASK": ["C_501"]}, 11)
    notices.add("SYSTEM", user_id=11, dialog_id="11", author_id=0, app="a", message="x", attach=[{"MESSAGE": "y"}])
    for store, other in ((timeline, Timeline()), (tasks, Tasks()), (notices, Notices())):
        other.load(kept(store))  # type: ignore[attr-defined]
        assert other.dump() == store.dump()  # type: ignore[attr-defined]
    again = Tasks()
    again.load(kept(tasks))
    assert again.add({}, 11)["ID"] == "3702"


def test_robots_and_their_runs() -> None:
    store, other = Robots(), Robots()
    robot = Robot("app", "robot", "r", "https://x/", {"USE_SUBSCRIPTION": "Y", "PROPERTIES": {"a": {"Default": 1}}})
    store.known.append(robot)
    run = store.start(robot, ["crm", "CCrmDocumentDeal", "DEAL_1"], {"b": 2})
    assert run.properties == {"a": 1, "b": 2}
    other.load(kept(store))
    assert other.dump() == store.dump()
    assert other.waiting(run.event_token) is not None
    assert other.find("app", "robot", "r") == robot


def test_working_days() -> None:
    staff = people()
    store, other = WorkDays(staff), WorkDays(staff)
    store.open(staff.users[11], time.time(), changed=True).open_place = (1.5, 2.5)
    other.load(kept(store))
    assert other.day(staff.users[11]) == store.day(staff.users[11])


@pytest.mark.parametrize(
    ("type_", "code", "completed", "direction"),
    [(2, "200", "Y", "1"), (2, "304", "N", "1"), (3, "486", "N", "1"), (1, "304", "Y", "2"), (4, "200", "Y", "2")],
)
def test_a_missed_call_is_left_to_do(type_: int, code: str, completed: str, direction: str) -> None:
    client = people().search("+79161234567")[0]
    now = time.time()
    call = Call("externalCall.1", "app", type_, 11, "+79161234567", "79161234567", "", "", now, now, client, None)
    activity = Activities().add_call(call, Finish(12, 0, code, "", now, 1, None))
    assert activity is not None
    assert (activity.row["COMPLETED"], activity.row["DIRECTION"], activity.row["RESPONSIBLE_ID"]) == (
        completed, direction, "12",
    )  # fmt: skip
    assert activity.row["STATUS"] == ("2" if completed == "Y" else "1")
