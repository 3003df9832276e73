"""All sections together, as they stand in the file."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from stasis_app.settings.asterisk import AsteriskSettings
from stasis_app.settings.bitrix24 import Bitrix24Settings, CallbackSettings
from stasis_app.settings.calls import ParkingSettings, RecordingSettings, RoutingSettings
from stasis_app.settings.outbound import OutboundSettings, TrunkSettings
from stasis_app.settings.phones import CodeSettings, EmployeeSettings, FeatureSettings, PhoneSettings
from stasis_app.settings.service import HttpSettings, LoggingSettings, StorageSettings


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
