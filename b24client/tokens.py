"""The tokens of an installed application and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError, field_validator

from b24client.forms import decode_form


class OAuthTokens(BaseModel):
    """What an application holds to act in one portal.

    An access token lives an hour; a refresh token 180 days and is replaced at each renewal
    (https://apidocs.bitrix24.com/settings/oauth/index.html). `member_id` names the portal
    for good, its host may change.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr
    refresh_token: SecretStr = SecretStr("")
    expires_at: AwareDatetime
    member_id: str = ""
    client_endpoint: str = ""
    """The portal's REST address, such as https://example.bitrix24.com/rest/."""
    server_endpoint: str = ""
    """The OAuth server's REST address."""
    application_token: SecretStr = SecretStr("")
    """Comes with each event the portal posts and proves that it is the portal."""
    scope: tuple[str, ...] = ()
    user_id: int | None = None
    status: str = ""

    @field_validator("scope", mode="before")
    @classmethod
    def _split_scope(cls, value: Any) -> Any:
        return tuple(part for part in value.replace(",", " ").split() if part) if isinstance(value, str) else value

    @classmethod
    def from_install(cls, form: Mapping[str, Any]) -> OAuthTokens:
        """The tokens a portal hands over at installation.

        Reads the ONAPPINSTALL event (`auth[access_token]` ..., as flat fields or nested already) and the form posted
        to an installation page (`AUTH_ID` ...). Raises ValueError naming the field that is missing.
        """
        nested = decode_form((key, value) for key, value in form.items() if isinstance(value, str))
        nested |= {key: value for key, value in form.items() if not isinstance(value, str)}
        auth = nested.get("auth")
        if not isinstance(auth, Mapping):
            auth = _from_page(nested)
        for field in ("access_token", "refresh_token", "member_id"):
            if not auth.get(field):
                raise ValueError(f"installation form: auth[{field}] is missing; the portal has to post ONAPPINSTALL")
        try:
            return cls.from_token_reply(auth)
        except ValueError as error:
            problem = ValueError(f"installation form: {error}")
        raise problem  # from here, where no line holds the form: a traceback may show the values of its lines

    def is_for_another_portal(self, other: OAuthTokens | None) -> bool:
        """Whether both name their portal and it is not the same one."""
        return bool(other and self.member_id and other.member_id and self.member_id != other.member_id)

    @classmethod
    def from_token_reply(cls, reply: Mapping[str, Any], previous: OAuthTokens | None = None) -> OAuthTokens:
        """The tokens in an answer of the OAuth server; what it does not repeat is taken from `previous`.

        Raises ValueError when there is no access token or a field is not of its kind.
        """
        if not isinstance(reply.get("access_token"), str) or not reply["access_token"]:
            raise ValueError("token reply: access_token is missing")
        known: dict[str, Any] = dict(previous) if previous else {}
        given = {name: reply[name] for name in cls.model_fields if reply.get(name) not in (None, "", [], {})}
        if "user_id" in given and not str(given["user_id"]).isdecimal():
            del given["user_id"]
        given["expires_at"] = _expiry(reply)
        try:
            return cls(**{**known, **given})
        except ValidationError as error:
            names = ", ".join(sorted({str(mistake["loc"][0]) for mistake in error.errors()}))
            problem = ValueError(f"token reply: not of its kind: {names}")
        raise problem  # without the cause, which holds what came

    def reveal(self) -> dict[str, Any]:
        """Everything as JSON values, the secrets in clear: for a TokenStore. `OAuthTokens(**...)` reads it back."""
        plain = self.model_dump(mode="json")
        for name in ("access_token", "refresh_token", "application_token"):
            plain[name] = getattr(self, name).get_secret_value()
        return plain


def _from_page(form: Mapping[str, Any]) -> dict[str, Any]:
    """The `auth` map told by the fields of an installation page or a placement."""
    auth = {
        "access_token": form.get("AUTH_ID"),
        "refresh_token": form.get("REFRESH_ID"),
        "expires_in": form.get("AUTH_EXPIRES"),
        "server_endpoint": form.get("SERVER_ENDPOINT"),
        "application_token": form.get("APPLICATION_TOKEN"),
        "scope": form.get("APPLICATION_SCOPE"),
        "member_id": form.get("member_id"),
        "status": form.get("status"),
    }
    if form.get("DOMAIN"):
        scheme = "http" if form.get("PROTOCOL") == "0" else "https"
        auth["client_endpoint"] = f"{scheme}://{form['DOMAIN']}/rest/"
    return auth


def _expiry(reply: Mapping[str, Any]) -> datetime:
    """When the access token ends: told in seconds from now or as a moment, else the documented hour."""
    try:
        if reply.get("expires_in"):
            return datetime.now(UTC) + timedelta(seconds=float(reply["expires_in"]))
        if reply.get("expires"):
            return datetime.fromtimestamp(float(reply["expires"]), UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    return datetime.now(UTC) + timedelta(hours=1)


class TokenStore(Protocol):
    """Where the tokens of a portal survive a restart. `save` has to be atomic: a lost refresh token is lost access."""

    async def load(self) -> OAuthTokens | None:
        """The tokens, or None when the application is not installed."""

    async def save(self, tokens: OAuthTokens) -> None:
        """Keep these tokens instead of any earlier ones; return only once they are safe."""

    async def clear(self) -> None:
        """Forget the tokens: the application has been removed from the portal."""


class MemoryTokenStore:
    """A TokenStore for tests and short programs."""

    def __init__(self, tokens: OAuthTokens | None = None) -> None:
        self.tokens = tokens
        self.saved: list[OAuthTokens] = []

    async def load(self) -> OAuthTokens | None:
        """The tokens given or saved last."""
        return self.tokens

    async def save(self, tokens: OAuthTokens) -> None:
        """Keep the tokens, and the history of saves."""
        self.tokens = tokens
        self.saved.append(tokens)

    async def clear(self) -> None:
        """Forget the tokens, keep the history of saves."""
        self.tokens = None
