"""Where PHP's habits end: what typed methods make of what portals send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from b24client import (
    AppInfo,
    BadReply,
    CallStatistic,
    CallType,
    Command,
    CrmEntity,
    FinishCall,
    FinishedCall,
    LimitExceeded,
    NotRun,
    Profile,
    Refused,
    RegisterCall,
    RegisteredCall,
    StatusCode,
    Temporary,
    UnknownOutcome,
    User,
)
from b24client.batch import batch_params, batch_results
from b24client.php import read, read_all

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
models = st.sampled_from(
    [AppInfo, CallStatistic, CrmEntity, FinishedCall, Profile, RegisteredCall, User]
)  # fmt: skip


@given(models, st.data())
def test_any_answer_is_a_model_or_a_bad_reply(model: type[BaseModel], data: st.DataObject) -> None:
    names = [field.alias or name.upper() for name, field in model.model_fields.items()]
    value = data.draw(json_values | st.dictionaries(st.sampled_from(names), json_values, max_size=6))
    try:
        assert isinstance(read(model, "some.method", value), model)
    except BadReply as error:
        assert error.method == "some.method"


def test_a_registered_call_without_a_client() -> None:
    call = read(
        RegisteredCall,
        "register",
        {
            "CALL_ID": "externalCall.1.2",
            "CRM_CREATED_LEAD": None,
            "CRM_CREATED_ENTITIES": [],
            "CRM_ENTITY_TYPE": "",
            "CRM_ENTITY_ID": None,
            "LEAD_CREATION_ERROR": "Lead creation is disabled for local users",
        },
    )
    assert (call.call_id, call.crm_entity_id, call.crm_created_entities) == ("externalCall.1.2", None, [])


def test_a_client_whose_responsible_has_no_extension() -> None:
    row = {
        "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": 651, "ASSIGNED_BY_ID": 99, "NAME": "John Doe",
        "ASSIGNED_BY": {"ID": "99", "TIMEMAN_STATUS": "CLOSED", "USER_PHONE_INNER": None, "PERSONAL_MOBILE": "1906"},
    }  # fmt: skip
    client = read(CrmEntity, "search", row)
    assert (client.entity_id, client.assigned_by_id, client.assigned_by_extension) == (651, 99, "")
    assert (client.timeman_status, client.assigned_by_mobile) == ("CLOSED", "1906")
    assert read(CrmEntity, "search", {**row, "ASSIGNED_BY": []}).timeman_status == ""


def test_a_row_of_the_statistics_is_all_strings_and_holes() -> None:
    row = {
        "ID": "7", "PORTAL_USER_ID": "1269", "CALL_DURATION": "95", "CALL_START_DATE": "2026-03-10T11:19:39+03:00",
        "CRM_ENTITY_ID": None, "RECORD_FILE_ID": 9079, "EXTERNAL_CALL_ID": None, "CALL_TYPE": "2",
    }  # fmt: skip
    call = read(CallStatistic, "statistic", row)
    assert (call.id, call.call_duration, call.record_file_id, call.external_call_id) == (7, 95, 9079, "")
    assert call.call_start_date == datetime(2026, 3, 10, 8, 19, 39, tzinfo=UTC)
    assert read(CallStatistic, "statistic", {"ID": "7", "CALL_START_DATE": {}}).call_start_date is None


def test_an_employee_as_the_narrowest_scope_shows_him() -> None:
    user = read(User, "user.get", {"ID": "11", "ACTIVE": True, "NAME": "Boris", "LAST_NAME": "Petrov"})
    assert (user.id, user.name, user.extension, user.mobile) == (11, "Boris Petrov", "", "")


def test_a_map_in_place_of_a_list_is_its_values() -> None:
    assert [user.id for user in read_all(User, "user.get", {"0": {"ID": "3"}, "2": {"ID": "5"}})] == [3, 5]


def test_a_wrong_type_names_the_field_and_not_its_content() -> None:
    with pytest.raises(BadReply) as bad:
        read(RegisteredCall, "register", {"CALL_ID": ["+79161234567"]})
    assert "CALL_ID" in str(bad.value)
    assert "7916" not in str(bad.value)


def test_a_registration_is_written_in_the_portals_notation() -> None:
    call = RegisterCall(
        user_id=12,
        phone_number="+79161234567",
        type=CallType.INCOMING,
        call_start_date=datetime(2026, 3, 10, 8, 19, 38, 123, tzinfo=UTC),
        crm_create=True,
        external_call_id="pbx1-1.2",
    )
    assert call.to_params() == {
        "USER_ID": 12, "PHONE_NUMBER": "+79161234567", "TYPE": 2, "CALL_START_DATE": "2026-03-10T08:19:38+00:00",
        "CRM_CREATE": 1, "SHOW": 0, "ADD_TO_CHAT": 0, "EXTERNAL_CALL_ID": "pbx1-1.2",
    }  # fmt: skip


def test_a_finish_says_zero_and_the_status_plainly() -> None:
    params = FinishCall(call_id="c", user_id=1, duration=0, status_code=StatusCode.MISSED).to_params()
    assert params == {"USER_ID": 1, "CALL_ID": "c", "DURATION": 0, "STATUS_CODE": "304", "ADD_TO_CHAT": 0}


def test_a_call_has_to_belong_to_somebody() -> None:
    with pytest.raises(ValueError, match="user_id"):
        RegisterCall(phone_number="1", type=CallType.INCOMING)


def test_a_batch_that_halted() -> None:
    commands = [Command("a", "x.add"), Command("b", "y.add"), Command("c", "user.get")]
    answer = {"result": [], "result_error": {"a": {"error": "", "error_description": "no"}}, "result_time": []}
    results, _ = batch_results(commands, answer, str)
    assert isinstance(results["a"].error, Refused)
    assert isinstance(results["b"].error, NotRun)
    with pytest.raises(NotRun):
        results["c"].unwrap()


def test_a_command_over_its_working_time() -> None:
    answer = {"result": [], "result_error": {"a": {"error": "OPERATION_TIME_LIMIT", "error_description": "blocked"}}}
    results, _ = batch_results([Command("a", "user.get")], answer, str)
    assert isinstance(results["a"].error, LimitExceeded)


@pytest.mark.parametrize("failure", [("INTERNAL_SERVER_ERROR", ""), ("ERROR_CORE", "Unexpected database error")])
def test_a_command_the_portal_failed_over_may_have_been_carried_out(failure: tuple[str, str]) -> None:
    code, text = failure
    failed = {"error": code, "error_description": text}
    commands = [Command("end", "telephony.externalCall.finish"), Command("user", "user.get")]
    results, _ = batch_results(commands, {"result": [], "result_error": {"end": failed, "user": failed}}, str)
    assert type(results["end"].error) is UnknownOutcome
    assert type(results["user"].error) is Temporary


@given(json_values)
def test_any_answer_to_a_batch_is_survived(answer: Any) -> None:
    try:
        results, _ = batch_results([Command("a", "user.get")], answer, str)
    except BadReply:
        return
    assert list(results) == ["a"]


def test_impossible_batches_are_refused_before_sending() -> None:
    with pytest.raises(ValueError, match="at most 50"):
        batch_params([Command(str(i), "user.get") for i in range(51)], halt=False)
    with pytest.raises(ValueError, match="used twice"):
        batch_params([Command("a", "user.get"), Command("a", "user.get")], halt=False)
    with pytest.raises(ValueError, match="key"):
        batch_params([Command("a]b", "user.get")], halt=False)
