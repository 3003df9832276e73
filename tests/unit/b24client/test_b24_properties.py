"""Whatever comes, the decoders give something or say what is wrong; what we write is read as PHP reads it."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24client import (
    B24Error,
    BadReply,
    Command,
    OAuthTokens,
    decode_form,
    encode_form,
    methods,
    reference,
)
from b24client.batch import batch_params, batch_results
from b24client.classify import classify, repeatable
from b24client.documented import LONGEST_CODE, LONGEST_TEXT, documented
from b24client.errors import call_of
from b24client.forms import form_fields, scalar
from b24client.php import Reply, as_list, as_map, read, read_all
from b24client.sandbox import SandboxConfig
from b24client.sandbox.access import Visitor
from b24client.sandbox.config import DEFAULT_SCOPES, SAMPLE_SEED
from b24client.sandbox.methods import Context
from b24client.sandbox.rest import _batch, _resolved
from b24client.sandbox.state import Sandbox
from b24client.sandbox.wire import Params, RestError, php_int, read_params

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
telling = st.sampled_from(
    [
        "",
        "0",
        "1",
        "Y",
        "N",
        "true",
        "2026-03-10T11:19:38+03:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31",
        "²",
        "-1",
        "1e999",
        "NaN",
        "x" * 50,
        "7" * 5000,
        "+79161234567",
        "CONTACT",
    ]
)
leaves = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | text | telling | st.just([]) | st.just({})
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | telling, inner, max_size=3), max_leaves=6
)


def replies() -> Iterator[type[Reply]]:
    """Every model of a portal's answer there is."""
    for module in pkgutil.iter_modules(methods.__path__):
        importlib.import_module(f"{methods.__name__}.{module.name}")
    left = list(Reply.__subclasses__())
    while left:
        model = left.pop()
        left += model.__subclasses__()
        if model.__module__.startswith("b24client."):
            yield model


MODELS = sorted(set(replies()), key=lambda model: model.__qualname__)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
@settings(quick, max_examples=40)
@given(data=st.data())
def test_any_answer_is_read_or_refused(model: type[Reply], data: st.DataObject) -> None:
    """Maps with the right names and anything behind them are the nearest to what a portal may send one day."""
    names = [str(field.alias or name) for name, field in model.model_fields.items()]
    value = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=len(names)) | values)
    for ask in (read, read_all):
        try:
            ask(model, "some.method", value)
        except BadReply as error:
            assert error.method == "some.method"
            assert not isinstance(error.__context__, ValueError)  # which would show what came
            assert len(str(error)) < 300


@quick
@given(values)
def test_php_s_arrays_are_maps_and_lists(value: Any) -> None:
    for read_as, kind in ((as_map, dict), (as_list, list)):
        try:
            assert isinstance(read_as(value), kind)
        except TypeError:
            assert not isinstance(value, list | dict | None)


@quick
@given(values)
def test_any_answer_of_a_batch(result: Any) -> None:
    commands = [Command("a", "user.get"), Command("0", "profile"), Command("b", "x", {"CALL_ID": "1"})]
    parts = ("result", "result_error", "result_time", "result_next", "result_total")
    for answer in (result, dict.fromkeys(parts, result), {"result": {"a": result}, "result_error": {"0": result}}):
        try:
            results, _times = batch_results(commands, answer, lambda told: told)
        except BadReply:
            continue
        assert set(results) == {"a", "0", "b"}
        assert all(each.error is None or isinstance(each.error, B24Error) for each in results.values())


@quick
@given(st.dictionaries(st.sampled_from(["error", "error_description", "result", "time"]), values, max_size=4))
def test_any_error_becomes_the_documented_one(body: dict[str, Any]) -> None:
    told = documented(body, tuple)
    if "error" in told:
        assert isinstance(told["error"], str)
        assert isinstance(told["error_description"], str)
        assert len(told["error"]) <= LONGEST_CODE
        assert len(told["error_description"]) <= LONGEST_TEXT
    else:
        assert body.get("error") in (None, False)
    assert told.get("result") == body.get("result") or body["result"] != body["result"]


@quick
@given(st.integers(0, 999), text | telling, text | telling, st.none() | st.floats(0, 1e6))
def test_any_refusal_has_a_meaning(status: int, code: str, description: str, wait: float | None) -> None:
    error = classify("some.method", status, code, description, wait)
    assert isinstance(error, B24Error)
    assert str(error).startswith("some.method")
    assert repeatable(code) in (True, False)


@quick
@given(st.dictionaries(text | st.sampled_from(["CALL_ID", "EXTERNAL_CALL_ID", "FILTER", "cmd"]), values, max_size=4))
def test_whatever_the_parameters_the_call_is_told_in_short(params: dict[str, Any]) -> None:
    told = call_of(params)
    assert isinstance(told, str)
    assert told.isprintable()
    assert len(told) < 500


def of_batch(*params: dict[str, Any]) -> dict[str, Any]:
    return batch_params([Command(str(at), "m", each) for at, each in enumerate(params)], halt=False)


@pytest.mark.parametrize(
    ("params", "call"),
    [
        ({"CALL_ID": "externalCall.1"}, "externalCall.1"),
        ({"EXTERNAL_CALL_ID": "1.2", "USER_ID": 1}, "1.2"),
        ({"CALL_ID": "a", "EXTERNAL_CALL_ID": "b"}, "a"),
        ({"FILTER": {"=EXTERNAL_CALL_ID": ["1", "2", "2"]}}, "1, 2"),
        ({"filter": {"@CALL_ID": list("abcde")}}, "a, b, c and 2 more"),
        ({"USER_ID": 1}, ""),
        (of_batch({"EXTERNAL_CALL_ID": "1 2"}, {"CALL_ID": reference("0", "CALL_ID")}), "1 2"),
        (of_batch({"FILTER": {"CALL_ID": "x.1"}}, {"CALL_ID": "y.1"}), "x.1, y.1"),
        ({"cmd": ["m?CALL_ID=z.1", 7, None]}, "z.1"),
    ],
)
def test_the_call_a_request_is_about(params: dict[str, Any], call: str) -> None:
    assert call_of(params) == call


@quick
@given(
    st.dictionaries(st.sampled_from([*list(OAuthTokens.model_fields), "expires", "expires_in"]), values, max_size=8),
    st.booleans(),
)
def test_any_tokens_are_read_or_refused_without_being_shown(fields: dict[str, Any], page: bool) -> None:
    fields = {"access_token": "hushhush", "refresh_token": "hushhush", "member_id": "m"} | fields
    form = {"AUTH_ID": "hushhush", "REFRESH_ID": fields["refresh_token"], **fields} if page else {"auth": fields}
    for take in (OAuthTokens.from_token_reply, OAuthTokens.from_install):
        try:
            tokens = take(form if take == OAuthTokens.from_install else fields)
        except ValueError as error:
            assert "hushhush" not in str(error)
        else:
            assert tokens.expires_at.tzinfo is not None
            assert "hushhush" not in repr(tokens)


# Forms, there and back

keys = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1, max_size=8)
plain = text | st.integers(-(2**53), 2**53) | st.booleans()
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
forms = st.dictionaries(keys, nested, max_size=4)


def as_php_reads(value: Any) -> Any:
    """What is left of a value once it has been a form: strings, no empty arrays, maps keyed 0, 1, 2 ... are lists."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else ((str(at), item) for at, item in enumerate(value))
        read = {key: as_php_reads(item) for key, item in items}
        kept = {key: item for key, item in read.items() if item is not None}
        if not kept:
            return None
        return list(kept.values()) if all(key == str(at) for at, key in enumerate(kept)) else kept
    return scalar(value)


def expected(params: dict[str, Any]) -> dict[str, Any]:
    read = {key: as_php_reads(value) for key, value in params.items()}
    return {key: value for key, value in read.items() if value is not None}


@settings(quick, max_examples=200)
@given(forms)
def test_a_form_is_read_back_as_php_reads_it(params: dict[str, Any]) -> None:
    assert decode_form(encode_form(params)) == expected(params)


@settings(quick, max_examples=200)
@given(forms)
def test_urllib_reads_and_writes_the_same_forms(params: dict[str, Any]) -> None:
    fields = list(form_fields(params))
    assert parse_qsl(encode_form(params), keep_blank_values=True) == fields
    assert decode_form(urlencode(fields)) == decode_form(encode_form(params))
    assert decode_form(urlencode(fields).encode()) == decode_form(fields)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("a[]=1&a[]=2&a[5]=3&a[]=4", {"a": {"0": "1", "1": "2", "5": "3", "6": "4"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a[b]=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[01]=x", {"a": {"01": "x"}}),
        ("a[1]=y&a[0]=x", {"a": {"1": "y", "0": "x"}}),
        ("a[b]rest=1", {"a": {"b": "1"}}),
        ("a[[b]]=1", {"a": {"[b": "1"}}),
        ("a=1+2%2B3", {"a": "1 2+3"}),
        ("a&b=", {"a": "", "b": ""}),
    ],
)
def test_php_s_own_rules(form: str, value: dict[str, Any]) -> None:
    assert decode_form(form) == value


# The sandbox's side


def request(body: bytes, content_type: str, query: str = "") -> web.Request:
    stream = StreamReader(mock.Mock(_reading_paused=False), 2**16, loop=mock.Mock())
    stream.feed_data(body)
    stream.feed_eof()
    headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return make_mocked_request("POST", f"/rest/1/s/x{query}", headers=headers, payload=stream)


KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "")


@quick
@given(st.binary(max_size=200), st.sampled_from(KINDS), text)
def test_the_sandbox_reads_any_request_or_refuses_it(body: bytes, kind: str, query: str) -> None:
    asked = "?" + urlencode({"q": query})
    try:
        params = asyncio.run(read_params(request(body, kind, asked)))
    except RestError as error:
        assert error.status == 400
    else:
        assert isinstance(params, dict)


@quick
@given(forms)
def test_the_sandbox_reads_what_the_client_writes(params: dict[str, Any]) -> None:
    body = {str(key): value for key, value in params.items()}
    assert asyncio.run(read_params(request(orjson.dumps(body, default=str), KINDS[0]))) == orjson.loads(
        orjson.dumps(body, default=str)
    )
    assert asyncio.run(read_params(request(encode_form(params).encode(), KINDS[1]))) == expected(params)


@quick
@given(forms)
def test_the_sandbox_reads_the_commands_the_client_writes(params: dict[str, Any]) -> None:
    cmd = batch_params([Command("a", "some.method", params)], halt=False)["cmd"]
    name, _, query = cmd["a"].partition("?")
    assert name == "some.method"
    assert _resolved(decode_form(query), {}) == expected(params)


@quick
@given(values)
def test_references_lead_to_what_came_before(result: Any) -> None:
    """Whole values keep their kind, what is not there is empty."""
    results = {"reg": {"CALL_ID": result, "LIST": [result]}}
    params = {"a": reference("reg", "CALL_ID"), "b": reference("reg", "LIST", 0), "c": reference("no", "X")}
    cmd = batch_params([Command("a", "m", params)], halt=False)["cmd"]
    read = _resolved(decode_form(cmd["a"].partition("?")[2]), results)
    whole = "" if result is None else result
    assert read["c"] == ""
    assert read["a"] is whole or read["a"] == whole
    assert read["b"] is whole or read["b"] == whole


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig.from_file(SAMPLE_SEED)
    config.limits.enabled = False
    portal = Sandbox(config)
    yield portal
    portal.close()


NAMES = st.sampled_from(
    [
        "user.get",
        "profile",
        "batch",
        "telephony.externalCall.register",
        "telephony.externalCall.finish",
        "no.such",
        "telephony.externalCall.attachRecord",
        "voximplant.statistic.get",
        "telephony.externalCall.show",
        "app.info",
    ]
)
FIELDS = st.sampled_from(
    [
        "CALL_ID",
        "USER_ID",
        "PHONE_NUMBER",
        "TYPE",
        "FILTER",
        "ORDER",
        "SORT",
        "start",
        "DURATION",
        "CALL_START_DATE",
        "FILENAME",
        "FILE_CONTENT",
        "COST",
        "VOTE",
        "LINE_NUMBER",
        "CRM_ENTITY_TYPE",
        "CRM_ENTITY_ID",
        "ID",
    ]
)
commands = st.builds(
    lambda name, params, odd: f"{name}?{encode_form(params)}{odd}",
    NAMES,
    st.dictionaries(FIELDS, nested | telling | st.dictionaries(st.just(">ID") | FIELDS, plain, max_size=2), max_size=5),
    st.sampled_from(["", "&CALL_ID=$result[a][CALL_ID]", "&x[", "&[]=1", "&USER_ID=11&TYPE=2&PHONE_NUMBER=%2B79", "?"]),
)


@settings(quick, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abcde") | text, commands | text, max_size=5) | values)
def test_the_sandbox_survives_any_batch(sandbox: Sandbox, cmd: Any) -> None:
    visitor = Visitor(1, "local.sandbox", DEFAULT_SCOPES)
    context = Context(sandbox, visitor, Params({"cmd": cmd, "halt": 0}), "http://127.0.0.1")
    try:
        answer = asyncio.run(_batch(context, 0.0))
    except RestError as error:
        assert error.code == "ERROR_BATCH_LENGTH_EXCEEDED"
        return
    assert orjson.dumps(answer)
    if isinstance(cmd, dict):
        assert len(answer["result"]) + len(answer["result_error"]) == len({str(key) for key in cmd})


@quick
@given(values)
def test_php_reads_a_number_out_of_anything(value: Any) -> None:
    assert isinstance(php_int(value, 0), int)
