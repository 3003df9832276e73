"""Parameters as people type them, and rows as spreadsheets want them."""

from __future__ import annotations

import io
from typing import Any

import pytest

from b24client.arguments import json_parameters, merged, parameters
from b24client.export import Csv, cell


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["id=5"], {"id": "5"}),
        (["filter[UF_PHONE_INNER]=101"], {"filter": {"UF_PHONE_INNER": "101"}}),
        (["filter[>=ID]=5", "filter[!=STAGE_ID]=WON"], {"filter": {">=ID": "5", "!=STAGE_ID": "WON"}}),
        (["USER_ID[]=11", "USER_ID[]=12"], {"USER_ID": ["11", "12"]}),
        (["fields[PHONE][0][VALUE]=+7916=x"], {"fields": {"PHONE": [{"VALUE": "+7916=x"}]}}),
        (["text=a&b=c [d] %41"], {"text": "a&b=c [d] %41"}),
        (["empty="], {"empty": ""}),
        ([], {}),
    ],
)
def test_pairs_are_nested_as_php_does(arguments: list[str], expected: dict[str, Any]) -> None:
    assert parameters(arguments) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ID=5", {"ID": "5"}),
        (">=ID=100", {">=ID": "100"}),
        ("!NAME=", {"!NAME": ""}),
        ("=%NAME=I%", {"=%NAME": "I%"}),
        ("@ASSIGNED_BY_ID[]=1", {"@ASSIGNED_BY_ID": ["1"]}),
        ("0[logic]=OR", {"0": {"logic": "OR"}}),
    ],
)
def test_conditions_go_inside_the_filter(condition: str, expected: dict[str, Any]) -> None:
    assert parameters([condition], inside="filter") == expected


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("filter", "'filter': not of the form key=value"),
        ("=5", "'=5': the key before = is missing"),
        ("filter[ID=5", "brackets of the key are wrong"),
        ("filter]ID[=5", "brackets of the key are wrong"),
        ("[ID]=5", "brackets of the key are wrong"),
        ("a[b]c=5", "brackets of the key are wrong"),
        ("a[[b]]=5", "brackets of the key are wrong"),
    ],
)
def test_a_wrong_pair_is_named_with_what_is_wrong(argument: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="key") as told:
        parameters([argument])
    assert wrong in str(told.value)
    assert argument in str(told.value)


@pytest.mark.parametrize(("text", "wrong"), [(b"{", "not JSON"), (b"[1]", "JSON object, not list"), (b"", "not JSON")])
def test_wrong_json_is_told(text: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        json_parameters(text)


def test_the_command_line_counts_more_than_the_file() -> None:
    file = {"filter": {"ID": 1, "ACTIVE": True}, "start": 0}
    assert merged(file, {"filter": {"ID": "2"}}) == {"filter": {"ID": "2", "ACTIVE": True}, "start": 0}
    assert merged({"filter": []}, {"filter": {"ID": "2"}}) == {"filter": {"ID": "2"}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ([], ""),
        (True, "Y"),
        (5, "5"),
        ([{"VALUE": "+7916", "VALUE_TYPE": "WORK"}, {"VALUE": "+7917"}], "+7916, +7917"),
        ([{"value": "+7916", "typeId": "PHONE"}], "+7916"),
        ([1, 2], "1, 2"),
        ([{"a": 1}], '[{"a":1}]'),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_a_value_in_a_cell(value: Any, expected: str) -> None:
    assert cell(value) == expected


def test_a_table_has_all_columns_of_all_rows() -> None:
    out = io.StringIO()
    table = Csv(out)
    table.write({"ID": 1, "NAME": 'O"Brien, Pat'})
    table.write({"ID": 2, "EMAIL": "a@b.example"})
    table.close()
    assert out.getvalue() == 'ID,NAME,EMAIL\n1,"O""Brien, Pat",\n2,,a@b.example\n'


def test_named_columns_are_written_in_their_order_even_without_rows() -> None:
    out = io.StringIO()
    table = Csv(out, ["NAME", "ID"])
    table.close()
    assert out.getvalue() == "NAME,ID\n"
