"""What a portal posts into our frames (https://apidocs.bitrix24.com/api-reference/widgets/index.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from b24client.events_in import Form, nested_form, same_secret
from b24client.tokens import OAuthTokens

MAIN_PAGE = "DEFAULT"
"""The placement of the application's own page."""


class PlacementRequest(BaseModel):
    """An employee opened our frame. Not to be believed before `verified` says so. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True)

    placement: str = MAIN_PAGE
    options: dict[str, Any] = Field(default_factory=dict)
    """What the place tells: a call's CALL_ID, an entity's ID; mostly strings."""
    domain: str = ""
    https: bool = True
    language: str = ""
    app_sid: str = ""
    """The frame's own id, which the portal's page knows it by."""
    member_id: str = ""
    status: str = ""
    scope: tuple[str, ...] = ()
    application_token: SecretStr = SecretStr("")
    tokens: OAuthTokens | None = Field(default=None, repr=False)
    """Good to act in the name of the employee."""

    @classmethod
    def from_form(cls, form: Form, query: Form = "") -> PlacementRequest:
        """Read the posted form and the address's query string, each raw, as fields or nested already.

        Raises ValueError when it is not the request of a frame.
        """
        fields = {**nested_form(query), **nested_form(form)}
        if not _text(fields, "member_id") and not _text(fields, "AUTH_ID"):
            raise ValueError("placement: neither member_id nor AUTH_ID; only the portal's own pages post into a frame")
        return cls(
            placement=_text(fields, "PLACEMENT").upper() or MAIN_PAGE,
            options=_options(fields.get("PLACEMENT_OPTIONS")),
            domain=_text(fields, "DOMAIN"),
            https=_text(fields, "PROTOCOL") != "0",
            language=_text(fields, "LANG"),
            app_sid=_text(fields, "APP_SID"),
            member_id=_text(fields, "member_id"),
            status=_text(fields, "status"),
            scope=tuple(part for part in _text(fields, "APPLICATION_SCOPE").replace(",", " ").split() if part),
            application_token=SecretStr(_text(fields, "APPLICATION_TOKEN")),
            tokens=_tokens(fields),
        )

    def verified(self, application_token: str | SecretStr, member_id: str = "") -> bool:
        """Whether it comes from the portal that holds this application token (and is the one called `member_id`).

        Compared in constant time. False for an empty token: nothing proves nothing.
        """
        return same_secret(self.application_token, application_token) and member_id in ("", self.member_id)

    @property
    def call_id(self) -> str:
        """The call a CALL_CARD frame belongs to, "" elsewhere."""
        return str(self.options.get("CALL_ID") or "")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _options(value: Any) -> dict[str, Any]:
    """PLACEMENT_OPTIONS: JSON in a string; `[]` when there are none, as PHP writes an empty map."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value) if value.strip() else {}
        except orjson.JSONDecodeError:
            return {}
    return dict(value) if isinstance(value, Mapping) else {}


def _tokens(fields: Mapping[str, Any]) -> OAuthTokens | None:
    if not _text(fields, "AUTH_ID"):
        return None
    try:
        return OAuthTokens.from_install(fields)
    except ValueError:
        return None
