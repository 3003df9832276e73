"""What a portal posts to us: events and frames in every shape, and no secret shown."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24client import PlacementRequest, PostedEvent, encode_form

AUTH = {
    "access_token": "secret-access", "refresh_token": "secret-refresh", "expires_in": "3600", "scope": "crm,telephony",
    "domain": "p.bitrix24.ru", "server_endpoint": "https://oauth.bitrix.info/rest/", "status": "L",
    "client_endpoint": "https://p.bitrix24.ru/rest/", "member_id": "m1", "application_token": "secret-application",
    "user_id": "12",
}  # fmt: skip
CLICK = {
    "event": "OnExternalCallStart",
    "event_handler_id": "1055",
    "data": {"PHONE_NUMBER": "+74951234567", "USER_ID": "12", "CALL_ID": "externalCall.1"},
    "ts": "1773236988",
    "auth": AUTH,
}
FRAME = {
    "AUTH_ID": "secret-access", "AUTH_EXPIRES": "3600", "REFRESH_ID": "secret-refresh", "member_id": "m1",
    "status": "L", "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/", "APPLICATION_TOKEN": "secret-application",
    "APPLICATION_SCOPE": "crm,placement", "PLACEMENT": "CALL_CARD",
    "PLACEMENT_OPTIONS": '{"CALL_ID":"externalCall.1","CRM_ENTITY_ID":"0"}',
}  # fmt: skip
QUERY = "DOMAIN=p.bitrix24.ru&PROTOCOL=1&LANG=ru&APP_SID=abc"


def wire(fields: dict[str, Any]) -> str:
    return encode_form(fields)


@pytest.mark.parametrize(
    "form",
    [
        wire(CLICK),
        wire(CLICK).encode(),
        wire(CLICK).replace("[", "%5B").replace("]", "%5D"),
        CLICK,
        {"event": "OnExternalCallStart", "event_handler_id": "1055", "ts": "1773236988", "auth": AUTH,
         "data[PHONE_NUMBER]": "+74951234567", "data[USER_ID]": "12", "data[CALL_ID]": "externalCall.1"},
    ],
)  # fmt: skip
def test_an_event_however_it_is_handed_over(form: Any) -> None:
    event = PostedEvent.from_form(form)
    assert event.event == "ONEXTERNALCALLSTART"
    assert event.handler_id == 1055
    assert event.ts == datetime.fromtimestamp(1773236988, UTC)
    assert event.data["PHONE_NUMBER"] == "+74951234567"
    assert event.auth.scope == ("crm", "telephony")
    assert event.auth.user_id == 12
    assert event.auth.tokens is not None
    assert event.auth.tokens.client_endpoint == "https://p.bitrix24.ru/rest/"


@pytest.mark.parametrize("missing", sorted(AUTH))
def test_any_field_of_the_auth_block_may_be_missing(missing: str) -> None:
    event = PostedEvent.from_form({**CLICK, "auth": {name: value for name, value in AUTH.items() if name != missing}})
    assert event.verified("secret-application") == (missing != "application_token")
    assert (event.auth.tokens is None) == (missing == "access_token")


@pytest.mark.parametrize("auth", [None, "", [], "x", ["a"], {"user_id": "x", "expires_in": "never", "scope": ["a"]}])
def test_an_auth_block_that_is_none_proves_nothing(auth: Any) -> None:
    event = PostedEvent.from_form({**CLICK, "auth": auth})
    assert not event.verified("secret-application")
    assert not event.verified("")
    assert event.auth.tokens is None


def test_another_portal_is_told_by_its_name() -> None:
    event = PostedEvent.from_form(CLICK)
    assert event.verified("secret-application", "m1")
    assert not event.verified("secret-application", "m2")
    assert not event.verified("secret-applicatioN", "m1")
    assert not event.verified("пароль", "m1")


@pytest.mark.parametrize(
    "form", [b"", "data[a]=1", {"event": " "}, {"event": ["a"]}, b"\xff\xfe", "x=" + "&y=" * 20_000]
)
def test_what_is_no_event_is_refused(form: Any) -> None:
    with pytest.raises(ValueError, match=r"event|fields"):
        PostedEvent.from_form(form)


def test_an_entity_is_named_by_its_id() -> None:
    assert PostedEvent.from_form("event=ONCRMLEADADD&data[FIELDS][ID]=7").entity_id == "7"
    assert PostedEvent.from_form("event=ONCRMLEADADD&data[FIELDS]=7").entity_id == ""
    assert PostedEvent.from_form("event=E&data[0]=a&ts=99999999999999999999").ts is None


def test_a_frame_and_its_address() -> None:
    frame = PlacementRequest.from_form(wire(FRAME), QUERY)
    assert (frame.placement, frame.call_id, frame.language, frame.app_sid) == (
        "CALL_CARD", "externalCall.1", "ru", "abc"
    )  # fmt: skip
    assert (frame.domain, frame.https) == ("p.bitrix24.ru", True)
    assert frame.tokens is not None
    assert frame.tokens.client_endpoint == "https://p.bitrix24.ru/rest/"
    assert frame.verified("secret-application", "m1")
    assert not frame.verified("secret-application", "m2")
    assert not frame.verified("other")


@pytest.mark.parametrize("options", ["[]", "", "not json", "7", "null", '["a"]', None, ["a"]])
def test_options_that_are_none(options: Any) -> None:
    frame = PlacementRequest.from_form({**FRAME, "PLACEMENT_OPTIONS": options, "PLACEMENT": ""}, {"PROTOCOL": "0"})
    assert (frame.options, frame.placement, frame.https) == ({}, "DEFAULT", False)


def test_a_frame_without_tokens_can_still_be_verified() -> None:
    fields = {name: value for name, value in FRAME.items() if not name.startswith(("AUTH", "REFRESH"))}
    frame = PlacementRequest.from_form(fields)
    assert frame.tokens is None
    assert frame.verified("secret-application")
    with pytest.raises(ValueError, match="only the portal's own pages"):
        PlacementRequest.from_form({"PLACEMENT": "DEFAULT"})


@pytest.mark.parametrize("posted", [PostedEvent.from_form(CLICK), PlacementRequest.from_form(FRAME, QUERY)])
def test_no_secret_is_shown(posted: Any) -> None:
    for shown in (repr(posted), str(posted), f"{posted!r:>10}"):
        assert "secret-" not in shown
    assert pickle.loads(pickle.dumps(posted)) == posted


FIELDS = st.dictionaries(
    st.sampled_from(["event", "data", "data[FIELDS][ID]", "auth", "auth[user_id]", "auth[access_token]", "ts",
                     "auth[expires]", "member_id", "AUTH_ID", "AUTH_EXPIRES", "PLACEMENT_OPTIONS", "event_handler_id"]),
    st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text()), st.dictionaries(st.text(), st.text())),
)  # fmt: skip


@given(FIELDS)
def test_nothing_posted_is_more_than_a_value_error(fields: dict[str, Any]) -> None:
    for kind in (PostedEvent, PlacementRequest):
        try:
            kind.from_form(fields)
        except ValueError:
            pass


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_a_value_error(raw: bytes) -> None:
    for kind in (PostedEvent, PlacementRequest):
        try:
            kind.from_form(raw)
        except ValueError:
            pass
