"""What a portal posts to us, read whatever shape it has.

Facts: https://apidocs.bitrix24.com/api-reference/events/index.html. The `auth` part has drifted over the years: fields
came and went, tokens are there only when somebody's action caused the event, so everything but `event` may be missing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from b24client.forms import decode_form
from b24client.tokens import OAuthTokens

Form = bytes | str | Mapping[str, Any] | Iterable[tuple[str, str]]
"""A form as it came, its fields, or the nested value they make."""


class EventAuth(BaseModel):
    """Who posts: the portal, and the application's secret that proves it. Tokens only if somebody caused the event."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    member_id: str = ""
    """Names the portal for good."""
    domain: str = ""
    client_endpoint: str = ""
    server_endpoint: str = ""
    status: str = ""
    scope: tuple[str, ...] = ()
    user_id: int | None = None
    application_token: SecretStr = SecretStr("")
    tokens: OAuthTokens | None = Field(default=None, repr=False)
    """Good to act in the name of who caused the event."""


class PostedEvent(BaseModel):
    """An event. `data` is as nested as it was; every value in it is a string. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True)

    event: str
    """Its name in upper case."""
    handler_id: int | None = None
    ts: datetime | None = None
    """When the portal says it happened."""
    data: dict[str, Any] = Field(default_factory=dict)
    auth: EventAuth = EventAuth()

    @classmethod
    def from_form(cls, form: Form) -> PostedEvent:
        """Read a posted form: raw, as fields, or nested already. Raises ValueError when it is not an event."""
        nested = nested_form(form)
        name = nested.get("event")
        if not isinstance(name, str) or not name.strip():
            raise ValueError("posted event: the field event is missing")
        data = nested.get("data")
        return cls(
            event=name.strip().upper(),
            handler_id=_number(nested.get("event_handler_id")),
            ts=_moment(nested.get("ts")),
            data=_map(data),
            auth=_auth(_map(nested.get("auth"))),
        )

    def verified(self, application_token: str | SecretStr, member_id: str = "") -> bool:
        """Whether it comes from the portal that holds this application token (and is the one called `member_id`).

        Compared in constant time. False for an empty token: nothing proves nothing.
        """
        return same_secret(self.auth.application_token, application_token) and member_id in ("", self.auth.member_id)

    @property
    def entity_id(self) -> str:
        """The id of the CRM entity an event is about, "" when it names none."""
        fields = _map(self.data.get("FIELDS"))
        return str(fields.get("ID") or "")


def nested_form(form: Form) -> dict[str, Any]:
    """A form in whatever state as a nested map. Raises ValueError when it is too long to be one."""
    if isinstance(form, bytes | str):
        return decode_form(form)
    if isinstance(form, Mapping):
        flat = decode_form((str(key), value) for key, value in form.items() if isinstance(value, str))
        return flat | {str(key): value for key, value in form.items() if not isinstance(value, str)}
    return decode_form(form)


def same_secret(given: SecretStr, known: str | SecretStr) -> bool:
    """Whether two secrets are the same and not empty, without telling by the time it takes where they differ."""
    expected = known.get_secret_value() if isinstance(known, SecretStr) else known
    return bool(expected) and hmac.compare_digest(_raw(given.get_secret_value()), _raw(expected))


def _raw(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")


def _auth(auth: Mapping[str, Any]) -> EventAuth:
    texts = {name: _text(auth.get(name)) for name in ("member_id", "domain", "client_endpoint", "server_endpoint")}
    tokens = None
    if _text(auth.get("access_token")):
        try:
            tokens = OAuthTokens.from_token_reply(auth)
        except ValueError:
            tokens = None  # an event with tokens we can't read is still an event
    return EventAuth(
        **texts,
        status=_text(auth.get("status")),
        scope=tuple(part for part in _text(auth.get("scope")).replace(",", " ").split() if part),
        user_id=_number(auth.get("user_id")),
        application_token=SecretStr(_text(auth.get("application_token"))),
        tokens=tokens,
    )


def _map(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {str(index): item for index, item in enumerate(value)} if isinstance(value, list) else {}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _number(value: Any) -> int | None:
    text = _text(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _moment(value: Any) -> datetime | None:
    seconds = _number(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (OverflowError, ValueError, OSError):
        return None
