"""Credentials: how they are given, how they arrive, and that they are never shown."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from b24client import MemoryTokenStore, OAuthAuth, OAuthTokens, Portal, WebhookAuth, decode_form
from b24client.masking import excerpt, masked

secrets = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJ0123456789", min_size=12, max_size=40)
EVENT = (
    "event=ONAPPINSTALL&data[VERSION]=1&ts=1773236988&auth[access_token]=AAAA&auth[expires_in]=3600"
    "&auth[scope]=crm,telephony&auth[domain]=p.bitrix24.ru&auth[server_endpoint]=https%3A%2F%2Foauth.bitrix.info%2Frest%2F"
    "&auth[status]=L&auth[client_endpoint]=https%3A%2F%2Fp.bitrix24.ru%2Frest%2F&auth[member_id]=m1"
    "&auth[refresh_token]=RRRR&auth[application_token]=TTTT"
)


@given(secrets, st.text(max_size=30), st.text(max_size=30))
def test_a_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in masked(f"{before}{secret}{after}", [secret])
    assert secret not in excerpt(f"{before}{secret}{after}".encode(), [secret], length=400)


@given(secrets)
def test_what_looks_like_a_secret_is_masked_unasked(secret: str) -> None:
    for text in (f"/rest/1/{secret}/user.get", f"?auth={secret}&x=1", f'"refresh_token": "{secret}"'):
        assert secret not in masked(text, [])


def test_an_excerpt_is_one_short_printable_line() -> None:
    text = excerpt(b"<html>\r\n\x1b[31m<h1>502 Bad Gateway</h1>" + b"x" * 1_000_000, [])
    assert text.startswith("<html> [31m<h1>502 Bad Gateway</h1>")
    assert len(text) == 160
    assert text.isprintable()


@given(secrets)
def test_no_repr_shows_a_secret(secret: str) -> None:
    auth = WebhookAuth(f"https://p.bitrix24.ru/rest/1/{secret}/")
    oauth = OAuthAuth("p.bitrix24.ru", "local.1", secret, MemoryTokenStore())
    tokens = OAuthTokens.from_token_reply({"access_token": secret, "refresh_token": secret})
    for shown in (auth, oauth, tokens, vars(auth), vars(oauth), asyncio.run(auth.prepare("user.get", {}))):
        assert secret not in repr(shown)


@pytest.mark.parametrize(
    "url", ["", "https://p.bitrix24.ru/", "ftp://p/rest/1/hushhush/", "https://p/rest/x/hushhush/", "hushhush"]
)
def test_a_wrong_webhook_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected https://<portal>/rest") as wrong:
        WebhookAuth(SecretStr(url))
    assert "hushhush" not in str(wrong.value)


def test_plain_http_needs_to_be_asked_for() -> None:
    with pytest.raises(ValueError, match="allow_http"):
        Portal(WebhookAuth("http://p.bitrix24.ru/rest/1/hushhush/"))


@pytest.mark.parametrize("portal", ["", "https://", "https://u:p@host", "https://host/path", "ftp://host"])
def test_a_wrong_portal_address_is_refused(portal: str) -> None:
    with pytest.raises(ValueError, match="portal"):
        OAuthAuth(portal, "local.1", "s", MemoryTokenStore())


@pytest.mark.parametrize("form", [decode_form(EVENT), dict(pair.split("=", 1) for pair in EVENT.split("&"))])
def test_tokens_come_with_the_installation_event(form: dict[str, str]) -> None:
    tokens = OAuthTokens.from_install(form)
    assert tokens.access_token.get_secret_value() == "AAAA"
    assert tokens.refresh_token.get_secret_value() == "RRRR"
    assert tokens.application_token.get_secret_value() == "TTTT"
    assert (tokens.member_id, tokens.scope) == ("m1", ("crm", "telephony"))
    assert tokens.expires_at > datetime.now(UTC) + timedelta(minutes=59)


def test_tokens_come_with_the_field_sample_without_server_endpoint() -> None:
    fields = decode_form(EVENT)["auth"]
    del fields["server_endpoint"]
    tokens = OAuthTokens.from_install({"auth": {**fields, "user_id": "1", "expires": "1773240588"}})
    assert (tokens.server_endpoint, tokens.user_id) == ("", 1)


def test_tokens_come_with_the_installation_page() -> None:
    form = {
        "DOMAIN": "p.bitrix24.ru", "PROTOCOL": "1", "AUTH_ID": "AAAA", "AUTH_EXPIRES": "3600", "REFRESH_ID": "RRRR",
        "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/", "member_id": "m1", "status": "L", "PLACEMENT": "DEFAULT",
    }  # fmt: skip
    tokens = OAuthTokens.from_install(form)
    assert tokens.client_endpoint == "https://p.bitrix24.ru/rest/"


@pytest.mark.parametrize("missing", ["access_token", "refresh_token", "member_id"])
def test_a_form_that_lacks_something_says_what(missing: str) -> None:
    fields = decode_form(EVENT)["auth"]
    del fields[missing]
    with pytest.raises(ValueError, match=missing):
        OAuthTokens.from_install({"auth": fields})


def test_tokens_survive_being_stored() -> None:
    tokens = OAuthTokens.from_install(decode_form(EVENT))
    assert OAuthTokens(**orjson.loads(orjson.dumps(tokens.reveal()))) == tokens


def test_a_renewal_keeps_what_the_answer_does_not_repeat() -> None:
    before = OAuthTokens.from_install(decode_form(EVENT))
    after = OAuthTokens.from_token_reply({"access_token": "B", "refresh_token": "S", "expires": 4102444800}, before)
    assert after.application_token == before.application_token
    assert after.client_endpoint == before.client_endpoint
    assert after.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
