"""No value of a parameter, or of a field inside one, breaks the methods about people and what there is to do."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from b24_office import Office

NASTY: list[Any] = ["", "²", "\x00", -1, 10**30, [], [[]], {"a": {"b": []}}, {"0": "x"}, True, None]
CONTACT = {"ownerTypeId": 3, "ownerId": 501}
GOOD: dict[str, dict[str, Any]] = {
    "user.get": {"sort": "NAME", "order": "asc", "select": ["ID"], "FILTER": {"UF_DEPARTMENT": 2, "NAME_SEARCH": "b"}},
    "user.search": {"FILTER": {"FIND": "b", "LAST_NAME": "x"}},
    "department.get": {"sort": "ID", "order": "asc", "ID": 1, "PARENT": 1, "start": 0},
    "timeman.open": {"USER_ID": 11, "TIME": "2026-02-03T15:00:00+00:00", "LAT": 1.5},
    "timeman.close": {"USER_ID": 11, "TIME": "2026-02-03T15:00:00+00:00", "LON": 1.5},
    "timeman.schedule.get": {"id": 1},
    "crm.activity.add": {
        "fields": {
            "OWNER_TYPE_ID": 3, "OWNER_ID": 501, "TYPE_ID": 2, "SUBJECT": "x", "RESPONSIBLE_ID": 11,
            "COMMUNICATIONS": [{"VALUE": "1"}], "START_TIME": "x", "COMPLETED": "Y", "DIRECTION": 1,
        }
    },
    "crm.activity.list": {
        "filter": {"BINDINGS": [{"OWNER_TYPE_ID": 3}], ">ID": 1}, "order": {"ID": "asc"}, "select": ["*"], "start": 0,
    },
    "crm.activity.update": {"id": 7001, "fields": {"SUBJECT": "x", "COMPLETED": "N"}},
    "crm.activity.todo.add": {**CONTACT, "deadline": "2026-02-03T15:00:00", "pingOffsets": [1], "colorId": 1},
    "crm.activity.todo.update": {**CONTACT, "id": 7001, "deadline": "2026-02-03T15:00:00", "parentActivityId": 1},
    "crm.timeline.comment.add": {
        "fields": {"ENTITY_TYPE": "contact", "ENTITY_ID": 501, "COMMENT": "x", "AUTHOR_ID": 1, "FILES": [["a", "YWJj"]]}
    },
    "crm.timeline.comment.list": {"filter": {"ENTITY_TYPE": "contact", "ENTITY_ID": 501}, "order": {"ID": "asc"}},
    "crm.timeline.logmessage.add": {
        "fields": {"entityTypeId": 3, "entityId": 501, "title": "x", "text": "x", "iconCode": "info"}
    },
    "tasks.task.add": {
        "fields": {"TITLE": "x", "RESPONSIBLE_ID": 11, "CREATED_BY": 1, "UF_CRM_TASK": ["C_501"], "PARENT_ID": 1}
    },
    "tasks.task.get": {"taskId": 3701, "select": ["ID"]},
    "tasks.task.list": {"filter": {"TITLE": "x", "!REAL_STATUS": 5}, "order": {"ID": "asc"}, "select": ["ID"]},
    "tasks.task.update": {"taskId": 3701, "fields": {"TITLE": "x", "STATUS": 3, "CREATED_BY": 1}},
    "im.notify": {"USER_ID": 11, "MESSAGE": "x", "TYPE": "USER", "TAG": "x", "ATTACH": {"a": 1}},
    "im.message.add": {"DIALOG_ID": 11, "MESSAGE": "x", "ATTACH": {"a": 1}},
    "bizproc.robot.add": {
        "CODE": "r", "HANDLER": "https://x/", "NAME": "R", "AUTH_USER_ID": 1, "PROPERTIES": {"a": {"Name": "A"}},
        "FILTER": {"INCLUDE": [["crm"]]}, "DOCUMENT_TYPE": ["a", "b", "c"], "USE_SUBSCRIPTION": "Y",
    },
    "bizproc.event.send": {"EVENT_TOKEN": "x", "RETURN_VALUES": {"a": 1}, "LOG_MESSAGE": "x"},
    "telephony.call.attachTranscription": {"CALL_ID": "c", "MESSAGES": [{"SIDE": "User"}], "COST": 1},
    "voximplant.user.get": {"USER_ID": [11]},
    "method.get": {"name": "user.get"},
    "methods": {"scope": "user", "full": True},
    "feature.get": {"CODE": "x"},
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
async def test_nothing_sent_breaks_it(office: Office, http: aiohttp.ClientSession, name: str) -> None:
    token = office.sandbox.access.grant(1, office.url)["access_token"]

    async def send(method: str, params: dict[str, Any]) -> None:
        async with http.post(f"{office.url}/rest/{method}", json={**params, "auth": token}) as answer:
            body = await answer.json()
            assert answer.status < 500, (params, body)
            assert "result" in body or body["error_description"], (params, body)

    await send("crm.activity.todo.add", GOOD["crm.activity.todo.add"])
    await send("tasks.task.add", {"fields": {"TITLE": "x", "RESPONSIBLE_ID": 11}})
    good = GOOD[name]
    for parameter, given in good.items():
        for value in NASTY:
            await send(name, {**good, parameter: value})
            for field in given if isinstance(given, dict) else ():
                await send(name, {**good, parameter: {**given, field: value}})
    for reader in ("tasks.task.list", "crm.activity.list", "bizproc.robot.list", "timeman.status", "user.get"):
        await send(reader, {})
    for code in (robot.code for robot in office.sandbox.robots.known):
        body = {"code": code, "properties": {"a": 1}}
        async with http.post(f"{office.url}/sandbox/api/robot", json=body) as answer:
            assert answer.status == 200
