"""People and programs talking to us: the control API, the live stream, the status page, health and metrics.

`create_http` makes the aiohttp application out of the `ApiDependencies` the composition root gives it.
"""

from stasis_app.http.application import create_http
from stasis_app.http.dependencies import (
    ApiDependencies,
    CallBook,
    Component,
    Controller,
    FactFeed,
    HealthSource,
    IncidentReader,
    JournalReader,
    Listener,
    NoSuchCallError,
    NotAllowedError,
    NotPossibleError,
    OutboxItem,
    OutboxReader,
    PastCalls,
    RecordingItem,
    RecordingOrder,
    RecordingsReader,
    State,
    UnavailableError,
)
from stasis_app.http.metrics import Metrics

__all__ = [
    "ApiDependencies",
    "CallBook",
    "Component",
    "Controller",
    "FactFeed",
    "HealthSource",
    "IncidentReader",
    "JournalReader",
    "Listener",
    "Metrics",
    "NoSuchCallError",
    "NotAllowedError",
    "NotPossibleError",
    "OutboxItem",
    "OutboxReader",
    "PastCalls",
    "RecordingItem",
    "RecordingOrder",
    "RecordingsReader",
    "State",
    "UnavailableError",
    "create_http",
]
