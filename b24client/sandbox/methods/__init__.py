"""The REST methods of the sandbox, one file per group. `REGISTRY` finds them by lower-case name."""

from b24client.sandbox.methods import (
    application,
    events,
    lines,
    offline,
    placements,
    recordings,
    statistic,
    telephony,
    users,
)
from b24client.sandbox.methods.registry import REGISTRY, Context, Method

__all__ = [
    "REGISTRY",
    "Context",
    "Method",
    "application",
    "events",
    "lines",
    "offline",
    "placements",
    "recordings",
    "statistic",
    "telephony",
    "users",
]
