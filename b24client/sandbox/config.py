"""What a sandbox portal holds when it starts and how it behaves: a TOML seed file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from b24client.sandbox.faults import ScheduledFault

DEFAULT_SCOPES = (
    "crm", "telephony", "user_basic", "user", "department", "im", "placement", "task", "timeman"
)  # fmt: skip
SAMPLE_SEED = Path(__file__).with_name("seed.toml")
"""A small portal to begin with."""
Seconds = Annotated[float, Field(ge=0, le=3600)]


T = TypeVar("T", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def changed(self, name: str, value: str) -> Self:
        """A copy with one field changed, the value as text. Raises ValueError naming what is wrong with it."""
        if name not in type(self).model_fields:
            raise ValueError(f"there is no {name!r}, only {', '.join(type(self).model_fields)}")
        try:
            return type(self).model_validate({**self.model_dump(), name: int(value) if value.isdecimal() else value})
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None


class SeedUser(_Table):
    """An employee. `online`: a page of the portal is open in his browser, so that cards reach him."""

    id: int = Field(gt=0)
    name: str
    last_name: str = ""
    extension: str = ""
    mobile: str = ""
    email: str = ""
    active: bool = True
    online: bool = True
    admin: bool = False
    timeman: Literal["OPENED", "CLOSED", "PAUSED", "EXPIRED", "UNAVAILABLE", "NOT_INSTALLED"] = "OPENED"


class SeedClient(_Table):
    """Somebody the CRM knows."""

    entity_type: Literal["CONTACT", "COMPANY", "LEAD"] = "CONTACT"
    id: int = Field(gt=0)
    name: str
    phones: list[str] = Field(default_factory=list)
    assigned_by: int


class SeedWebhook(_Table):
    """An incoming webhook."""

    user_id: int = 1
    secret: str = "sandboxsecret"
    scope: list[str] = Field(default_factory=lambda: list(DEFAULT_SCOPES))


class SeedApp(_Table):
    """A local application."""

    client_id: str = "local.sandbox"
    client_secret: str = "sandboxappsecret"
    name: str = "Telephony"
    redirect_uri: str = ""
    handler: str = ""
    """The address of its main page, which opens in a frame of the portal; "": it has none."""
    scope: list[str] = Field(default_factory=lambda: list(DEFAULT_SCOPES))


class RequestLimits(_Table):
    """The published limits: the leaky bucket (503) and the working time of a method in ten minutes (429)."""

    enabled: bool = True
    rate: float = Field(default=2.0, gt=0)
    burst: int = Field(default=50, ge=1)
    operating_seconds: float = Field(default=480.0, gt=0)


class Switches(_Table):
    """Where documentation and live portals differ: the documented way is the default."""

    allow_webhook_telephony: bool = False
    """Let a webhook register and finish calls, as some live portals do."""
    empty_error_codes: bool = False
    """Send "" instead of ERROR_CORE, as live portals often do."""
    strict_numbers: bool = False
    """Refuse a PHONE_NUMBER without a digit, such as the word "anonymous"."""
    credentials_status: Literal[401, 403] = 403
    """HTTP status of a wrong webhook secret."""
    scope_status: Literal[401, 403] = 403
    """HTTP status of insufficient_scope."""
    method_not_found_status: Literal[400, 404] = 404
    """HTTP status of ERROR_METHOD_NOT_FOUND."""
    portal_deleted: bool = False
    """Answer everything with PORTAL_DELETED."""
    portal_deleted_status: Literal[410, 500] = 500
    """HTTP status of PORTAL_DELETED."""
    mobile_style: Literal["digit", "letter"] = "digit"
    """How ONEXTERNALCALLSTART writes IS_MOBILE: 0 and 1, or Y and N."""
    dedup_stops_at_finish: bool = True
    """Take an equal registration for a new call once the first is finished; else for half an hour in any case."""
    add_to_chat_default: Literal[0, 1] = 1
    """What ADD_TO_CHAT of a finish is when it is not given."""
    event_auth: Literal["full", "old", "bare", "fuzz"] = "full"
    """The auth block of events: everything, without the newer fields, without tokens, or one of these by chance."""
    wrong_client_ok: bool = False
    """Answer a wrong client_id with wrong_client under HTTP 200, as some OAuth servers do."""
    invalid_client_status: Literal[400, 401] = 400
    """HTTP status of invalid_client."""
    oauth_refusal: Literal["", "PAYMENT_REQUIRED", "NOT_INSTALLED", "invalid_request", "invalid_scope"] = ""
    """Refuse every request for tokens with this code."""


Chance = Annotated[float, Field(ge=0, le=1)]


class EventDelivery(_Table):
    """How reliably events are posted. As published: some time later, once, and never again if it fails."""

    delay_min: Seconds = 0.05
    delay_max: Seconds = 0.5
    """Seconds until an event is posted, by chance between these."""
    twice: Chance = 0.0
    """How many of them come a second time."""
    never: Chance = 0.0
    """How many of them are lost."""
    late: Chance = 0.0
    """How many of them come `late_seconds` after their time."""
    late_seconds: Seconds = 30.0
    out_of_order: Chance = 0.0
    """How many of them may pass earlier ones to the same handler."""
    slow_after: Seconds = 3.0
    """A handler that took longer than this to answer is served later ..."""
    slow_penalty: Seconds = 5.0
    """... by as many seconds."""
    seed: int | None = None
    """Makes chance repeatable."""

    @model_validator(mode="after")
    def _in_order(self) -> EventDelivery:
        if self.delay_min > self.delay_max:
            raise ValueError("delay_min is greater than delay_max")
        return self


class SandboxConfig(_Table):
    """A portal: who works there, whom they know, what may talk to it, how quick and how strict it is."""

    title: str = "Sandbox portal"
    country: str = Field(default="RU", pattern=r"^[A-Z]{2}$")
    public_url: str = ""
    """The address told to applications; "": the one a request came to."""
    license_family: str = "std"
    users: list[SeedUser] = Field(default_factory=list)
    clients: list[SeedClient] = Field(default_factory=list)
    webhook: SeedWebhook = Field(default_factory=SeedWebhook)
    app: SeedApp = Field(default_factory=SeedApp)
    limits: RequestLimits = Field(default_factory=RequestLimits)
    switches: Switches = Field(default_factory=Switches)
    events: EventDelivery = Field(default_factory=EventDelivery)
    faults: list[ScheduledFault] = Field(default_factory=list)
    """Trouble by the clock."""
    latency: Seconds = 0.0
    """Working time of a command, also inside a batch."""
    latencies: dict[str, Seconds] = Field(default_factory=dict)
    """Working time by method, `*` standing for anything; goes before `latency`."""
    token_ttl: float = Field(default=3600.0, gt=0)
    requests_kept: int = Field(default=20_000, ge=100)

    @model_validator(mode="after")
    def _people_exist(self) -> SandboxConfig:
        ids = [user.id for user in self.users]
        if len(ids) != len(set(ids)):
            raise ValueError("users: two have the same id")
        for client in self.clients:
            if client.assigned_by not in ids:
                raise ValueError(f"clients: {client.name!r} is assigned to user {client.assigned_by}, who is not there")
        return self

    @classmethod
    def from_file(cls, path: Path) -> SandboxConfig:
        """Read a seed file. Raises ValueError listing every mistake in it, OSError when it can't be read."""
        return _read(cls, path)


class FaultFile(_Table):
    """Trouble by the clock, in a file of its own: `[[faults]]` tables as in the seed file."""

    faults: list[ScheduledFault] = Field(default_factory=list)

    @classmethod
    def from_file(cls, path: Path) -> FaultFile:
        """Read it. Raises ValueError listing every mistake in it, OSError when it can't be read."""
        return _read(cls, path)


def _read(model: type[T], path: Path) -> T:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from None
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, e['loc'])) or 'seed'}: {e['msg']}" for e in error.errors()]
        raise ValueError("\n".join(f"{path}: {mistake}" for mistake in mistakes)) from None
