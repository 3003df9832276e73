"""The configuration: one TOML file, overridden by `STASIS_SECTION__KEY` environment variables.

Each section is a pydantic model; rooms get their own section, never the whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Section(BaseModel):
    """A section of the configuration; unknown keys are errors, so that a typing mistake is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AsteriskSettings(Section):
    """How to reach Asterisk's ARI and how its endpoints are named."""

    url: str = "http://127.0.0.1:8088"
    username: str
    password: SecretStr
    app: str = Field(default="stasis-app", pattern=r"^[A-Za-z0-9_.-]{1,73}$")
    endpoint: str = Field(default="PJSIP/{extension}", description="dial string of an extension")
    trunk: str = Field(default="PJSIP/{number}@trunk", description="dial string of an outside number")
    ca_file: Path | None = None
    heartbeat: Seconds = 5.0
    request_timeout: Seconds = 5.0
    rest_over_websocket: bool | None = Field(default=None, description="None: use it when the server has it")


class Bitrix24Settings(Section):
    """The portal: an incoming webhook, or a local application."""

    webhook: SecretStr | None = None
    portal: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    oauth_url: str = "https://oauth.bitrix.info"
    default_user: int | None = Field(default=None, description="who answers for calls nobody took")
    lookup_budget: Seconds = 1.5
    anonymous_number: str = Field(default="anonymous", description="PHONE_NUMBER of a call with a withheld number")
    crm_create: bool = Field(default=True, description="let the portal create a lead for an unknown number")
    internal_calls: bool = Field(default=False, description="mirror calls between extensions too")
    allow_http: bool = False
    ca_file: Path | None = None


class HttpSettings(Section):
    """The control API, the pages and the portal's handlers."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8099
    public_url: str = ""
    tokens: list[SecretStr] = Field(default_factory=list)


class StorageSettings(Section):
    """Where calls, facts and the outbox are kept: an SQLAlchemy async URL."""

    url: str = "sqlite+aiosqlite:///stasis.sqlite"


class RoutingSettings(Section):
    """The routing plan and how numbers are read."""

    plan: Path
    country: str = Field(default="RU", pattern=r"^[A-Z]{2}$", description="region numbers without + belong to")
    scripts: Path | None = Field(default=None, description="Python file with call flows named by the plan")


class RecordingSettings(Section):
    """Recording of talks."""

    enabled: bool = True
    format: Literal["wav", "mp3"] = "wav"
    directory: Path | None = Field(
        default=None, description="Asterisk's recording spool, when this machine sees it; otherwise fetched over ARI"
    )
    keep_days: int | None = None


class EmployeeSettings(Section):
    """An employee the portal does not tell rightly."""

    extension: str = Field(pattern=r"^\d{1,11}$")
    user_id: int = Field(gt=0)
    name: str = ""


class LoggingSettings(Section):
    """What is logged and where."""

    level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    file: Path | None = None
    as_json: bool = False
    mask_numbers: bool = True


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(env_prefix="STASIS_", env_nested_delimiter="__", extra="forbid", frozen=True)

    asterisk: AsteriskSettings
    bitrix24: Bitrix24Settings = Field(default_factory=Bitrix24Settings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    routing: RoutingSettings
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    employees: list[EmployeeSettings] = Field(default_factory=list)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)
