"""The sandbox as any HTTP client finds it: documented addresses, encodings, statuses, texts and oddities."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from b24_office import Office, Opens

from b24client.sandbox import SandboxConfig
from b24client.sandbox.methods import REGISTRY

Answer = tuple[int, dict[str, Any]]


class Wire:
    """Bare requests to a sandbox."""

    def __init__(self, office: Office, http: aiohttp.ClientSession) -> None:
        self.office = office
        self.http = http
        self.token = office.sandbox.access.grant(1, office.url)["access_token"]

    async def app(self, method: str, **params: Any) -> Answer:
        """As an application, JSON."""
        return await self.send("POST", f"/rest/{method}", json={"auth": self.token, **params})

    async def hook(self, method: str, **params: Any) -> Answer:
        """By webhook, JSON."""
        return await self.send("POST", f"/rest/1/sandboxsecret/{method}", json=params)

    async def send(self, verb: str, path: str, **options: Any) -> Answer:
        async with self.http.request(verb, self.office.url + path, **options) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def wire(office: Office, http: aiohttp.ClientSession) -> Wire:
    return Wire(office, http)


REGISTER = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"
ATTACH = "telephony.externalCall.attachRecord"
INCOMING = {"USER_ID": 11, "PHONE_NUMBER": "+79161234567", "TYPE": 2}
NOT_FOUND = "Call is not found (call should be registered prior to finishing)"


@pytest.mark.parametrize(
    ("method", "params", "status", "code", "text"),
    [
        (REGISTER, {**INCOMING, "USER_ID": ""}, 400, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set"),
        (REGISTER, {**INCOMING, "TYPE": 9}, 400, "ERROR_CORE", "Unknown TYPE"),
        (REGISTER, {**INCOMING, "PHONE_NUMBER": "+"}, 400, "ERROR_CORE", "Unsupported phone number format"),
        (REGISTER, {**INCOMING, "USER_ID": 999}, 400, "ERROR_CORE", "User is not found or is not active"),
        (REGISTER, {**INCOMING, "CALL_START_DATE": "10.03.2026"}, 400, "ERROR_CORE", "ISO-8601"),
        (FINISH, {"CALL_ID": 7, "USER_ID": 11}, 400, "INVALID_ARGUMENT", "CALL_ID must be a string"),
        (FINISH, {"CALL_ID": "x", "USER_ID": 11}, 400, "ERROR_CORE", NOT_FOUND),
        (ATTACH, {"CALL_ID": "x"}, 400, "ERROR_CORE", "Required parameters are not set."),
        (ATTACH, {"CALL_ID": "x", "FILENAME": "a.wav"}, 400, "ERROR_CORE", "Call is not found in the statistic table."),
        ("telephony.externalCall.searchCrmEntities", {}, 400, "ERROR_CORE", "PHONE_NUMBER is empty"),
        ("telephony.externalLine.add", {}, 400, "ERROR_CORE", "NUMBER should not be empty"),
        ("event.bind", {"event": "ONNOTHING", "handler": "http://h"}, 400, "ERROR_EVENT_NOT_FOUND", "Event not found"),
        ("no.such.method", {}, 404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
    ],
)
async def test_refusals_have_the_documented_words(
    wire: Wire, method: str, params: dict[str, Any], status: int, code: str, text: str
) -> None:
    got, body = await wire.app(method, **params)
    assert (got, body["error"]) == (status, code)
    assert text in body["error_description"]


async def test_who_may_not_come_in(wire: Wire) -> None:
    assert (await wire.send("POST", "/rest/profile"))[1]["error"] == "NO_AUTH_FOUND"
    assert (await wire.send("POST", "/rest/profile", json={"auth": "x"}))[1]["error"] == "invalid_token"
    assert (await wire.send("POST", "/rest/1/wrong/profile"))[0] == 403
    for method in (REGISTER, FINISH, "telephony.externalLine.get", "event.get"):
        status, body = await wire.hook(method, **INCOMING)
        assert (status, body["error"]) == (403, "WRONG_AUTH_TYPE")
    assert (await wire.hook("app.info"))[1]["error"] == "ACCESS_DENIED"


async def test_an_expired_token(wire: Wire) -> None:
    wire.office.sandbox.access.expire_all()
    status, body = await wire.app("profile")
    assert (status, body["error"]) == (401, "expired_token")


async def test_the_same_question_in_every_encoding(wire: Wire) -> None:
    path = "/rest/1/sandboxsecret/user.get"
    multipart = aiohttp.FormData(default_to_multipart=True)
    multipart.add_field("FILTER[UF_PHONE_INNER]", "102")
    asked = [
        wire.send("POST", path, json={"FILTER": {"UF_PHONE_INNER": "102"}}),
        wire.send("POST", path, data={"filter[UF_PHONE_INNER]": "102"}),
        wire.send("POST", path, data=multipart),
        wire.send("GET", f"{path}.json/?FILTER[UF_PHONE_INNER]=102"),
        wire.send("GET", "/rest/1/sandboxsecret/USER.GET?FILTER%5BUF_PHONE_INNER%5D=102"),
        wire.send("GET", f"/rest/user.get?auth={wire.token}&FILTER[UF_PHONE_INNER]=102"),
    ]
    for _, body in await asyncio.gather(*asked):
        assert [user["ID"] for user in body["result"]] == ["12"]
        assert body["total"] == 1


async def test_the_body_of_a_get_is_not_read(wire: Wire) -> None:
    _, body = await wire.send("GET", "/rest/1/sandboxsecret/user.get", json={"FILTER": {"ID": 12}})
    assert body["total"] == 5


async def test_broken_json_is_refused(wire: Wire) -> None:
    options = {"data": b'{"a":', "headers": {"Content-Type": "application/json"}}
    assert (await wire.send("POST", "/rest/1/sandboxsecret/profile", **options))[0] == 400


async def test_phps_habits(wire: Wire) -> None:
    _, body = await wire.hook("user.get")
    assert body["result"][0]["ID"] == "1"
    assert body["result"][0]["TIMESTAMP_X"] == {}
    assert set(body["time"]) >= {"start", "finish", "duration", "processing", "operating", "operating_reset_at"}
    _, batch = await wire.hook("batch", cmd=[])
    assert batch["result"] == {
        "result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": []
    }  # fmt: skip
    _, call = await wire.app(REGISTER, **INCOMING)
    _, done = await wire.app(FINISH, CALL_ID=call["result"]["CALL_ID"], USER_ID=11, DURATION=5)
    assert done["result"]["CALL_START_DATE"] == {}
    assert (done["result"]["INCOMING"], done["result"]["CALL_FAILED_CODE"]) == ("2", "200")


async def test_batches(wire: Wire) -> None:
    commands = {
        "reg": f"{REGISTER}?USER_ID=11&PHONE_NUMBER=%2B79161234567&TYPE=2&SHOW=0",
        "show": "telephony.externalcall.show?CALL_ID=%24result%5Breg%5D%5BCALL_ID%5D&USER_ID[]=11&USER_ID[]=12",
        "wrong": f"{FINISH}?CALL_ID=$result[reg]&USER_ID=11",
        "nested": "batch?cmd[]=profile",
        "upload": f"{ATTACH}?CALL_ID=$result[reg][CALL_ID]&FILENAME=a.wav",
    }
    _, body = await wire.app("batch", cmd=commands, halt=0)
    result = body["result"]
    assert result["result"]["show"] is True
    assert set(result["result_error"]) == {"wrong", "nested", "upload"}
    assert result["result_error"]["nested"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert set(result["result_time"]) == {"reg", "show"}

    _, halted = await wire.app("batch", cmd={"a": "no.such", "b": "profile"}, halt=1)
    assert halted["result"]["result"] == []
    status, body = await wire.app("batch", cmd={str(i): "profile" for i in range(51)})
    assert (status, body["error"]) == (400, "ERROR_BATCH_LENGTH_EXCEEDED")


async def test_a_batch_costs_one_request_and_the_fifty_first_is_too_many(
    open_office: Opens, http: aiohttp.ClientSession
) -> None:
    office = await open_office(lambda config: setattr(config.limits, "enabled", True))
    wire = Wire(office, http)
    answers = [await wire.hook("batch", cmd=["server.time"] * 10)]
    answers += await asyncio.gather(*(wire.hook("server.time") for _ in range(55)))
    refused = [body for status, body in answers if status == 503]
    assert refused[0] == {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    assert 2 <= len(refused) <= 6  # the bucket loses two as each second passes


async def test_a_file_has_to_be_what_it_says(wire: Wire) -> None:
    _, call = await wire.app(REGISTER, **INCOMING)
    call_id = call["result"]["CALL_ID"]
    await wire.app(FINISH, CALL_ID=call_id, USER_ID=11)
    texts = {}
    for params in (
        {"FILENAME": ""}, {"FILENAME": "a.ogg"}, {"FILENAME": "a.wav", "FILE_CONTENT": ""},
        {"FILENAME": "a.wav", "FILE_CONTENT": "не base64"}, {"RECORD_URL": "http://127.0.0.1:9/a.mp3"},
    ):  # fmt: skip
        _, body = await wire.app(ATTACH, CALL_ID=call_id, **params)
        texts[body["error_description"]] = body["error"]
    assert list(texts) == [
        "File name is empty",
        "Wrong file extension. Only wav and mp3 are allowed",
        "File content is empty.",
        "File content is not properly encoded. Base64 encoding is expected.",
        "Server returns HTTP error code 0",
    ]


async def test_the_statistics_can_be_asked(wire: Wire) -> None:
    for index, duration in enumerate((0, 30, 90)):
        _, call = await wire.app(REGISTER, **INCOMING, EXTERNAL_CALL_ID=f"x{index}")
        await wire.app(FINISH, CALL_ID=call["result"]["CALL_ID"], USER_ID=11 + index, DURATION=duration)

    async def ids(**params: Any) -> list[str]:
        _, body = await wire.hook("voximplant.statistic.get", **params)
        return [row["EXTERNAL_CALL_ID"] for row in body["result"]]

    assert await ids(FILTER={">CALL_DURATION": 20}, SORT="CALL_DURATION", ORDER="DESC") == ["x2", "x1"]
    assert await ids(FILTER={"CALL_FAILED_CODE": "304"}) == ["x0"]
    assert await ids(FILTER={"PORTAL_USER_ID": [11, 13], ">=CALL_START_DATE": "2020-01-01T00:00:00+00:00"}) == [
        "x0",
        "x2",
    ]
    assert await ids(FILTER={"EXTERNAL_CALL_ID": "other"}) == []


async def test_the_oauth_server_takes_get_and_post(wire: Wire) -> None:
    fields = {"client_id": "local.sandbox", "client_secret": "sandboxappsecret", "grant_type": "refresh_token"}
    refresh = wire.office.sandbox.access.grant(1, wire.office.url)["refresh_token"]
    status, first = await wire.send("GET", "/oauth/token/", params={**fields, "refresh_token": refresh})
    assert (status, first["expires_in"]) == (200, 3600)
    assert (await wire.send("POST", "/oauth/token/", data={**fields, "refresh_token": first["refresh_token"]}))[
        0
    ] == 200
    status, used = await wire.send("GET", "/oauth/token/", params={**fields, "refresh_token": refresh})
    assert (status, used["error"]) == (400, "invalid_grant")
    status, wrong = await wire.send("GET", "/oauth/token/", params={**fields, "client_secret": "x"})
    assert (status, wrong["error"]) == (400, "invalid_client")


async def test_a_batch_takes_the_time_of_its_commands(open_office: Opens, http: aiohttp.ClientSession) -> None:
    def slow(config: SandboxConfig) -> None:
        config.latency, config.latencies = 0.0, {"server.*": 0.02}

    wire = Wire(await open_office(slow), http)
    _, body = await wire.hook("batch", cmd={"a": "server.time", "b": "server.time", "c": "profile"})
    times = body["result"]["result_time"]
    assert times["a"]["duration"] >= 0.02
    assert body["time"]["duration"] >= 0.04
    assert times["b"]["operating"] > times["a"]["operating"]


NASTY: list[Any] = ["", "²", "\x00", -1, [], {"a": {"b": []}}, True, None]
PLAIN = ("app.info", "event.get", "events", "methods", "profile", "scope", "server.time", "user.current")
NAMES = (
    "USER_ID", "PHONE_NUMBER", "TYPE", "CALL_START_DATE", "CRM_ENTITY_ID", "CRM_ENTITY_TYPE", "DURATION", "COST",
    "CALL_ID", "FILTER", "FILENAME", "FILE_CONTENT", "ORDER", "SORT", "start", "event", "handler", "NUMBER", "NAME",
    "USER_PHONE_INNER", "ID", "PLACEMENT", "OPTIONS", "LANG_ALL", "SCOPE", "FULL", "process_id", "message_id", "limit",
    "clear", "event_type", "auth_type", "auth_connector",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - set(PLAIN)))
async def test_no_value_of_any_parameter_breaks_a_method(wire: Wire, name: str) -> None:
    _, call = await wire.app(REGISTER, **INCOMING)
    good = {**INCOMING, "CALL_ID": call["result"]["CALL_ID"], "NUMBER": "1", "event": "ONAPPTEST"}
    good |= {"handler": "http://127.0.0.1:9/", "PLACEMENT": "CALL_CARD", "process_id": "x"}
    for parameter in NAMES:
        for value in NASTY:
            status, body = await wire.app(name, **{**good, parameter: value})
            assert status < 500, (parameter, value)
            assert "result" in body or body["error_description"]
    for wanted in NASTY:
        assert (await wire.app(name, FILTER={">ID": wanted, "><CALL_DURATION": wanted, "": wanted}))[0] < 500
