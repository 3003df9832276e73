"""The official SDK (b24pysdk) takes the sandbox for a portal: nothing in it is changed, it trusts our authority."""

from __future__ import annotations

import base64
import wave
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import requests
from b24_peers import PORTAL, RENAMED, Authority, Running, ThreadedPortal, lead
from b24pysdk import errors
from b24pysdk.client import Client
from b24pysdk.credentials import (
    BitrixApp,
    BitrixToken,
    BitrixWebhook,
    OAuthEventData,
)
from b24pysdk.errors import oauth as oauth_errors

from b24client.sandbox import SAMPLE_SEED, SandboxConfig, SeedUser
from b24client.sandbox.faults import Fault

APP = BitrixApp(client_id="local.sandbox", client_secret="sandboxappsecret")


@pytest.fixture
def token(https_portal: ThreadedPortal) -> BitrixToken:
    """The installed application, with the tokens an authorisation code gives."""
    https_portal.sandbox.access.installed = True
    code = https_portal.sandbox.access.new_code(1)
    oauth = APP.get_oauth_token(code).oauth_token
    return BitrixToken(domain=PORTAL, auth_token=oauth.access_token, refresh_token=oauth.refresh_token, bitrix_app=APP)


@pytest.fixture
def client(token: BitrixToken) -> Client:
    return Client(token)


@pytest.fixture
def webhook(https_portal: ThreadedPortal) -> Client:
    return Client(BitrixWebhook(domain=PORTAL, webhook_token="1/sandboxsecret"))


@pytest.fixture
def many(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A portal with three pages of employees."""
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    config.users += [SeedUser(id=100 + n, name=f"Employee {n}") for n in range(120)]
    with Running(config, authority.context()) as portal:
        lead(monkeypatch, {PORTAL: portal.port})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
        yield Client(BitrixWebhook(domain=PORTAL, webhook_token="1/sandboxsecret"))


def silence() -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as record:
        record.setnchannels(1)
        record.setsampwidth(2)
        record.setframerate(8000)
        record.writeframes(bytes(16_000))
    return file.getvalue()


def test_an_application_asks_who_it_is(client: Client, token: BitrixToken) -> None:
    assert client.profile().result["ADMIN"] is True
    assert client.user.current().result["ID"] == "1"
    info = client.app.info().result
    assert (info["CODE"], info["INSTALLED"], info["PAYMENT_EXPIRED"]) == ("local.sandbox", True, "N")
    told = token.get_app_info().result  # what the OAuth server tells of the token
    assert (told.client_id, told.install.domain, told.user_id) == ("local.sandbox", PORTAL, 1)


def test_the_answer_tells_its_time(webhook: Client) -> None:
    time = webhook.user.get().time
    assert time.date_start <= time.date_finish
    assert time.operating is not None
    assert time.operating_reset_at is not None
    assert time.operating_reset_at > time.date_finish


def test_a_webhook_finds_employees_by_extension(webhook: Client) -> None:
    found = webhook.user.get(filter={"UF_PHONE_INNER": "101"}).result
    assert [(row["ID"], row["LAST_NAME"], row["ACTIVE"]) for row in found] == [("11", "Petrov", True)]
    assert {row["ID"] for row in webhook.user.get(filter={"@ID": [11, 12]}).result} == {"11", "12"}


def test_all_pages_of_a_list_by_counting(many: Client) -> None:
    first = many.user.get()
    assert (first.response.next, first.response.total, len(first.result)) == (50, 125, 50)
    assert len({row["ID"] for row in many.user.get().as_list().result}) == 125


def test_all_pages_of_a_list_by_id(many: Client) -> None:
    """The SDK chains the pages of a batch by `$result[...][49][ID]`."""
    upwards = [int(row["ID"]) for row in many.user.get().as_list_fast().result]
    assert len(upwards) == 125
    assert upwards == sorted(set(upwards))
    downwards = [int(row["ID"]) for row in many.user.get().as_list_fast(descending=True).result]
    assert downwards == upwards[::-1]
    asked = range(100, 180)
    some = [int(row["ID"]) for row in many.user.get(filter={"ID": list(asked)}).as_list_fast().result]
    assert some == list(asked)


def test_all_pages_of_the_statistics(client: Client) -> None:
    calls = client.telephony.external_call
    for at in range(0, 120, 20):
        commands = {}
        for n in range(at, at + 20):
            commands[f"reg{n}"] = calls.register(f"+7999{n:07}", 2, user_id=11, external_call_id=f"s-{n}", show=0)
            commands[f"end{n}"] = calls.finish(f"$result[reg{n}][CALL_ID]", user_id=11, duration=n)
        assert client.call_batch(commands).result.result_error == []
    statistic = client.voximplant.statistic
    assert len(statistic.get().as_list().result) == 120
    rows = list(statistic.get(filter={">=CALL_DURATION": 20}).as_list_fast().result)
    assert [row["CALL_DURATION"] for row in rows] == [str(n) for n in range(20, 120)]


def test_a_call_from_its_registration_to_its_recording(https_portal: ThreadedPortal, client: Client) -> None:
    calls = client.telephony.external_call
    found = calls.search_crm_entities("+79161234567").result
    assert [(row["CRM_ENTITY_TYPE"], row["CRM_ENTITY_ID"]) for row in found] == [("CONTACT", 501)]

    registered = calls.register(
        "+79161234567", 2, user_id=11, crm_create=1, show=0, line_number="74951230000", external_call_id="peer-1"
    ).result
    call_id = registered["CALL_ID"]
    assert calls.show(call_id, user_id=[11, 12]).result is True
    assert calls.hide(call_id, user_id=12).result is True
    finished = calls.finish(call_id, user_id=11, duration=95, status_code="200", add_to_chat=0).result
    assert (finished["CALL_DURATION"], finished["INCOMING"], finished["CALL_FAILED_CODE"]) == (95, "2", "200")

    attached = calls.attach_record(
        call_id, filename="talk.wav", file_content=base64.b64encode(silence()).decode()
    ).result
    assert attached["FILE_ID"] > 0

    rows = client.voximplant.statistic.get(filter={"CALL_ID": call_id}, sort="ID", order="DESC").result
    assert [(row["CALL_DURATION"], row["RECORD_FILE_ID"]) for row in rows] == [("95", attached["FILE_ID"])]
    assert https_portal.sandbox.calls.get(call_id).external_call_id == "peer-1"


def test_a_recording_goes_to_an_upload_address(client: Client) -> None:
    calls = client.telephony.external_call
    call_id = calls.register("+79990000000", 2, user_id=11, external_call_id="peer-2").result["CALL_ID"]
    calls.finish(call_id, user_id=11, status_code="304").result  # noqa: B018 (asking for the result sends it)
    place = calls.attach_record(call_id, filename="talk.wav").result
    answer = requests.post(place["uploadUrl"], files={place["fieldName"]: ("talk.wav", silence())}, timeout=10)
    assert answer.json()["result"]["FILE_ID"] > 0


def test_lines_of_the_application(client: Client) -> None:
    lines = client.telephony.external_line
    assert lines.add("74951230000", name="Front desk").result["ID"] > 0
    assert [line["NUMBER"] for line in lines.get().result] == ["74951230000"]
    assert lines.update(number="74951230000", name="Reception").result["ID"]
    assert lines.delete("74951230000").result == []


def test_a_batch_with_references(client: Client) -> None:
    register = {"USER_ID": 11, "PHONE_NUMBER": "+79990000000", "TYPE": 2, "SHOW": 0, "EXTERNAL_CALL_ID": "peer-3"}
    answer = client.call_batch(
        {
            "reg": client.telephony.external_call.register("+79990000000", 2, user_id=11, external_call_id="peer-3"),
            "show": client.telephony.external_call.show("$result[reg][CALL_ID]", user_id=[11, 12]),
            "wrong": client.telephony.external_call.show("$result[reg]"),
            "lost": client.telephony.external_call.finish("externalCall.gone.1", user_id=11),
        }
    )
    result = answer.result
    assert result.result["show"] is True
    assert result.result["wrong"] is False
    assert "Call is not found" in result.result_error["lost"]["error_description"]
    assert set(result.result_time) >= {"reg", "show"}
    again = client._bitrix_token.call_method("telephony.externalCall.register", register)
    assert again["result"]["CALL_ID"] == result.result["reg"]["CALL_ID"]


def test_more_commands_than_fit_into_one_batch(webhook: Client) -> None:
    asked = [webhook.user.get(filter={"ID": 11}) for _ in range(60)]
    answer = webhook.call_batches(asked)
    assert len(answer.result.result) == 60


def test_an_expired_token_is_renewed(https_portal: ThreadedPortal, client: Client, token: BitrixToken) -> None:
    before = token.refresh_token
    https_portal.sandbox.access.expire_all()
    assert client.profile().result["ID"] == "1"
    assert token.refresh_token not in (None, before)
    with pytest.raises(oauth_errors.BitrixOAuthInvalidGrant):
        APP.refresh_oauth_token(before)  # a refresh token is good once


def test_a_renamed_portal_is_followed(
    https_portal: ThreadedPortal, client: Client, token: BitrixToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, {RENAMED: https_portal.port})
    https_portal.sandbox.faults.add(Fault(kind="moved", to=f"https://{RENAMED}", times=1))
    assert client.profile().result["ID"] == "1"
    assert token.domain == RENAMED


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401, "code": "NO_AUTH_FOUND"}, oauth_errors.BitrixOAuthNoAuthFound),
        ({"status": 401, "code": "PAYMENT_REQUIRED"}, errors.BitrixAPIPaymentRequired),
        ({"status": 403, "code": "ACCESS_DENIED"}, errors.BitrixAPIAccessDenied),
        ({"status": 429, "code": "OPERATION_TIME_LIMIT"}, errors.BitrixAPIOperationTimeLimit),
        ({"status": 500, "code": "INTERNAL_SERVER_ERROR"}, errors.BitrixAPIInternalServerError),
        ({"status": 500, "body": "<h1>oops</h1>"}, errors.BitrixResponse500JSONDecodeError),
        ({"status": 502, "body": "<h1>Bad Gateway</h1>"}, errors.BitrixResponseJSONDecodeError),
    ],
)
def test_trouble_has_the_classes_the_sdk_knows(
    https_portal: ThreadedPortal, webhook: Client, fault: dict[str, Any], error: type[Exception]
) -> None:
    https_portal.sandbox.faults.add(Fault(kind="error", times=1, **fault))
    with pytest.raises(error):
        webhook.profile().result  # noqa: B018


def test_refusals_have_the_classes_the_sdk_knows(https_portal: ThreadedPortal, client: Client, webhook: Client) -> None:
    with pytest.raises(errors.BitrixAPIWrongAuthType):
        webhook.telephony.external_call.register("+79990000000", 2, user_id=11).result  # noqa: B018
    with pytest.raises(errors.BitrixAPIInvalidCredentials):
        Client(BitrixWebhook(domain=PORTAL, webhook_token="1/wrongwrong")).profile().result  # noqa: B018
    with pytest.raises(errors.BitrixAPIBadRequest, match="User is not found or is not active"):
        client.telephony.external_call.register("+79990000000", 2, user_id=14).result  # noqa: B018
    with pytest.raises(errors.BitrixAPINotFound):
        client._bitrix_token.call_method("no.such.method")
    with pytest.raises(errors.BitrixAPIInvalidToken):
        Client(BitrixToken(domain=PORTAL, auth_token="wrong", bitrix_app=APP)).profile().result  # noqa: B018
    https_portal.sandbox.config.webhook.scope.remove("telephony")
    with pytest.raises(errors.BitrixAPIInsufficientScope):
        webhook.telephony.external_call.show("x").result  # noqa: B018
    with pytest.raises(oauth_errors.BitrixOAuthInvalidClient):
        BitrixApp(client_id="local.sandbox", client_secret="wrong").refresh_oauth_token("x")
    with pytest.raises(oauth_errors.BitrixOAuthInvalidGrant):
        APP.get_oauth_token("wrong")


def test_too_many_requests(https_portal: ThreadedPortal, webhook: Client) -> None:
    https_portal.sandbox.faults.add(Fault(kind="error", status=503, code="QUERY_LIMIT_EXCEEDED", times=2))
    request = webhook._bitrix_token.call_method("profile", initial_retry_delay=0.01, retry_delay_increment=0)
    assert request["result"]["ID"] == "1"
    https_portal.sandbox.faults.add(Fault(kind="error", status=503, code="QUERY_LIMIT_EXCEEDED"))
    with pytest.raises(errors.BitrixAPIQueryLimitExceeded):
        webhook._bitrix_token.call_method("profile", max_retries=1)


def test_events_are_read_by_the_sdk(https_portal: ThreadedPortal, client: Client) -> None:
    client.event.bind("ONEXTERNALCALLSTART", https_portal.handler).result  # noqa: B018
    client.event.bind("ONAPPUNINSTALL", https_portal.handler).result  # noqa: B018
    bound = client.event.get().result
    assert {row["event"] for row in bound} == {"ONEXTERNALCALLSTART", "ONAPPUNINSTALL"}
    control = f"https://{PORTAL}/sandbox/api"

    click = {"user_id": 11, "phone_number": "+79161234567", "line_number": "74951230000"}
    requests.post(f"{control}/call_start", json=click, timeout=10).raise_for_status()
    event = OAuthEventData.from_dict(https_portal.next_post())
    assert event.event == "ONEXTERNALCALLSTART"
    assert event.data is not None
    assert event.data["PHONE_NUMBER"] == "+79161234567"
    assert event.data["USER_ID"] == "11"
    assert not event.is_system
    assert event.auth.user_id == 11
    assert event.auth.application_token == https_portal.sandbox.access.application_token
    assert event.validate_against_app_info(event.get_app_info(APP))
    asked = BitrixToken.from_oauth_event_data(event, APP)
    assert Client(asked).user.current().result["ID"] == "11"

    requests.post(f"{control}/uninstall", timeout=10).raise_for_status()
    gone = OAuthEventData.from_dict(https_portal.next_post())
    assert (gone.event, gone.is_system) == ("ONAPPUNINSTALL", True)


def test_an_installation_is_read_by_the_sdk(https_portal: ThreadedPortal) -> None:
    body = {"handler": https_portal.handler}
    requests.post(f"https://{PORTAL}/sandbox/api/install", json=body, timeout=10).raise_for_status()
    event = OAuthEventData.from_dict(https_portal.next_post())
    assert event.event == "ONAPPINSTALL"
    token = BitrixToken.from_oauth_event_data(event, APP)
    assert token.refresh_token
    assert Client(token).app.info().result["INSTALLED"] is True
