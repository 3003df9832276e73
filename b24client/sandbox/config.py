"""What a sandbox portal holds when it starts and how it behaves: a TOML seed file."""

from __future__ import annotations

import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from b24client.sandbox.crm_seed import SeedCrm
from b24client.sandbox.faults import ScheduledFault

DEFAULT_SCOPES = (
    "crm", "telephony", "user_basic", "user", "department", "im", "placement", "task", "timeman", "bizproc"
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


class SeedDepartment(_Table):
    """A department; `head` is an employee, `parent` another department."""

    id: int = Field(gt=0)
    name: str
    sort: int = 500
    parent: int | None = None
    head: int | None = None


class SeedSchedule(_Table):
    """A work schedule: shifts from `start` to `end` on `days` ("12345" is Monday to Friday)."""

    id: int = Field(gt=0)
    name: str = "For all employees"
    type: Literal["FIXED", "SHIFT", "FLEXTIME"] = "FIXED"
    start: time = time(9)
    end: time = time(18)
    pause: int = Field(default=3600, ge=0)
    """Length of the break, seconds."""
    days: str = Field(default="12345", pattern=r"^[1-7]{1,7}$")


class SeedUser(_Table):
    """An employee. `online`: a page of the portal is open in his browser, so that cards reach him."""

    id: int = Field(gt=0)
    name: str
    last_name: str = ""
    second_name: str = ""
    position: str = ""
    departments: list[int] = Field(default_factory=lambda: [1])
    user_type: Literal["employee", "extranet", "email"] = "employee"
    extension: str = ""
    mobile: str = ""
    work_phone: str = ""
    personal_phone: str = ""
    email: str = ""
    active: bool = True
    online: bool = True
    admin: bool = False
    timeman: Literal["OPENED", "CLOSED", "PAUSED", "EXPIRED", "UNAVAILABLE", "NOT_INSTALLED"] = "OPENED"


class SeedClient(_Table):
    """Somebody the CRM knows, in brief; `crm` holds whom there is more to say about."""

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


class RecordingLimits(_Table):
    """What the portal's web server takes of a recording, and how long an address for an upload is good."""

    max_bytes: int = Field(default=2 * 1024**3, gt=0)
    request_seconds: float = Field(default=60.0, gt=0)
    """Longest upload, and longest download from a RECORD_URL."""
    upload_ttl: float = Field(default=3600.0, gt=0)


class Switches(_Table):
    """Where documentation and live portals differ: the documented way is the default."""

    allow_webhook_telephony: bool = False
    """Let a webhook register and finish calls, as some live portals do."""
    empty_error_codes: bool = False
    """Send "" instead of ERROR_CORE, as live portals often do."""
    strict_numbers: bool = False
    """Refuse a PHONE_NUMBER without a digit, such as the word "anonymous"."""
    refuse_private_urls: bool = False
    """Refuse a RECORD_URL that is not at a public address, as the cloud does."""
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
    departments: list[SeedDepartment] = Field(default_factory=list)
    """Without any there is one, number 1, for everybody."""
    schedules: list[SeedSchedule] = Field(default_factory=lambda: [SeedSchedule(id=1)])
    users: list[SeedUser] = Field(default_factory=list)
    clients: list[SeedClient] = Field(default_factory=list)
    crm: SeedCrm = Field(default_factory=SeedCrm)
    webhook: SeedWebhook = Field(default_factory=SeedWebhook)
    app: SeedApp = Field(default_factory=SeedApp)
    limits: RequestLimits = Field(default_factory=RequestLimits)
    recordings: RecordingLimits = Field(default_factory=RecordingLimits)
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
        for name, rows in self.crm.tables():
            for row in rows:
                if row.assigned_by not in ids:
                    raise ValueError(f"crm.{name}: {row.id} is assigned to user {row.assigned_by}, who is not there")
        return self

    @model_validator(mode="after")
    def _clients_are_not_twice(self) -> SandboxConfig:
        tables = {"CONTACT": self.crm.contacts, "COMPANY": self.crm.companies, "LEAD": self.crm.leads}
        taken = {(kind, row.id) for kind, rows in tables.items() for row in rows}
        for client in self.clients:
            if (client.entity_type, client.id) in taken:
                raise ValueError(f"clients: {client.entity_type} {client.id} is there twice")
            taken.add((client.entity_type, client.id))
        return self

    @model_validator(mode="after")
    def _departments_exist(self) -> SandboxConfig:
        if not self.departments:
            self.departments = [SeedDepartment(id=1, name=self.title)]
        known, people = {department.id for department in self.departments}, {user.id for user in self.users}
        if len(known) != len(self.departments):
            raise ValueError("departments: two have the same id")
        for department in self.departments:
            if department.parent is not None and department.parent not in known:
                raise ValueError(f"departments: {department.name!r} is in {department.parent}, which is not there")
            if department.head is not None and department.head not in people:
                raise ValueError(f"departments: {department.name!r} is led by {department.head}, who is not there")
        for user in self.users:
            if strange := set(user.departments) - known:
                raise ValueError(f"users: {user.name!r} is in department {min(strange)}, which is not there")
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
