"""Odd replies about people, working days and what there is to do, as live portals and proxies send them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24client import (
    Activities,
    Activity,
    Application,
    BadReply,
    Command,
    CommandResult,
    DayStatus,
    Department,
    Departments,
    NewActivity,
    NewTask,
    NewTodo,
    Notification,
    Notifications,
    Priority,
    Robot,
    RobotRequest,
    Robots,
    Task,
    Tasks,
    Telephony,
    Timeline,
    Timeman,
    User,
    Utterance,
    WorkDay,
    WorkSettings,
    crm_link,
)
from b24client.classify import classify, repeatable
from b24client.errors import AccessDenied, Refused
from b24client.php import new_id, read


class Echo:
    """A portal that answers everything with the same thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> Any:
        self.asked.append((method, params or {}))
        return self.answer

    async def batch(
        self,
        commands: Sequence[Command],
        *,
        halt: bool = False,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> dict[str, CommandResult]:
        self.asked += [(command.method, command.params) for command in commands]
        return {command.key: CommandResult(self.answer) for command in commands}

    async def page(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        priority: Priority = Priority.SYNC,
        timeout: float | None = None,
    ) -> tuple[Any, int | None]:
        return await self.call(method, params), None

    async def upload(self, method: str, url: str, form: Callable[[], aiohttp.FormData], *, timeout: float) -> Any:
        raise NotImplementedError


TODO = NewTodo(owner_type_id=3, owner_id=1, deadline=datetime(2026, 2, 3, 15, tzinfo=UTC))
REQUEST = RobotRequest.from_form({"code": "r", "event_token": "t"})
CALLS: dict[str, Callable[[Echo], Awaitable[Any]]] = {
    "departments": lambda portal: Departments(portal).list(),
    "status": lambda portal: Timeman(portal).status(),
    "settings": lambda portal: Timeman(portal).settings(1),
    "schedule": lambda portal: Timeman(portal).schedule(1),
    "activity": lambda portal: Activities(portal).get(1),
    "activities": lambda portal: Activities(portal).list(),
    "todo": lambda portal: Activities(portal).add_todo(TODO),
    "comment": lambda portal: Timeline(portal).comment("deal", 1, "x"),
    "comments": lambda portal: Timeline(portal).latest_comments("deal", 1),
    "log": lambda portal: Timeline(portal).log(2, 1, "x", "y"),
    "task": lambda portal: Tasks(portal).complete(1),
    "tasks": lambda portal: Tasks(portal).list(),
    "notification": lambda portal: Notifications(portal).system(Notification(user_id=1, message="x")),
    "message": lambda portal: Notifications(portal).message(1, "x"),
    "robots": lambda portal: Robots(portal).codes(),
    "method": lambda portal: Application(portal).method("user.get"),
    "methods": lambda portal: Application(portal).methods(),
    "feature": lambda portal: Application(portal).feature("x"),
    "time": lambda portal: Application(portal).server_time(),
    "transcript": lambda portal: Telephony(portal).attach_transcription(
        "c", [Utterance(side="Client", start=0, stop=1, message="x")]
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("answer", ["<html>", 3.5, "²"], ids=repr)
async def test_nonsense_is_a_bad_reply_that_names_the_method(name: str, answer: Any) -> None:
    portal = Echo(answer)
    with pytest.raises(BadReply) as bad:
        await CALLS[name](portal)
    assert bad.value.method == portal.asked[-1][0]


@pytest.mark.parametrize("name", CALLS)
@given(
    answer=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    )
)
async def test_whatever_comes_nothing_but_a_bad_reply_is_raised(name: str, answer: Any) -> None:
    try:
        await CALLS[name](Echo(answer))
    except BadReply:
        pass


@pytest.mark.parametrize("answer", [[], {}, None, ""], ids=repr)
async def test_an_empty_answer_is_nothing_found(answer: Any) -> None:
    portal = Echo(answer)
    assert await Timeman(portal).schedule(1) is None
    assert await Tasks(portal).get(1) is None
    assert await Notifications(portal).system(Notification(user_id=1, message="x")) is None


async def test_false_instead_of_an_id_is_no_id() -> None:
    with pytest.raises(BadReply, match="expected an id, got bool"):
        await Activities(Echo(False)).add(
            NewActivity(owner_type_id=3, owner_id=1, subject="x", responsible_id=1, phone="+7")
        )
    with pytest.raises(BadReply, match="id: expected an id"):
        new_id("m", {"id": None}, "id")
    assert new_id("m", {"id": "7"}, "id") == new_id("m", 7) == 7


def test_a_working_day_as_a_portal_tells_it() -> None:
    row = {
        "STATUS": "PAUSED", "TIME_START": "2025-03-27T08:00:01+02:00", "TIME_FINISH": None, "DURATION": "00:00:00",
        "TIME_LEAKS": "01:22:56", "ACTIVE": False, "LAT_OPEN": 53.5, "TZ_OFFSET": 7200,
    }  # fmt: skip
    day = read(WorkDay, "timeman.status", row)
    assert (day.status, day.working, day.confirmed, day.finished) == (DayStatus.PAUSED, False, False, None)
    assert day.started == datetime(2025, 3, 27, 6, 0, 1, tzinfo=UTC)
    assert day.leaks == timedelta(hours=1, minutes=22, seconds=56)
    long = read(WorkDay, "m", {**row, "DURATION": "27:30", "TIME_LEAKS": "", "TIME_START": {}, "ACTIVE": "Y"})
    assert (long.duration, long.leaks, long.started) == (timedelta(hours=27, minutes=30), timedelta(0), None)


@pytest.mark.parametrize("row", [{}, {"STATUS": "ASLEEP"}, {"STATUS": "OPENED", "DURATION": "soon"}], ids=str)
def test_a_working_day_no_portal_tells(row: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        read(WorkDay, "timeman.status", row)


def test_settings_with_php_habits() -> None:
    told = {"UF_TIMEMAN": "Y", "UF_TM_FREE": 0, "UF_TM_MAX_START": "09:15:00", "UF_TM_MIN_DURATION": None}
    settings = read(WorkSettings, "m", told)
    assert (settings.tracked, settings.flexible, settings.manages_others) == (True, False, False)
    assert (settings.latest_start, settings.shortest) == (timedelta(hours=9, minutes=15), timedelta(0))


def test_rows_with_php_habits() -> None:
    department = read(Department, "m", {"ID": "1", "NAME": "A", "SORT": "500", "PARENT": "", "UF_HEAD": "0"})
    assert (department.parent, department.head, department.sort) == (None, None, 500)
    activity = read(
        Activity,
        "m",
        {"ID": "9", "TYPE_ID": "2", "COMPLETED": "Y", "START_TIME": {}, "COMMUNICATIONS": {"0": {"VALUE": 1}}},
    )
    assert (activity.type_id, activity.completed, activity.start_time) == (2, True, None)
    assert [c.value for c in activity.communications] == ["1"]
    task = read(Task, "m", {"id": "3", "status": "5", "deadline": "", "ufCrmTask": False, "responsibleId": "0"})
    assert (task.completed, task.deadline, task.crm_links, task.responsible_id) == (True, None, (), None)
    assert read(User, "m", {"ID": "1", "UF_DEPARTMENT": []}).departments == []


async def test_a_feature_on_premise_counts_as_missing() -> None:
    assert not await Application(Echo({"value": "en_selfhosted"})).feature("rest_auth_connector")
    assert await Application(Echo({"value": "Y"})).feature("rest_auth_connector")


def test_links_to_entities() -> None:
    assert (crm_link("company", 5), crm_link("DEAL", 7)) == ("CO_5", "D_7")
    with pytest.raises(ValueError, match="planet"):
        crm_link("planet", 1)


def test_what_is_left_out_is_left_to_the_portal() -> None:
    assert TODO.to_params() == {"ownerTypeId": 3, "ownerId": 1, "deadline": "2026-02-03T15:00:00+00:00"}
    assert NewTask(title="x", responsible_id=1).to_fields() == {"TITLE": "x", "RESPONSIBLE_ID": 1}
    assert Notification(user_id=1, message="x").to_params() == {"USER_ID": 1, "MESSAGE": "x"}
    fields = Robot(code="r", handler="https://x/", name="R").to_fields()
    assert fields == {"HANDLER": "https://x/", "NAME": "R", "USE_SUBSCRIPTION": "N"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: NewTodo(owner_type_id=3, owner_id=1, deadline=datetime(2026, 2, 3)),  # noqa: DTZ001
        lambda: NewTodo(owner_type_id=3, owner_id=1, deadline=datetime(2026, 2, 3, tzinfo=UTC), color_id=9),
        lambda: NewTask(title="", responsible_id=1),
        lambda: Robot(code="call back", handler="https://x/", name="R"),
        lambda: Robot(code="r", handler="ftp://x/", name="R"),
        lambda: Utterance(side="Client", start=5, stop=2, message="x"),
        lambda: Utterance(side="Client", start=0, stop=0, message="x"),
    ],
)
def test_what_no_portal_would_take_is_not_built(wrong: Callable[[], Any]) -> None:
    with pytest.raises(ValueError):
        wrong()


def test_a_robots_form_with_and_without_tokens() -> None:
    form = {
        "code": "r", "event_token": "tok|en", "document_id[0]": "crm", "document_id[1]": "CCrmDocumentDeal",
        "document_id[2]": "DEAL_10", "properties[a]": "1", "properties[b][0]": "x", "use_subscription": "Y",
        "timeout_duration": "60", "ts": "1773236988", "auth[member_id]": "m", "auth[application_token]": "secret",
        "auth[access_token]": "access",
    }  # fmt: skip
    request = RobotRequest.from_form(form)
    assert request.document_id[2] == "DEAL_10"
    assert (request.properties, request.use_subscription) == ({"a": "1", "b": ["x"]}, True)
    assert request.ts == datetime.fromtimestamp(1773236988, UTC)
    assert request.tokens is not None
    assert not any(secret in repr(request) for secret in ("tok|en", "secret", "'access'"))

    bare = RobotRequest.from_form({"code": "r", "event_token": "t", "properties": "", "auth": "x", "ts": "soon"})
    assert (bare.tokens, bare.properties, bare.member_id, bare.ts) == (None, {}, "", None)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "code"),
        ({"code": "r"}, "event_token"),
        ({"code": "r", "event_token": "t", "timeout_duration": "soon"}, "timeout_duration"),
        ({"code": "r", "event_token": "t", "document_id": "7"}, "list"),
    ],
)
def test_a_form_no_robot_gets(form: dict[str, str], field: str) -> None:
    with pytest.raises(ValueError, match=field) as wrong:
        RobotRequest.from_form(form)
    assert "'t'" not in str(wrong.value)


def test_denied_altogether_or_denied_one_item() -> None:
    assert isinstance(classify("bizproc.robot.add", 400, "ACCESS_DENIED", "Access denied!"), AccessDenied)
    assert isinstance(classify("app.info", 400, "ACCESS_DENIED", "Application context required"), AccessDenied)
    assert isinstance(classify("crm.timeline.logmessage.add", 400, "ACCESS_DENIED", "Access denied"), Refused)


def test_what_may_be_sent_twice() -> None:
    for harmless in ("crm.activity.update", "crm.activity.todo.updateDeadline", "tasks.task.update", "timeman.status"):
        assert repeatable(harmless)
    for once in ("crm.activity.add", "crm.activity.todo.add", "tasks.task.add", "im.notify.system.add", "timeman.open"):
        assert not repeatable(once)
