"""What a reader of the log may see of phone numbers, secrets and callers' names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stasis_app.redaction import Redactor, masked, printable


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("from +79161234567", "from ***4567"),
        ("PJSIP/79161234567@trunk-00000001", "PJSIP/***4567@trunk-00000001"),
        ("sip:+7 (916) 123-45-67@pbx", "sip:***4567@pbx"),
        ("8 (916) 123-45-67", "***4567"),
        ("8-916-123-45-67 or 916 123-45-67", "***4567 or ***4567"),
        ("PHONE_NUMBER=%2B79161234567&TYPE=2", "PHONE_NUMBER=***4567&TYPE=2"),
        ("['79161234567', '84951230000']", "['***4567', '***0000']"),
        ("line 4951230000.", "line ***0000."),
        ("1234567", "***4567"),
        ("rec-79161234567-1773130778.18441.wav", "rec-***4567-1773130778.18441.wav"),
    ],
)
def test_phone_numbers_keep_their_last_four_digits(written, seen):
    assert masked(written) == seen


@pytest.mark.parametrize(
    "text",
    [
        "1795373670.2",
        "pbx1-1773130778.18441",
        "PJSIP/101-000002bc",
        "123e4567-e89b-12d3-a456-426614174000",
        "12345678-1234-1234-1234-123456789012",
        "externalCall.0123456789abcdef0123456789abcdef.1773130779",
        "2026-03-10T11:19:38.123+03:00",
        "2026-03-10 11:19:38",
        "192.168.100.200:8088",
        "22.10.1",
        "took 1234.5678901 s",
        "extension 101",
        "lead 123456",
    ],
)
def test_identifiers_and_times_stay_readable(text):
    assert masked(text) == text


@given(
    st.integers(10**9, 10**11 - 1), st.sampled_from(["", "+"]), st.sampled_from([" ", "'", '"', "@", ",", ")", "\n"])
)
def test_a_number_is_masked_wherever_it_stands(number, plus, after):
    assert str(number) not in masked(f"call {plus}{number}{after}")


def test_the_token_of_a_recording_is_redacted_by_its_place():
    address = "https://pbx.example.com/bitrix24/recordings/1.69b0c1d2.abcDEF_-0123/talk.mp3"
    assert Redactor()(f"GET {address}") == "GET https://pbx.example.com/bitrix24/recordings/[secret]/talk.mp3"


def test_secrets_are_redacted_as_they_are_and_percent_encoded():
    redact = Redactor(["s3cret/with+signs", "abc"])

    assert redact("token s3cret/with+signs") == "token [secret]"
    assert redact("token s3cret%2Fwith%2Bsigns") == "token [secret]"
    assert redact("abc is too short to hide") == "abc is too short to hide"
    redact.add("renewed-token")
    assert redact("now renewed-token") == "now [secret]"


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        ("POST https://b24.example/rest/1/k3yk3yk3y/profile", "k3yk3yk3y"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("?auth=0123abcd&x=1", "0123abcd"),
        ('{"access_token":"0123abcd"}', "0123abcd"),
        ("{'refresh_token': '0123abcd'}", "0123abcd"),
        ("auth[application_token]=0123abcd", "0123abcd"),
        ("password=hunter2", "hunter2"),
    ],
)
def test_secrets_are_recognised_by_their_place(written, secret):
    assert secret not in Redactor()(written)


def test_a_callers_name_stays_on_its_line():
    name = "Bob\n2026-01-01 00:00:00 ERROR all is lost\r\x1b[2J\u2028\u202egnp"

    shown = printable(name)

    assert shown.isprintable()
    assert shown.startswith("Bob\\n2026")


@given(st.text())
def test_whatever_comes_from_outside_is_printable(text):
    assert not any(ord(c) < 32 or c in "\u2028\u2029\u202e\x7f" for c in printable(text))
