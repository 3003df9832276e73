"""The configuration: one TOML file, overridden by `STASIS_SECTION__KEY` environment variables.

Each section is a pydantic model; rooms get their own section, never the whole. `load_settings` reads the file, and when
anything is wrong raises one `ConfigError` with all of it. Relative paths are relative to the file.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stasis_app.config_errors import ConfigError, ConfigProblem

__all__ = [
    "AsteriskSettings",
    "Bitrix24Settings",
    "CodeSettings",
    "ConfigError",
    "ConfigProblem",
    "EmployeeSettings",
    "HttpSettings",
    "LoggingSettings",
    "OutboundSettings",
    "ParkingSettings",
    "PhoneSettings",
    "RecordingSettings",
    "RewriteSettings",
    "RoutingSettings",
    "Section",
    "Settings",
    "StorageSettings",
    "TrunkSettings",
    "load_settings",
]

Seconds = Annotated[float, Field(gt=0, le=3600)]
Dialled = Annotated[str, Field(pattern=r"^([*#][0-9*#]{1,9})?$")]

SHORTEST_TOKEN = 16
PREFIX = r"^(\+[0-9]*|[0-9*#]+)$"
OWN_NUMBER = r"^(\+?\d{2,20})?$"
AutoAnswerStyle = Literal["off", "common", "yealink", "grandstream", "snom", "fanvil", "cisco", "polycom"]
"""Which phone is asked to answer by itself; `common` speaks to all of them but Polycom."""


class Section(BaseModel):
    """A section of the configuration; unknown keys are errors, so that a typing mistake is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def problems(self) -> Iterator[ConfigProblem]:
        """What is wrong with the values beyond their types; keys are relative to the section."""
        return iter(())


class AsteriskSettings(Section):
    """How to reach Asterisk's ARI and how its endpoints are named."""

    url: str = Field(default="http://127.0.0.1:8088", description="where Asterisk's HTTP server listens, without /ari")
    username: str = Field(min_length=1, description="the user in ari.conf")
    password: SecretStr = Field(description="that user's password")
    app: str = Field(
        default="stasis-app",
        pattern=r"^[A-Za-z0-9_.-]{1,73}$",
        description="the name in Stasis() of the dialplan",
    )
    endpoint: str = Field(default="PJSIP/{extension}", description="dial string of an extension")
    trunk: str = Field(default="PJSIP/{number}@trunk", description="dial string of an outside number")
    phone_transfers: Literal["auto", "server"] = Field(
        default="auto",
        description="who carries out transfers made on a phone: we, where Asterisk can tell us (22.7+, 20.17+), or it",
    )
    ca_file: Path | None = Field(default=None, description="certificate authority of an https:// address, PEM")
    connect: Literal["inbound", "outbound"] = Field(
        default="inbound",
        description="who opens the event websocket: inbound, we connect to Asterisk; outbound, Asterisk to us (22.5+)",
    )
    listen_host: str = Field(default="127.0.0.1", description="with outbound: address to await Asterisk at")
    listen_port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8098, description="with outbound: the port")
    listen_path: str = Field(
        default="/ari", pattern=r"^/[A-Za-z0-9_./-]*$", description="with outbound: the path in websocket_client.conf"
    )
    listen_username: str = Field(default="asterisk", description="with outbound: the user in websocket_client.conf")
    listen_password: SecretStr | None = Field(default=None, description="with outbound: that user's password")
    heartbeat: Seconds = Field(default=5.0, description="seconds between pings of the event websocket")
    request_timeout: Seconds = Field(default=5.0, description="seconds an ARI request may take")
    rest_over_websocket: bool | None = Field(
        default=None, description="send requests over the event websocket; unset: when the server has it"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        yield from _address("url", self.url, "http://127.0.0.1:8088")
        yield from _missing_file("ca_file", self.ca_file)
        password = self.listen_password.get_secret_value() if self.listen_password else ""
        if self.connect == "outbound" and len(password) < 8:
            yield ConfigProblem(
                "listen_password",
                "is missing or has fewer than 8 characters, but Asterisk shall connect to us",
                "Choose one, and put it into websocket_client.conf too: openssl rand -hex 16.",
            )
        yield from _dial_string("endpoint", self.endpoint, "{extension}", "PJSIP/{extension}")
        yield from _dial_string("trunk", self.trunk, "{number}", "PJSIP/{number}@trunk")


class Bitrix24Settings(Section):
    """The portal: an incoming webhook, or a local application."""

    webhook: SecretStr | None = Field(default=None, description="address of an incoming webhook; a secret as a whole")
    portal: str = Field(default="", description="address of the portal, for access as an application")
    client_id: str = Field(default="", description="the application's id (client_id)")
    client_secret: SecretStr | None = Field(default=None, description="the application's key (client_secret)")
    oauth_url: str = Field(default="https://oauth.bitrix.info", description="the server that renews tokens")
    default_user: int | None = Field(default=None, gt=0, description="id of who answers for calls nobody took")
    credit: Literal["last", "longest"] = Field(
        default="last", description="whom a call is credited to: the employee who talked last, or longest in all"
    )
    lookup_budget: Seconds = Field(default=1.5, description="seconds a caller may wait for the CRM's answer")
    anonymous_number: str = Field(default="anonymous", description="PHONE_NUMBER of a call with a withheld number")
    crm_create: bool = Field(default=True, description="let the portal create a lead for an unknown number")
    internal_calls: bool = Field(default=False, description="mirror calls between extensions too")
    message_todo: str = Field(
        default="Voice message from {number}",
        max_length=200,
        description="title of what the responsible is to do about a message that was left; empty: nothing",
    )
    notes: bool = Field(
        default=True, description="comment on the client who talked with him when a call was moved, and how it was"
    )
    notes_language: Literal["en", "ru"] = Field(default="en", description="the language of these comments")
    limits: Literal["auto", "standard", "enterprise", "off"] = Field(
        default="auto",
        description="requests the portal takes: 2/s (50 at once), Enterprise 5/s (250); auto asks which; off: any",
    )
    allow_http: bool = Field(default=False, description="allow a portal without TLS (only in a closed network)")
    ca_file: Path | None = Field(default=None, description="certificate authority of an on-premise portal, PEM")

    @property
    def is_application(self) -> bool:
        """Whether the portal is reached as an installed application (OAuth) rather than by a webhook."""
        return self.webhook is None

    def problems(self) -> Iterator[ConfigProblem]:
        yield from _missing_file("ca_file", self.ca_file)
        yield from _address("oauth_url", self.oauth_url, "https://oauth.bitrix.info")
        if self.webhook is not None:
            yield from self._webhook_problems(self.webhook.get_secret_value())
        else:
            yield from self._application_problems()

    def _webhook_problems(self, webhook: str) -> Iterator[ConfigProblem]:
        for key in ("portal", "client_id", "client_secret"):
            if getattr(self, key):
                yield ConfigProblem(
                    key, "is given together with webhook", "Keep the webhook, or portal + client_id + client_secret."
                )
        parts = urlsplit(webhook)
        if parts.scheme not in ("http", "https") or not parts.hostname or "/rest/" not in parts.path:
            yield ConfigProblem(
                "webhook",
                "is not the address of an incoming webhook",
                "Copy it from the portal: https://example.bitrix24.ru/rest/1/code/.",
            )
        elif parts.scheme == "http" and not self.allow_http:
            yield _no_tls("webhook")

    def _application_problems(self) -> Iterator[ConfigProblem]:
        if not (self.portal or self.client_id or self.client_secret):
            yield ConfigProblem(
                "webhook",
                "is missing, and so are portal, client_id and client_secret",
                "Give the address of an incoming webhook, or those three of a local application.",
            )
            return
        for key in ("portal", "client_id", "client_secret"):
            if not getattr(self, key):
                yield ConfigProblem(
                    key, "is missing", "An application needs portal, client_id and client_secret; see docs/install.md."
                )
        if self.portal:
            yield from _address("portal", self.portal, "https://example.bitrix24.ru")
            if self.portal.startswith("http://") and not self.allow_http:
                yield _no_tls("portal", repr(self.portal))
        if self.oauth_url.startswith("http://") and not self.portal.startswith("http://"):
            yield ConfigProblem(
                "oauth_url",
                "would send the application's secret over plain http://",
                "Use https://; http:// goes only with a portal at http:// and allow_http = true.",
                repr(self.oauth_url),
            )


class HttpSettings(Section):
    """The control API, the pages and the portal's handlers."""

    host: str = Field(default="127.0.0.1", description="address to listen at")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8099, description="port to listen at; 0: any free one")
    public_url: str = Field(
        default="", description="how the portal reaches this service (https://pbx.example.com); empty: not at all"
    )
    tokens: list[SecretStr] = Field(
        default_factory=list, description="bearer tokens of the control API; may be empty on a loopback address only"
    )
    supervisor_tokens: list[SecretStr] = Field(
        default_factory=list, description="tokens that may let somebody listen to calls, too; empty: all of tokens may"
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def problems(self) -> Iterator[ConfigProblem]:
        remedy = "Make one with: openssl rand -hex 24."
        if not self.is_loopback and not self.tokens:
            yield ConfigProblem(
                "tokens", f"is empty, but host {self.host!r} can be reached from other machines", remedy
            )
        given = [(f"tokens.{at}", token) for at, token in enumerate(self.tokens)]
        given += [(f"supervisor_tokens.{at}", token) for at, token in enumerate(self.supervisor_tokens)]
        for key, token in given:
            if not token.get_secret_value().strip():
                yield ConfigProblem(key, "is empty", remedy)
            elif not self.is_loopback and len(token.get_secret_value()) < SHORTEST_TOKEN:
                yield ConfigProblem(key, f"has fewer than {SHORTEST_TOKEN} characters", remedy)
        if self.public_url:
            yield from _address("public_url", self.public_url, "https://pbx.example.com")


class StorageSettings(Section):
    """Where calls, facts and the outbox are kept."""

    url: str = Field(default="sqlite+aiosqlite:///stasis.sqlite", description="an async SQLAlchemy database address")
    keep_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="days ended calls stay in the journal; unset: for ever"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        if not self.url.startswith(("sqlite+aiosqlite://", "mysql+asyncmy://", "mariadb+asyncmy://")):
            yield ConfigProblem(
                "url",
                "is not the address of a database this service can use",
                "Write sqlite+aiosqlite:///stasis.sqlite or mysql+asyncmy://user:password@host/database.",
            )


class RoutingSettings(Section):
    """The routing plan and how numbers are read."""

    plan: Path = Field(description="the routing plan, a TOML file")
    country: str = Field(default="RU", pattern=r"^[A-Z]{2}$", description="region numbers without + belong to")
    scripts: Path | None = Field(default=None, description="Python file with call flows named by the plan")

    def problems(self) -> Iterator[ConfigProblem]:
        yield from _missing_file("plan", self.plan)
        yield from _missing_file("scripts", self.scripts)


class RecordingSettings(Section):
    """Recording of talks."""

    enabled: bool = Field(default=True, description="record talks, unless the plan says otherwise")
    mode: Literal["call", "talk"] = Field(
        default="call", description="one file of the whole call, or one of each employee's talk"
    )
    stereo: bool = Field(default=False, description="the customer on the left channel, the employee on the right")
    internal: bool = Field(default=False, description="record calls between extensions too")
    consent: list[str] = Field(default_factory=list, description="prompts that tell people they are recorded")
    consent_when: Literal["before", "connected"] = Field(
        default="before",
        description="to the caller before anybody is rung, or to both once they are connected",
    )
    longest_pause: Annotated[float, Field(ge=0, le=86400)] = Field(
        default=600.0, description="seconds after which a pause that was forgotten ends by itself; 0: never"
    )
    format: Literal["wav", "mp3"] = Field(default="wav", description="what is delivered to the portal")
    deliver: Literal["upload", "url"] = Field(
        default="upload", description="how the portal gets it: sent, or fetched by the portal from http.public_url"
    )
    directory: Path | None = Field(
        default=None, description="Asterisk's recording spool, when this machine sees it; otherwise fetched over ARI"
    )
    keep_days: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="days a delivered recording stays on the PBX; unset: for ever"
    )


class ParkingSettings(Section):
    """Parked calls."""

    slots: str = Field(
        default="",
        pattern=r"^(\d{2,6}(-\d{2,6})?)?$",
        description="numbers calls wait under, as 701-720; empty: none",
    )
    seconds: Seconds = Field(default=60.0, description="seconds a call waits before who parked it is rung")

    @property
    def numbers(self) -> tuple[str, ...]:
        """The slots one by one."""
        first, _, last = self.slots.partition("-")
        if not first:
            return ()
        return tuple(str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1))

    def problems(self) -> Iterator[ConfigProblem]:
        if not 0 <= len(self.numbers) <= 200 or (self.slots and not self.numbers):
            yield ConfigProblem("slots", "is not a range of at most 200 numbers", "Write it like 701-720.", self.slots)


class PhoneSettings(Section):
    """Desk phones and who may do what with them."""

    freepbx_settings: bool = Field(
        default=False,
        description="follow the forwarding, do-not-disturb and call waiting FreePBX keeps (context stasis-extension)",
    )
    call_waiting: bool = Field(
        default=False, description="ring a phone that is in a call already, where its employee did not choose otherwise"
    )
    do_not_disturb: str = Field(
        default="Custom:DND{extension}", description="device state another system keeps do-not-disturb in (FreePBX's)"
    )
    pickup_groups: dict[str, list[str]] = Field(
        default_factory=dict, description="groups whose members take each other's calls; none: everybody does"
    )
    supervisors: list[str] = Field(
        default_factory=list, description="extensions that may listen to calls, whisper and barge in; none: nobody"
    )


class CodeSettings(Section):
    """Codes dialled at a phone. An empty one is switched off."""

    pickup: Dialled = Field(
        default="*8", description="take a call that rings at a colleague's; *8101: at extension 101"
    )
    do_not_disturb_on: Dialled = Field(default="*78", description="do not disturb")
    do_not_disturb_off: Dialled = Field(default="*79", description="disturb again")
    call_waiting_on: Dialled = Field(default="*70", description="ring me while I am in a call")
    call_waiting_off: Dialled = Field(default="*71", description="do not")
    forward_always_on: Dialled = Field(
        default="*72", description="forward all calls; the number follows, or is asked for"
    )
    forward_always_off: Dialled = Field(default="*73", description="forward no longer")
    forward_busy_on: Dialled = Field(default="*90", description="forward calls while I am busy or not to be disturbed")
    forward_busy_off: Dialled = Field(default="*91", description="forward no longer")
    forward_no_answer_on: Dialled = Field(
        default="*52", description="forward calls I do not answer, or my phone is off"
    )
    forward_no_answer_off: Dialled = Field(default="*53", description="forward no longer")
    queue_sign_in: Dialled = Field(default="*45", description="sign into my queues, or out of them")
    queue_pause: Dialled = Field(default="*46", description="pause in my queues, or go on")

    def problems(self) -> Iterator[ConfigProblem]:
        given: dict[str, str] = {}
        for key in type(self).model_fields:
            code = getattr(self, key)
            if code and code in given:
                yield ConfigProblem(key, f"is the code of {given[code]} too", "Give each its own.", repr(code))
            given[code] = key


Code = Annotated[str, Field(pattern=r"^([0-9*#]{1,8})?$")]


class FeatureSettings(Section):
    """What employees can do by pressing keys in a conversation, and how transfers ring."""

    blind: Code = Field(default="##", description="transfer at once; empty switches a code off")
    attended: Code = Field(default="*2", description="ask a colleague first, the customer hears music")
    cancel: Code = Field(default="*1", description="while asking: back to the customer")
    conference: Code = Field(default="*3", description="while asking: all three talk")
    swap: Code = Field(default="*4", description="while asking: change between customer and colleague")
    complete: Code = Field(default="", description="while asking: transfer (hanging up does the same)")
    park: Code = Field(default="#7", description="park the call in a free slot, whose number is said first")
    record_pause: Code = Field(default="*5", description="pause the recording, or go on with it")
    transfer_seconds: Seconds = Field(default=30.0, description="seconds the phone of who is to take a call rings")
    back_seconds: Seconds = Field(
        default=20.0, description="seconds the phone of who transferred rings when nobody took the call"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        codes = {key: getattr(self, key) for key in FEATURE_CODES if getattr(self, key)}
        for key, code in codes.items():
            for other, longer in codes.items():
                if key != other and longer.endswith(code):
                    what = f"is also how {other} ({longer!r}) ends"
                    yield ConfigProblem(key, what, "Choose codes none of which ends like another.", repr(code))


FEATURE_CODES = ("blind", "attended", "cancel", "conference", "swap", "complete", "park", "record_pause")


class EmployeeSettings(Section):
    """An employee the portal does not tell rightly."""

    extension: str = Field(pattern=r"^\d{1,11}$", description="his extension on the PBX")
    user_id: int = Field(gt=0, description="his id in the portal")
    name: str = Field(default="", description="his name, for logs and the script API")
    caller_id: str = Field(default="", pattern=OWN_NUMBER, description="the number he shows when he calls outside")
    auto_answer: AutoAnswerStyle | None = Field(
        default=None, description="have his phone answer calls he orders by itself; unset: as in [outbound]"
    )


class RewriteSettings(Section):
    """A spelling of numbers a trunk wants."""

    prefix: str = Field(pattern=PREFIX, description="what the numbers begin with; with +: in international spelling")
    strip: Annotated[int, Field(ge=0, le=20)] = Field(default=0, description="characters taken away in front")
    prepend: str = Field(default="", pattern=r"^\+?[0-9*#]*$", description="what is put before the rest")

    def problems(self) -> Iterator[ConfigProblem]:
        if self.strip > len(self.prefix):
            yield ConfigProblem(
                "strip", "takes away more than the prefix has", f"Give at most {len(self.prefix)}.", str(self.strip)
            )
        if not self.strip and not self.prepend:
            yield ConfigProblem("prefix", "is rewritten to itself", "Give strip, prepend or both.", repr(self.prefix))


class TrunkSettings(Section):
    """A way into the public network; the first one that serves a number is tried first."""

    name: str = Field(pattern=r"^[\w.-]{1,40}$", description="its name, for the log and for orders that choose a line")
    endpoint: str = Field(description="dial string with {number}, for example PJSIP/{number}@trunk")
    caller_id: str = Field(default="", pattern=OWN_NUMBER, description="number shown when nothing else is to be shown")
    caller_ids: list[Annotated[str, Field(pattern=OWN_NUMBER)]] = Field(
        default_factory=list, description="the only other numbers the carrier lets us show; empty: any"
    )
    prefixes: list[Annotated[str, Field(pattern=PREFIX)]] = Field(
        default_factory=list, description="what the numbers it serves begin with (with +: internationally); empty: all"
    )
    rewrite: list[RewriteSettings] = Field(
        default_factory=list, description="spellings: prefix, strip, prepend; the first whose prefix fits"
    )
    lines: list[str] = Field(default_factory=list, description="lines whose calls go out by it first")
    shows_callers: bool = Field(
        default=True, description="let a customer's call sent on to an outside number show the customer's"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        yield from _dial_string("endpoint", self.endpoint, "{number}", "PJSIP/{number}@trunk")
        for at, rule in enumerate(self.rewrite):
            for problem in rule.problems():
                yield ConfigProblem(f"rewrite.{at}.{problem.key}", problem.problem, problem.remedy, problem.value)
            for before in self.rewrite[:at]:
                if rule.prefix.startswith(before.prefix):
                    remedy = "Put the longer prefix first."
                    yield ConfigProblem(
                        f"rewrite.{at}.prefix",
                        f"never comes to its turn after {before.prefix!r}",
                        remedy,
                        repr(rule.prefix),
                    )


class OutboundSettings(Section):
    """Calls to outside numbers, dialled on a phone or ordered over the API and in the CRM."""

    seconds: Seconds = Field(default=60.0, description="seconds an outside number rings, all trunks together")
    trunk_patience: Seconds = Field(
        default=15.0, description="seconds a trunk may say nothing at all before the next is tried"
    )
    employee_seconds: Seconds = Field(
        default=30.0, description="seconds the phone of an employee who ordered a call rings"
    )
    auto_answer: AutoAnswerStyle = Field(default="off", description="have that phone answer by itself")
    emergency: list[Annotated[str, Field(pattern=r"^\d{2,6}$")]] = Field(
        default_factory=lambda: ["112"], description="numbers dialled as they are, by every trunk in turn"
    )


class CallbackSettings(Section):
    """Calling back customers who filled in a callback form of the CRM. Their responsible employee is called first."""

    element: str = Field(
        default="",
        description="a ring element of the plan: its extensions are called in turn when the responsible can't be",
    )
    attempts: int = Field(default=3, ge=1, le=20, description="how often an employee is looked for, 1 to 20")
    pause: Seconds = Field(default=60.0, description="seconds between these attempts")
    patience: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=900.0, description="seconds after which a form that comes late is not called back any more"
    )


class LoggingSettings(Section):
    """What is logged and where."""

    level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least severity")
    file: Path | None = Field(default=None, description="log file beside the console; rotated")
    as_json: bool = Field(default=False, description="JSON lines instead of text")
    mask_numbers: bool = Field(default=True, description="show only the last four digits of phone numbers")
    rotate_megabytes: Annotated[int, Field(ge=1)] = Field(default=50, description="size at which the file is rotated")
    keep_days: Annotated[int, Field(ge=1)] = Field(default=14, description="days rotated files are kept")


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(env_prefix="STASIS_", env_nested_delimiter="__", extra="forbid", frozen=True)

    asterisk: AsteriskSettings
    bitrix24: Bitrix24Settings = Field(default_factory=Bitrix24Settings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    routing: RoutingSettings
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    outbound: OutboundSettings = Field(default_factory=OutboundSettings)
    callbacks: CallbackSettings = Field(default_factory=CallbackSettings)
    trunks: list[TrunkSettings] = Field(default_factory=list)
    features: FeatureSettings = Field(default_factory=FeatureSettings)
    parking: ParkingSettings = Field(default_factory=ParkingSettings)
    phones: PhoneSettings = Field(default_factory=PhoneSettings)
    codes: CodeSettings = Field(default_factory=CodeSettings)
    employees: list[EmployeeSettings] = Field(default_factory=list)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)

    def secrets(self) -> list[str]:
        """Every secret in the configuration, for the log to redact."""
        found = [
            self.asterisk.password,
            self.asterisk.listen_password,
            self.bitrix24.webhook,
            self.bitrix24.client_secret,
            *self.http.tokens,
        ]
        found += self.http.supervisor_tokens
        texts = [secret.get_secret_value() for secret in found if secret]
        return [text for text in (*texts, urlsplit(self.storage.url).password) if text]


def load_settings(path: Path | str) -> Settings:
    """The configuration in `path`, environment variables winning. Raises `ConfigError` with everything wrong in it."""
    from stasis_app.settings_loader import load  # the loader needs the models above

    return load(Path(path))


def _no_tls(key: str, value: str | None = None) -> ConfigProblem:
    return ConfigProblem(
        key,
        "would send tokens and customers' data over plain http://",
        "Use https://, or set allow_http = true if the network is closed.",
        value,
    )


def _dial_string(key: str, text: str, part: str, example: str) -> Iterator[ConfigProblem]:
    remedy = f"Write it like {example}."
    if part not in text:
        yield ConfigProblem(key, f"has no {part} in it", remedy, repr(text))
    elif set("{}") & set(text.replace(part, "")):
        yield ConfigProblem(key, f"has braces besides {part}", remedy, repr(text))


def _missing_file(key: str, path: Path | None) -> Iterator[ConfigProblem]:
    if path is not None and not path.is_file():
        yield ConfigProblem(
            key, "no such file", "Relative paths start at the folder of the configuration file.", repr(str(path))
        )


def _address(key: str, value: str, example: str) -> Iterator[ConfigProblem]:
    """Complain unless `value` is scheme://host[:port][/path]."""
    remedy = f"Write it like {example}."
    try:
        parts = urlsplit(value)
        port_is_wrong = parts.port == 0
    except ValueError as error:
        yield ConfigProblem(key, f"is not an address ({error})", remedy, repr(value))
        return
    if parts.username or parts.password:
        yield ConfigProblem(key, "has a user name or a password in it", f"{remedy} Secrets have keys of their own.")
    elif parts.scheme not in ("http", "https") or not parts.hostname or port_is_wrong:
        yield ConfigProblem(key, "is not an http:// or https:// address", remedy, repr(value))
    elif parts.query or parts.fragment:
        yield ConfigProblem(key, "has a ? or # part", remedy, repr(value.split("?")[0].split("#")[0] + "…"))
