"""Nested values as form fields, there and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24client import decode_form, encode_form, reference
from b24client.forms import MAX_FIELDS

keys = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda key: not key.isdigit()
)
scalars = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(keys, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_what_is_written_reads_back_the_same(params: dict[str, Any]) -> None:
    assert decode_form(encode_form(params)) == params


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_harm(body: bytes) -> None:
    assert isinstance(decode_form(body), dict)


@given(st.lists(st.tuples(st.text("ab[]01", max_size=10), st.text(max_size=3)), max_size=8))
def test_any_brackets_are_read_without_harm(fields: list[tuple[str, str]]) -> None:
    assert isinstance(decode_form(fields), dict)


def test_scalars_are_written_as_php_does() -> None:
    assert encode_form({"a": True, "b": False, "c": None, "d": [], "e": 7}) == "a=1&b=0&e=7"


def test_a_plus_in_a_number_survives() -> None:
    assert decode_form("data%5BPHONE_NUMBER%5D=%2B79161234567") == {"data": {"PHONE_NUMBER": "+79161234567"}}


def test_fields_without_an_index_are_a_list() -> None:
    assert decode_form("a[]=x&a[]=y&m[k][]=z") == {"a": ["x", "y"], "m": {"k": ["z"]}}


def test_a_map_with_holes_stays_a_map() -> None:
    assert decode_form("a[0]=x&a[2]=y") == {"a": {"0": "x", "2": "y"}}


def test_references_between_batch_commands_stay_readable() -> None:
    query = encode_form({"CALL_ID": reference("reg", "CALL_ID"), "NAME": "pay $result[reg] & go"})
    assert query.startswith("CALL_ID=$result[reg][CALL_ID]&NAME=pay%20")
    assert dict(parse_qsl(query))["NAME"] == "pay $result[reg] & go"


def test_a_flood_of_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        decode_form("&".join("a=1" for _ in range(MAX_FIELDS + 1)))


def test_bottomless_nesting_is_passed_over() -> None:
    assert decode_form("a" + "[x]" * 5000 + "=1&b=2") == {"b": "2"}
