"""What a portal says of itself: the application, its scopes and methods; and what was said in a call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from b24_office import Office, Opens

from b24client import (
    AccessDenied,
    BadReply,
    FinishCall,
    Portal,
    Refusal,
    Refused,
    RegisterCall,
    StatusCode,
    Utterance,
    token_info,
)


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def ask(http: aiohttp.ClientSession, url: str, form: dict[str, str]) -> Any:
    async with http.post(url, data=form) as answer:
        return (await answer.json())["result"]


async def test_the_oauth_server_tells_whose_a_token_is(office: Office, http: aiohttp.ClientSession) -> None:
    tokens = office.sandbox.access.grant(11, office.url)
    async with http.get(f"{office.url}/rest/app.info/", params={"auth": tokens["access_token"]}) as answer:
        told = (await answer.json())["result"]
    assert (told["client_id"], told["user_id"]) == ("local.sandbox", 11)
    assert datetime.fromisoformat(told["expires"]).timestamp() == tokens["expires"]
    assert told["scope"] == tokens["scope"] == told["install"]["scope"]
    assert told["install"]["member_id"] == tokens["member_id"]
    assert told["install"]["client_endpoint"] == tokens["client_endpoint"]


async def test_a_token_from_outside_is_looked_into(office: Office, http: aiohttp.ClientSession) -> None:
    tokens = office.sandbox.access.grant(11, office.url)
    info = await token_info(tokens["server_endpoint"], tokens["access_token"], allow_http=True)
    assert (info.client_id, info.user_id, info.member_id) == ("local.sandbox", 11, tokens["member_id"])
    assert info.expires_at == datetime.fromtimestamp(tokens["expires"], UTC)
    assert "telephony" in info.scope
    with pytest.raises(AccessDenied) as made_up:
        await token_info(office.url, "made-up-token", session=http, allow_http=True)
    assert "made-up-token" not in str(made_up.value)
    office.sandbox.access.expire_all()
    with pytest.raises(AccessDenied):
        await token_info(office.url, tokens["access_token"], allow_http=True)


@pytest.mark.parametrize("address", ["http://oauth.bitrix.info/rest/", "https://", "https://me@x/", "here", ""])
async def test_a_token_is_not_sent_anywhere(address: str) -> None:
    with pytest.raises(ValueError, match="https address"):
        await token_info(address, "token")


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"result": []}', '{"result": {"user_id": [1]}}'])
async def test_an_oauth_server_that_talks_nonsense(office: Office, body: str) -> None:
    office.trouble(kind="error", methods=["app.info"], status=200, body=body)
    with pytest.raises(BadReply):
        await token_info(office.url, "token", allow_http=True)


async def test_what_we_may_do_and_what_there_is(open_office: Opens) -> None:
    office = await open_office(lambda config: setattr(config.webhook, "scope", ["user_brief"]))
    offers = (await office.by_webhook()).application
    assert "department" in await offers.scopes()
    assert "user.get" in (mine := await offers.methods())
    assert "department.get" not in mine
    assert {"department.get", "user.get"} <= (everything := await offers.methods(full=True))
    assert "tasks.task.add" not in everything, "methods of module controllers are not listed"
    assert await offers.methods(scope="department") == {"department.get", "department.fields"}
    assert {"scope", "method.get"} <= (plain := await offers.methods(scope=""))
    assert "user.get" not in plain
    assert await offers.methods(scope="nonsense") == frozenset()

    known = await offers.method("User.Get")
    assert (known.existing, known.available) == (True, True)
    closed = await offers.method("department.get")
    assert (closed.existing, closed.available) == (True, False)
    unknown = await offers.method("no.such")
    assert (unknown.existing, unknown.available) == (False, False)


async def test_oddities_of_the_questions(office: Office, http: aiohttp.ClientSession) -> None:
    hook = office.webhook
    assert await ask(http, f"{hook}method.get", {"name": "User.Get"}) == {"isExisting": False, "isAvailable": False}
    assert await ask(http, f"{hook}method.get", {"NAME": "user.get"}) == {"isExisting": False, "isAvailable": False}
    assert (await ask(http, f"{hook}method.get", {"name": "tasks.Task.lst"}))["isExisting"] is True
    assert "user_brief" in await ask(http, f"{hook}scope", {"full": "false"}), "in a form any word is true"
    assert "user_brief" not in await ask(http, f"{hook}scope", {"full": "0"})


async def test_features_and_the_clock(portal: Portal) -> None:
    assert await portal.application.feature("rest_offline_extended")
    with pytest.raises(Refused) as empty:
        await portal.application.feature("")
    assert empty.value.code == "CODE_EMPTY"
    assert abs((await portal.application.server_time() - datetime.now(UTC)).total_seconds()) < 60
    assert await portal.application.admin()


async def test_what_was_said_stays_with_the_call(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(RegisterCall(user_id=11, phone_number="+79161234567", type=2))
    talk = [
        Utterance(side="User", start=0, stop=2, message="Romashka, good day"),
        Utterance(side="Client", start=2, stop=6, message="It is Ivan"),
    ]
    with pytest.raises(Refused) as early:
        await portal.telephony.attach_transcription(call.call_id, talk)
    assert early.value.reason is Refusal.NOT_FINISHED

    ended = FinishCall(call_id=call.call_id, user_id=11, duration=6, status_code=StatusCode.SUCCESS)
    await portal.telephony.finish(ended)
    transcript = await portal.telephony.attach_transcription(call.call_id, talk, cost=1.5, cost_currency="EUR")
    kept = office.sandbox.calls.calls[call.call_id].transcript
    assert kept is not None
    assert [(m["SIDE"], m["MESSAGE"]) for m in kept.messages] == [
        ("User", talk[0].message),
        ("Client", talk[1].message),
    ]
    assert (kept.id, kept.cost, kept.cost_currency) == (transcript, 1.5, "EUR")
    (row,) = await portal.call("voximplant.statistic.get", {"FILTER": {"CALL_ID": call.call_id}})
    assert row["TRANSCRIPT_ID"] == str(transcript)
    with pytest.raises(ValueError, match="there is none"):
        await portal.telephony.attach_transcription(call.call_id, [])


LINE = {"SIDE": "User", "START_TIME": 0, "STOP_TIME": 1, "MESSAGE": "Hello"}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"MESSAGES": [LINE]}, "CALL_ID should be set"),
        ({"CALL_ID": "c"}, "MESSAGES should be an array"),
        ({"CALL_ID": "c", "MESSAGES": "Hello"}, "MESSAGES should be an array"),
        ({"CALL_ID": "c", "MESSAGES": [LINE, {**LINE, "SIDE": "user"}]}, "MESSAGES[1][SIDE] should be either"),
        ({"CALL_ID": "c", "MESSAGES": [{**LINE, "START_TIME": -1}]}, "MESSAGES[0][START_TIME] should be greater or"),
        ({"CALL_ID": "c", "MESSAGES": [{**LINE, "STOP_TIME": 0}]}, "MESSAGES[0][STOP_TIME] should be greater than"),
        ({"CALL_ID": "c", "MESSAGES": [{**LINE, "MESSAGE": " "}]}, "MESSAGES[0][MESSAGE] is empty"),
        ({"CALL_ID": "c", "MESSAGES": [LINE]}, "Call c is not found. Is it finished?"),
    ],
)
async def test_transcripts_that_can_not_be(portal: Portal, params: dict[str, Any], text: str) -> None:
    with pytest.raises(Refused) as refused:
        await portal.call("telephony.call.attachTranscription", params)
    assert refused.value.description.startswith(text)
