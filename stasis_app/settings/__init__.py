"""The configuration: one TOML file, overridden by `STASIS_SECTION__KEY` environment variables.

Each section is a pydantic model; rooms get their own section, never the whole. `load_settings` reads the file, and when
anything is wrong raises one `ConfigError` with all of it. Relative paths are relative to the file.
"""

from stasis_app.settings.asterisk import AsteriskSettings
from stasis_app.settings.bitrix24 import Bitrix24Settings, CallbackSettings
from stasis_app.settings.calls import ParkingSettings, RecordingSettings, RoutingSettings
from stasis_app.settings.load import load_settings
from stasis_app.settings.outbound import OutboundSettings, RewriteSettings, TrunkSettings
from stasis_app.settings.phones import FEATURE_CODES, CodeSettings, EmployeeSettings, FeatureSettings, PhoneSettings
from stasis_app.settings.problems import ConfigError, ConfigProblem
from stasis_app.settings.section import AutoAnswerStyle, Section
from stasis_app.settings.service import HttpSettings, LoggingSettings, StorageSettings
from stasis_app.settings.whole import Settings

__all__ = [
    "FEATURE_CODES",
    "AsteriskSettings",
    "AutoAnswerStyle",
    "Bitrix24Settings",
    "CallbackSettings",
    "CodeSettings",
    "ConfigError",
    "ConfigProblem",
    "EmployeeSettings",
    "FeatureSettings",
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
