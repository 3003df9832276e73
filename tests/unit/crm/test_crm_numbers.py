"""Numbers as they come from SIP, from people and from the portal."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stasis_app.crm import NumberKind, Numbers, extension_of

NUMBERS = Numbers("RU")


@pytest.mark.parametrize(
    "spelling",
    [
        "+79161234567",
        "79161234567",
        "89161234567",
        "9161234567",
        "8 (916) 123-45-67",
        "+7.916.123.45.67",
        "+8 916 123-45-67",
        "sip:+79161234567@10.0.0.1:5060;user=phone",
        '"Ivan" <sip:89161234567@pbx>;tag=9',
        "Ivan <89161234567>",
        "tel:+7-916-123-45-67;phone-context=x",
        "+79161234567#404",
        "8 916 123-45-67 доб. 12",
        "٨٩١٦١٢٣٤٥٦٧",
        "\x00+79161234567\r\n",
    ],
)
def test_one_number_in_all_its_spellings(spelling: str) -> None:
    number = NUMBERS.read(spelling)
    assert (number.e164, number.kind) == ("+79161234567", NumberKind.PUBLIC)


@pytest.mark.parametrize(
    "caller_id",
    ["", "  ", "anonymous", "Anonymous", "sip:anonymous@anonymous.invalid", '"Anonymous" <sip:anonymous@x>', "unknown",
     "<unknown>", "Restricted", "Unavailable", "HIDDEN", "private", "asterisk", "No Number", "0", "000", "-"],
)  # fmt: skip
def test_a_hidden_number_in_all_its_spellings(caller_id: str) -> None:
    number = NUMBERS.read(caller_id)
    assert number.is_withheld
    assert (number.key, str(number)) == ("", "withheld")


@pytest.mark.parametrize(
    ("caller_id", "kind", "key"),
    [
        ("101", NumberKind.INTERNAL, "101"),
        ("sip:10001@pbx", NumberKind.INTERNAL, "10001"),
        ("112", NumberKind.INTERNAL, "112"),
        ("810442071838750", NumberKind.PUBLIC, "+442071838750"),
        ("+442071838750", NumberKind.PUBLIC, "+442071838750"),
        ("2345678", NumberKind.OTHER, "2345678"),
        ("*97", NumberKind.OTHER, "*97"),
        ("anna12", NumberKind.OTHER, "anna12"),
        ("+" + "7" * 40, NumberKind.OTHER, "7" * 40),
        ("'; DROP TABLE calls; --", NumberKind.OTHER, "'; DROP TABLE calls; --"),
    ],
)
def test_what_else_a_caller_id_may_be(caller_id: str, kind: NumberKind, key: str) -> None:
    number = NUMBERS.read(caller_id)
    assert (number.kind, number.key) == (kind, key)


def test_numbers_without_a_country_belong_to_the_configured_one() -> None:
    assert Numbers("GB").read("020 7183 8750").e164 == "+442071838750"


def test_the_length_of_extensions_can_be_set() -> None:
    assert Numbers("RU", internal_digits=3).read("10001").kind is NumberKind.OTHER


PHONE_LIKE = st.text(alphabet='+0123456789 ()-.;,<>@#*:x"sipteldобext', max_size=40)


@example(text=":<>@", country="RU")
@given(st.one_of(st.text(max_size=200), PHONE_LIKE), st.sampled_from(["RU", "KZ", "DE", "IT", "US", "BR"]))
def test_nothing_breaks_the_reading_and_reading_again_changes_nothing(text: str, country: str) -> None:
    numbers = Numbers(country)
    number = numbers.read(text)
    assert len(number.raw) <= 64
    assert number.raw.isprintable()
    assert number.is_public == bool(number.e164)
    again = numbers.read(number.key)
    assert (again.kind, again.key) == (number.kind, number.key)


@pytest.mark.parametrize(
    ("value", "extension"),
    [("101", "101"), (" 1 01 ", "101"), (101, "101"), ("1-01", "101"), (None, ""), ("", ""), ("none", ""), (False, ""),
     ("+79161234567", ""), ("123456789012", ""), ("١٠١", "")],
)  # fmt: skip
def test_an_extension_is_plain_digits_or_nothing(value: object, extension: str) -> None:
    assert extension_of(value) == extension
