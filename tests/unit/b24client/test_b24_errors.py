"""What an error answer means."""

from __future__ import annotations

import pickle

import pytest

from b24client import (
    AccessDenied,
    B24Error,
    ExpiredToken,
    LimitExceeded,
    Refusal,
    Refused,
    Temporary,
    UnknownOutcome,
)
from b24client.classify import classify, repeatable

NOT_FOUND = "Call is not found (call should be registered prior to finishing)"

TABLE = [
    (503, "QUERY_LIMIT_EXCEEDED", "Too many requests", LimitExceeded),
    (503, "", "Too many requests", LimitExceeded),
    (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", LimitExceeded),
    (429, "", "", LimitExceeded),
    (0, "OPERATION_TIME_LIMIT", "inside a batch", LimitExceeded),
    (503, "OVERLOAD_LIMIT", "REST API is blocked due to overload.", LimitExceeded),
    (401, "expired_token", "The access token provided has expired.", ExpiredToken),
    (401, "EXPIRED_TOKEN", "case does not matter", ExpiredToken),
    (401, "invalid_token", "Unable to get application by token", ExpiredToken),
    (401, "NO_AUTH_FOUND", "Wrong authorization data", AccessDenied),
    (403, "INVALID_CREDENTIALS", "Invalid request credentials", AccessDenied),
    (401, "INVALID_CREDENTIALS", "Invalid request credentials", AccessDenied),
    (403, "insufficient_scope", "The request requires higher privileges", AccessDenied),
    (403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method", AccessDenied),
    (400, "", "Current authorization type is denied for this method", AccessDenied),
    (403, "ACCESS_DENIED", "REST API is available only on commercial plans", AccessDenied),
    (400, "ACCESS_DENIED", "You do not have permission to view this item", Refused),
    (404, "ERROR_METHOD_NOT_FOUND", "Method not found!", AccessDenied),
    (400, "ERROR_METHOD_NOT_FOUND", "Method not found!", AccessDenied),
    (200, "wrong_client", "Wrong client", AccessDenied),
    (400, "invalid_grant", "Invalid refresh token", AccessDenied),
    (400, "INVALID_REQUEST", "Https required", AccessDenied),
    (400, "INVALID_REQUEST", "The request can't be read", Refused),
    (500, "PORTAL_DELETED", "", AccessDenied),
    (410, "PORTAL_DELETED", "", AccessDenied),
    (500, "INTERNAL_SERVER_ERROR", "Internal server error", Temporary),
    (502, "", "", Temporary),
    (400, "ERROR_CORE", "Unexpected database error", Temporary),
    (400, "ERROR_CORE", NOT_FOUND, Refused),
    (400, "", NOT_FOUND, Refused),
    (200, "ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty", Refused),
    (0, "", "User is not found or is not active", Refused),
]


@pytest.mark.parametrize(("status", "code", "text", "kind"), TABLE)
def test_the_meaning_of_an_answer(status: int, code: str, text: str, kind: type[B24Error]) -> None:
    assert type(classify("some.method", status, code, text)) is kind


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NOT_FOUND, Refusal.CALL_NOT_FOUND),
        ("Call is not found in the statistic table. It looks like it is not finished yet.", Refusal.NOT_FINISHED),
        ("Call is not found in the statistic table. Looks like it is not finished yet.", Refusal.NOT_FINISHED),
        ("User is not found or is not active.", Refusal.USER_NOT_FOUND),
        ("Unsupported phone number format", Refusal.BAD_NUMBER),
        ("Wrong file extension. Only wav and mp3 are allowed", Refusal.BAD_FILE),
        ("Unknown TYPE", Refusal.OTHER),
    ],
)
def test_the_reason_is_read_from_the_text(text: str, reason: Refusal) -> None:
    assert Refused("telephony.externalCall.finish", "", text).reason is reason


def test_a_limit_tells_how_long_to_wait() -> None:
    limit = classify("user.get", 503, "QUERY_LIMIT_EXCEEDED", "Too many requests", retry_after=7.0)
    assert isinstance(limit, LimitExceeded)
    assert limit.retry_after == 7.0


def test_denied_access_tells_the_remedy() -> None:
    error = classify("telephony.externalCall.register", 403, "WRONG_AUTH_TYPE", "Current authorization type is denied")
    assert "installed application" in str(error)


def test_the_text_names_method_code_and_status() -> None:
    assert str(Refused("user.get", "ERROR_CORE", "no", 400)) == "user.get: no [ERROR_CORE, HTTP 400]"
    assert str(UnknownOutcome("user.get", "", "no answer within 3 s")) == "user.get: no answer within 3 s"


def test_errors_survive_pickling() -> None:
    copy = pickle.loads(pickle.dumps(LimitExceeded("user.get", "X", "text", 503, retry_after=9.0)))
    assert (type(copy), copy.status, copy.retry_after) == (LimitExceeded, 503, 9.0)


@pytest.mark.parametrize(
    ("method", "harmless"),
    [
        ("user.get", True),
        ("telephony.externalCall.show", True),
        ("telephony.externalCall.searchCrmEntities", True),
        ("telephony.externalCall.attachRecord", True),
        ("telephony.externalCall.register", False),
        ("telephony.externalCall.finish", False),
        ("crm.activity.todo.add", False),
        ("event.offline.get", False),
    ],
)
def test_which_requests_may_be_sent_again(method: str, harmless: bool) -> None:
    assert repeatable(method) is harmless
