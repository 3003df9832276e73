"""The REST methods of the sandbox, one file per group. `REGISTRY` finds them by lower-case name."""

from b24client.sandbox.methods import (
    application,
    crm_items,
    crm_legacy,
    crm_lookup,
    events,
    lines,
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
    "crm_items",
    "crm_legacy",
    "crm_lookup",
    "events",
    "lines",
    "recordings",
    "statistic",
    "telephony",
    "users",
]
