"""What is left to do after a call, and how the employees hear of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office

from b24client import (
    ActivityType,
    Direction,
    EntityType,
    FinishCall,
    NewActivity,
    NewTask,
    NewTodo,
    Notification,
    Portal,
    Refused,
    RegisterCall,
    StatusCode,
    TaskStatus,
    crm_link,
)

IVAN = (EntityType.CONTACT, 501)
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def a_call(portal: Portal, *, user_id: int = 11, talked: int = 0, **fields: Any) -> tuple[str, int | None]:
    """A call from its beginning to its end; its id and its activity."""
    call = await portal.telephony.register(
        RegisterCall.model_validate({"user_id": user_id, "phone_number": "+79161234567", "type": 2, **fields})
    )
    code = StatusCode.SUCCESS if talked else StatusCode.MISSED
    done = await portal.telephony.finish(
        FinishCall(call_id=call.call_id, user_id=user_id, duration=talked, status_code=code)
    )
    return call.call_id, done.crm_activity_id


async def told(office: Office, http: aiohttp.ClientSession, what: str) -> list[dict[str, Any]]:
    async with http.get(f"{office.url}/sandbox/api/{what}") as answer:
        found = await answer.json()
    assert isinstance(found, list)
    return found


async def refused(portal: Portal, method: str, **params: Any) -> tuple[str, str]:
    """The code and text of a refusal."""
    with pytest.raises(Refused) as error:
        await portal.call(method, params)
    return error.value.code, error.value.description


async def test_a_call_is_an_activity_of_the_client(portal: Portal) -> None:
    call_id, activity_id = await a_call(portal, user_id=12, talked=30, call_start_date=TOMORROW - timedelta(days=2))
    (activity,) = await portal.activities.of(*IVAN)
    assert activity.id == activity_id
    assert (activity.type_id, activity.provider_id, activity.provider_type_id) == (
        ActivityType.CALL, "VOXIMPLANT_CALL", "CALL",
    )  # fmt: skip
    assert (activity.direction, activity.completed, activity.responsible_id) == (Direction.INCOMING, True, 12)
    assert (activity.owner_type_id, activity.owner_id, activity.origin_id) == (3, 501, f"VI_{call_id}")
    assert activity.start_time == activity.deadline == TOMORROW - timedelta(days=2)
    assert await portal.activities.list({"ORIGIN_ID": activity.origin_id}) == [activity]
    assert await portal.activities.get(activity.id) == activity

    (with_number,) = await portal.activities.list({"ID": activity.id}, select=["*", "COMMUNICATIONS"])
    assert [(c.value, c.entity_id) for c in with_number.communications] == [("+79161234567", 501)]
    assert not activity.communications


async def test_the_application_hears_of_activities(portal: Portal) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        form = await request.post()
        heard.put_nowait((str(form["event"]), str(form["data[FIELDS][ID]"])))
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server, asyncio.timeout(10):
        for event in ("ONCRMACTIVITYADD", "ONCRMACTIVITYUPDATE", "ONCRMACTIVITYDELETE"):
            await portal.events.bind(event, str(server.make_url("/")))
        _, activity_id = await a_call(portal)
        assert activity_id is not None
        assert await heard.get() == ("ONCRMACTIVITYADD", str(activity_id))
        await portal.activities.complete(activity_id)
        assert await heard.get() == ("ONCRMACTIVITYUPDATE", str(activity_id))
        await portal.activities.delete(activity_id)
        assert await heard.get() == ("ONCRMACTIVITYDELETE", str(activity_id))


async def test_a_call_of_nobody_leaves_no_activity(portal: Portal) -> None:
    assert (await a_call(portal, phone_number="+79990000001"))[1] is None
    assert await portal.activities.list() == []


async def test_a_missed_call_becomes_a_to_do_for_the_responsible(portal: Portal) -> None:
    _, activity_id = await a_call(portal)
    assert activity_id is not None
    missed = await portal.activities.get(activity_id)
    assert (missed.completed, missed.direction) == (False, Direction.INCOMING)

    (client,) = await portal.telephony.search_crm_entities("+79161234567")
    owner = EntityType[client.entity_type], client.entity_id
    todo_id = await portal.activities.add_todo(
        NewTodo(
            owner_type_id=owner[0],
            owner_id=owner[1],
            deadline=TOMORROW,
            title="Call back Ivan Ivanov",
            responsible_id=client.assigned_by_id,
            ping_offsets=(0, 15),
            color_id=2,
        )
    )
    open_ones = await portal.activities.of(*owner, COMPLETED="N")
    assert [activity.id for activity in open_ones] == [activity_id, todo_id]
    todo = open_ones[1]
    assert (todo.subject, todo.responsible_id, todo.deadline) == ("Call back Ivan Ivanov", 11, TOMORROW)
    assert (todo.type_id, todo.provider_id) == (ActivityType.PROVIDER, "CRM_TODO")

    await portal.activities.reassign_todo(todo_id, owner, 12)
    await portal.activities.postpone_todo(todo_id, owner, TOMORROW + timedelta(hours=1))
    todo = await portal.activities.get(todo_id)
    assert (todo.responsible_id, todo.deadline) == (12, TOMORROW + timedelta(hours=1))

    await portal.activities.complete(todo_id)
    await portal.activities.complete(activity_id)
    assert await portal.activities.of(*owner, COMPLETED="N") == []
    with pytest.raises(Refused) as over:
        await portal.activities.postpone_todo(todo_id, owner, TOMORROW)
    assert over.value.code == "CAN_NOT_UPDATE_COMPLETED_TODO"
    with pytest.raises(Refused) as over:
        await portal.activities.reassign_todo(todo_id, owner, 11)
    assert over.value.code == "CAN_NOT_UPDATE_RESPONSIBLE_USER_COMPLETED_TODO"


async def test_a_to_do_can_be_rewritten(office: Office, portal: Portal) -> None:
    wanted = NewTodo(owner_type_id=3, owner_id=501, deadline=TOMORROW, title="Call", description="about the bill")
    todo_id = await portal.activities.add_todo(wanted)
    await portal.activities.update_todo(todo_id, wanted.model_copy(update={"title": "Write", "color_id": 7}))
    todo = await portal.activities.get(todo_id)
    assert (todo.subject, todo.description, todo.responsible_id) == ("Write", "about the bill", 1)
    assert office.sandbox.activities.all[todo_id].color_id == "7"

    about = {"id": todo_id, "ownerTypeId": 3, "ownerId": 501}
    await portal.call("crm.activity.todo.updateDescription", {**about, "value": "by post"})
    await portal.call("crm.activity.todo.updateColor", {**about, "colorId": 3})
    assert (await portal.activities.get(todo_id)).description == "by post"
    assert office.sandbox.activities.all[todo_id].color_id == "3"


async def test_to_dos_that_can_not_be(portal: Portal) -> None:
    good = {"ownerTypeId": 3, "ownerId": 501, "deadline": "2026-02-03T15:00:00"}
    todo_id = (await portal.call("crm.activity.todo.add", good))["id"]

    async def no(method: str, **change: Any) -> str:
        params = {key: value for key, value in {**good, **change}.items() if value is not None}
        return (await refused(portal, f"crm.activity.todo.{method}", **params))[0]

    assert await no("add", deadline=None) == "100"
    assert await no("add", ownerId=None) == "100"
    assert await no("add", deadline="soon") == "WRONG_DATETIME_FORMAT"
    assert await no("add", ownerId=999) == "OWNER_NOT_FOUND"
    assert await no("update", id=4) == "NOT_FOUND"
    assert await no("update", id=todo_id, ownerTypeId=4, ownerId=601) == "NOT_FOUND"
    assert await no("update") == "100"
    assert await no("updateDeadline", id=todo_id, value="") == "100"
    assert await no("updateResponsibleUser", id=todo_id, responsibleId=0) == "INVALID_ARG_VALUE"
    await portal.activities.complete(todo_id)
    other = (await portal.call("crm.activity.todo.add", good))["id"]
    assert await no("update", id=other, parentActivityId=todo_id) == "ERROR_PARENT_ACTIVITY_RESTRICT"


async def test_a_call_made_elsewhere_is_written_down(portal: Portal) -> None:
    activity_id = await portal.activities.add(
        NewActivity(
            owner_type_id=EntityType.COMPANY,
            owner_id=601,
            subject="From the mobile",
            responsible_id=13,
            phone="+74951234500",
            start_time=TOMORROW,
            end_time=TOMORROW + timedelta(minutes=3),
            completed=True,
            origin_id="mobile-1",
        )
    )
    activity = await portal.activities.get(activity_id)
    assert (activity.subject, activity.direction, activity.completed) == ("From the mobile", Direction.OUTGOING, True)
    assert (activity.start_time, activity.end_time) == (TOMORROW, TOMORROW + timedelta(minutes=3))
    await portal.activities.update(activity_id, {"SUBJECT": "Mobile", "COMPLETED": "N"})
    assert not (await portal.activities.get(activity_id)).completed
    await portal.activities.delete(activity_id)
    with pytest.raises(Refused, match="Activity is not found"):
        await portal.activities.get(activity_id)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"SUBJECT": " "}, "The field SUBJECT is not defined or empty"),
        ({"RESPONSIBLE_ID": 0}, "The field RESPONSIBLE_ID is not defined or invalid"),
        ({"TYPE_ID": 9}, "The field TYPE_ID is not defined or invalid"),
        ({"COMMUNICATIONS": []}, "The field COMMUNICATIONS is not defined or invalid"),
        ({"COMMUNICATIONS": [{"VALUE": "1"}, {"VALUE": "2"}]}, "The only one communication is allowed"),
        ({"OWNER_ID": 999}, "Could not build binding"),
        ({"TYPE_ID": 6}, "The custom activity without provider"),
        ({"TYPE_ID": 6, "PROVIDER_ID": "CONFIGURABLE_REST_APP"}, "Use crm.activity.configurable.add"),
    ],
    ids=str,
)
async def test_activities_that_can_not_be(portal: Portal, change: dict[str, Any], text: str) -> None:
    fields = {
        "OWNER_TYPE_ID": 3, "OWNER_ID": 501, "TYPE_ID": 2, "SUBJECT": "Call", "RESPONSIBLE_ID": 11,
        "COMMUNICATIONS": [{"VALUE": "+7916"}], **change,
    }  # fmt: skip
    code, told = await refused(portal, "crm.activity.add", fields=fields)
    assert (code, told.startswith(text)) == ("", True), told


async def test_many_activities_are_read_whole(office: Office, portal: Portal) -> None:
    for number in range(120):
        await portal.call(
            "crm.activity.todo.add",
            {"ownerTypeId": 3, "ownerId": 501, "deadline": "2026-02-03T15:00:00", "title": f"T{number}"},
        )
    assert [a.subject for a in await portal.activities.of(*IVAN)] == [f"T{number}" for number in range(120)]


async def test_the_timeline_keeps_what_was_said(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    comment = await portal.timeline.comment("CONTACT", 501, "Prefers e-mail", author_id=11, files={"a.txt": b"abc"})
    entry = await portal.timeline.log(3, 501, "Voicemail", "Left after 40 s", icon="call")
    assert (entry.title, entry.text) == ("Voicemail", "Left after 40 s")

    found = [c async for c in portal.timeline.comments("contact", 501)]
    assert [(c.id, c.comment, c.author_id, c.entity_type) for c in found] == [
        (comment, "Prefers e-mail", 11, "contact")
    ]
    kept = await told(office, http, "timeline")
    assert [(k["kind"], k["icon_code"]) for k in kept] == [("comment", ""), ("logMessage", "call")]
    assert [(f["name"], f["size"]) for f in kept[0]["files"]] == [("a.txt", 3)]


async def test_the_latest_comments_are_read_with_one_request(office: Office, portal: Portal) -> None:
    for number in range(60):
        await portal.timeline.comment("contact", 501, f"No. {number}")

    latest = [comment.comment for comment in await portal.timeline.latest_comments("CONTACT", 501)]
    assert latest == [f"No. {number}" for number in range(59, 9, -1)]


async def test_comments_that_can_not_be(portal: Portal) -> None:
    good = {"ENTITY_TYPE": "contact", "ENTITY_ID": 501, "COMMENT": "Hello"}
    add = "crm.timeline.comment.add"
    assert (await refused(portal, add))[0] == "100"
    assert (await refused(portal, add, FIELDS=good))[0] == "100", "the portal wants this parameter in lower case"
    assert (await refused(portal, add, fields={**good, "COMMENT": " "}))[0] == "INVALID_ARG_VALUE"
    assert (await refused(portal, add, fields={**good, "ENTITY_ID": 999}))[0] == "OWNER_NOT_FOUND"
    assert (await refused(portal, add, fields={**good, "ENTITY_TYPE": "planet"}))[0] == "OWNER_NOT_FOUND"
    log = {"entityTypeId": 3, "entityId": 501, "title": "T", "text": "x", "iconCode": "info"}
    assert (await refused(portal, "crm.timeline.logmessage.add", fields={**log, "iconCode": ""}))[0] == "100"
    assert (await refused(portal, "crm.timeline.logmessage.add", fields={**log, "entityId": 9}))[0] == "OWNER_NOT_FOUND"
    with pytest.raises(ValueError, match="empty"):
        await portal.timeline.comment("contact", 501, "  ")
    with pytest.raises(Refused, match="Access denied"):
        assert [c async for c in portal.timeline.comments("contact", 999)]


async def test_a_task_hangs_on_the_client(portal: Portal) -> None:
    link = crm_link("CONTACT", 501)
    task = await portal.tasks.add(
        NewTask(title="Send the offer", responsible_id=12, deadline=TOMORROW, created_by=11, crm_links=(link,))
    )
    assert (task.title, task.responsible_id, task.created_by, task.deadline) == ("Send the offer", 12, 11, TOMORROW)
    other = await portal.tasks.add(NewTask(title="Water the flowers", responsible_id=13))

    assert [t.id for t in await portal.tasks.list({"UF_CRM_TASK": link})] == [task.id]
    assert [t.id for t in await portal.tasks.list({"RESPONSIBLE_ID": [12, 13], "!REAL_STATUS": 5})] == [
        task.id,
        other.id,
    ]
    assert (await portal.tasks.update(task.id, {"RESPONSIBLE_ID": 13, "PRIORITY": 2})).responsible_id == 13

    done = await portal.tasks.complete(task.id)
    assert (done.completed, done.status) == (True, TaskStatus.COMPLETED)
    kept = await portal.tasks.get(task.id)
    assert kept is not None
    assert (kept.closed_date is not None, kept.crm_links) == (True, (link,))
    assert await portal.tasks.get(999) is None
    assert await portal.tasks.list({"REAL_STATUS": TaskStatus.COMPLETED.value}) == [kept]


async def test_tasks_that_can_not_be(portal: Portal) -> None:
    good = {"TITLE": "Call", "RESPONSIBLE_ID": 11}
    task_id = (await portal.call("tasks.task.add", {"fields": good}))["task"]["id"]

    async def no(method: str = "add", **params: Any) -> tuple[str, str]:
        code, text = await refused(portal, f"tasks.task.{method}", **params)
        return code, text.removesuffix("<br>")

    assert (await no())[0] == "100"
    assert await no(fields={**good, "TITLE": ""}) == ("ERROR_CORE", "Task title not specified")
    assert await no(fields={"TITLE": "Call"}) == ("ERROR_CORE", "Assignee not specified")
    assert (await no(fields={**good, "RESPONSIBLE_ID": 999}))[1].endswith("not found")
    assert await no(fields={**good, "STATUS": 9}) == ("ERROR_CORE", "Invalid status")
    assert (await no(fields={**good, "PARENT_ID": 9}))[1].startswith("Task specified")
    assert await no("update", taskId=task_id, fields={"PARENT_ID": task_id}) == (
        "ERROR_CORE", "Cannot bind the node to itself",
    )  # fmt: skip
    assert await no("complete", taskId="x") == ("0", "wrong task id")
    assert (await no("complete", taskId=999))[1].startswith("Action on the task is not allowed")
    assert (await no("complete"))[0] == "100"
    assert (await no("get", taskId=task_id, select=[]))[0] == "100"


async def test_a_notification_reaches_him(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    notice = Notification(user_id=11, message="Missed: [B]+79161234567[/B]", tag="call-1", attach=[{"MESSAGE": "x"}])
    first = await portal.notifications.system(notice)
    await portal.notifications.personal(Notification(user_id=12, message="For you"))
    assert [n["message"] for n in await told(office, http, "notifications?user_id=11")] == [notice.message]

    again = await portal.notifications.system(notice.model_copy(update={"message": "Called back"}))
    (kept,) = await told(office, http, "notifications?user_id=11")
    assert (kept["id"], kept["message"], kept["kind"], kept["author_id"]) == (again, "Called back", "SYSTEM", 0)
    assert again != first
    assert kept["attach"] == [{"MESSAGE": "x"}]

    message = await portal.notifications.message(11, "Are you there?")
    await portal.notifications.message("chat13", "All of you?")
    assert [n["id"] for n in await told(office, http, "notifications?user_id=11")] == [again, message]
    assert [n["dialog_id"] for n in await told(office, http, "notifications")] == ["12", "11", "11", "chat13"]


async def test_a_webhook_names_whose_tags_they_are(office: Office) -> None:
    portal = await office.by_webhook()
    for client_id in ("", "", "mine", "mine"):
        await portal.notifications.system(Notification(user_id=11, message="Hi", tag="t", client_id=client_id))
    assert [notice.tag for notice in office.sandbox.notices.of(11)] == ["", "", "t"]


async def test_nobody_to_be_notified(portal: Portal) -> None:
    assert await portal.notifications.system(Notification(user_id=14, message="Hi")) is None
    assert await portal.notifications.personal(Notification(user_id=999, message="Hi")) is None


async def test_notifications_that_can_not_be(portal: Portal) -> None:
    for method in ("im.notify", "im.notify.personal.add", "im.notify.system.add"):
        assert (await refused(portal, method, MESSAGE="Hi"))[0] == "USER_ID_EMPTY"
        assert (await refused(portal, method, USER_ID=11, MESSAGE=" "))[0] == "MESSAGE_EMPTY"
        assert (await refused(portal, method, USER_ID=11, MESSAGE="Hi", ATTACH="{"))[0] == "ATTACH_ERROR"
        assert (await refused(portal, method, USER_ID=11, MESSAGE="Hi", ATTACH=["x" * 70_000]))[0] == "ATTACH_OVERSIZE"
    add = "im.message.add"
    assert (await refused(portal, add, MESSAGE="Hi"))[0] == "USER_ID_EMPTY"
    assert (await refused(portal, add, DIALOG_ID="chat", MESSAGE="Hi"))[0] == "CHAT_ID_EMPTY"
    assert (await refused(portal, add, DIALOG_ID=11))[0] == "MESSAGE_EMPTY"
    assert (await refused(portal, add, DIALOG_ID=999, MESSAGE="Hi"))[0] == "ACCESS_ERROR"
    with pytest.raises(ValueError, match="longer"):
        Notification(user_id=11, message="Hi", attach=["x" * 70_000])
    with pytest.raises(ValueError, match="user_id"):
        Notification(user_id=0, message="Hi")


async def test_a_reset_forgets_what_was_to_do(office: Office, portal: Portal, http: aiohttp.ClientSession) -> None:
    await a_call(portal)
    await portal.notifications.system(Notification(user_id=11, message="Hi"))
    await portal.tasks.add(NewTask(title="Call", responsible_id=11))
    await portal.timeline.comment("contact", 501, "Hello")
    async with http.post(f"{office.url}/sandbox/api/reset") as answer:
        assert answer.status == 200
    for what in ("activities", "notifications", "tasks", "timeline", "calls"):
        assert await told(office, http, what) == []
