"""What can go wrong with a request to a portal, told by what the caller can do about it.

Codes and texts: https://apidocs.bitrix24.com/error-codes.html and the pages of the single methods.
"""

from __future__ import annotations

from copy import copy
from enum import StrEnum
from typing import Self


class Refusal(StrEnum):
    """Why a portal finally refused a request, as far as its text tells."""

    CALL_NOT_FOUND = "call not found"  # never registered here, or already finished
    NOT_FINISHED = "call not finished"  # attachRecord or a transcription came before finish
    USER_NOT_FOUND = "user not found"  # unknown or dismissed employee
    BAD_NUMBER = "bad number"
    BAD_FILE = "bad file"
    OTHER = "other"


class B24Error(Exception):
    """A request to a portal did not succeed. No secret is ever part of it.

    `method` is the REST method, `code` the portal's error code (may be empty on live portals), `description` the
    portal's text or our own, `status` the HTTP status (0: there was none, or the error is a batch command's own).
    """

    def __init__(self, method: str, code: str, description: str, status: int = 0) -> None:
        self.method = method
        self.code = code
        self.description = description
        self.status = status
        super().__init__(self._text())

    def _text(self) -> str:
        facts = ", ".join(fact for fact in (self.code, f"HTTP {self.status}" if self.status else "") if fact)
        return f"{self.method}: {self.description}" + (f" [{facts}]" if facts else "")

    def of(self, method: str) -> Self:
        """The same error, told of another method: of a command, when its whole batch failed."""
        told = copy(self)
        told.method = method
        told.args = (told._text(),)
        return told

    def __reduce__(self) -> tuple[type[B24Error], tuple[str, str, str, int], dict[str, object]]:
        return type(self), (self.method, self.code, self.description, self.status), self.__dict__


class Temporary(B24Error):
    """The portal or the way to it failed for now and has not acted; try again later."""


class LimitExceeded(B24Error):
    """The portal's budget is used up; try again after `retry_after` seconds. The request was not carried out."""

    def __init__(self, method: str, code: str, description: str, status: int = 0, retry_after: float = 1.0) -> None:
        self.retry_after = retry_after
        super().__init__(method, code, description, status)

    @property
    def is_of_method(self) -> bool:
        """Whether it is this method's working time that is used up, and not the bucket of all requests."""
        return self.code.lower() == "operation_time_limit" or self.status == 429


class AccessDenied(B24Error):
    """The portal does not let us do this: a matter of credentials, rights or configuration, not of this request."""

    @property
    def remedy(self) -> str:
        """What an administrator can do."""
        return _REMEDIES.get(self.code.lower(), "check the credentials and rights of the webhook or application")

    def _text(self) -> str:
        return f"{super()._text()}; remedy: {self.remedy}"


class ExpiredToken(AccessDenied):
    """The access token is no longer valid. `Portal` renews it by itself; seen outside only when that did not help."""


class Refused(B24Error):
    """The portal understood and finally said no; the same request would be refused again."""

    @property
    def reason(self) -> Refusal:
        """The meaning of the refusal, read from its text because live portals send empty codes."""
        text = self.description.lower()
        return next((reason for needle, reason in _REFUSALS if needle in text), Refusal.OTHER)


class NotRun(B24Error):
    """A command of a batch was not carried out because an earlier one failed and the batch was told to halt."""


class UnknownOutcome(B24Error):
    """The answer was lost after the portal may have acted: ask what happened before sending the request again."""


class BadReply(B24Error):
    """The answer is not what the documentation promises; `description` holds a short excerpt."""


_REFUSALS: tuple[tuple[str, Refusal], ...] = (
    ("not finished yet", Refusal.NOT_FINISHED),
    ("is it finished?", Refusal.NOT_FINISHED),
    ("call is not found", Refusal.CALL_NOT_FOUND),
    ("user is not found", Refusal.USER_NOT_FOUND),
    ("user_id or user_phone_inner", Refusal.USER_NOT_FOUND),
    ("phone number", Refusal.BAD_NUMBER),
    ("phone_number", Refusal.BAD_NUMBER),
    ("file name", Refusal.BAD_FILE),
    ("file extension", Refusal.BAD_FILE),
    ("file content", Refusal.BAD_FILE),
    ("server returns http error", Refusal.BAD_FILE),
)

_INSTALL = "install the application in the portal (again)"
_REMEDIES = {
    "wrong_auth_type": "this method needs an installed application: a webhook may not call it",
    "insufficient_scope": "give the webhook or application the permission (scope) this method belongs to",
    "invalid_scope": "give the application the permissions (scopes) it asks for",
    "no_auth_found": "check the webhook address; the webhook may have been deleted or its owner dismissed",
    "invalid_credentials": "check the webhook address; the webhook may have been deleted or its owner dismissed",
    "expired_token": _INSTALL,
    "invalid_token": _INSTALL,
    "invalid_grant": f"the refresh token is no longer valid: {_INSTALL}",
    "invalid_client": "check client_id and client_secret against the application's page in the portal",
    "wrong_client": "check client_id and client_secret against the application's page in the portal",
    "not_installed": _INSTALL,
    "application_not_found": _INSTALL,
    "payment_required": "the portal's plan or the application's subscription does not include the REST API",
    "access_denied": "the user behind the credentials needs the right to this data, or the portal a commercial plan",
    "error_method_not_found": "the portal lacks this method, or the credentials lack the scope that shows it",
    "method_confirm_waiting": "an administrator of the portal has to confirm this method for the application",
    "method_confirm_denied": "an administrator of the portal has denied this method to the application",
    "invalid_request": "use the https address of the portal",
    "portal_deleted": "the portal no longer exists; connect another one",
}
