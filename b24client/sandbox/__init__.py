"""A Bitrix24 portal to develop against: it speaks the documented REST dialect, keeps calls and cards, shows them live.

`create_sandbox(config)` is the aiohttp application, `b24-sandbox run` serves it. What it holds is gone when it stops,
unless it is given a folder to keep it in.
"""

from b24client.sandbox.app import create_sandbox
from b24client.sandbox.config import (
    SAMPLE_SEED,
    EventDelivery,
    RecordingLimits,
    RequestLimits,
    SandboxConfig,
    SeedApp,
    SeedClient,
    SeedUser,
    SeedWebhook,
    Switches,
)
from b24client.sandbox.crm_seed import SeedCategory, SeedCrm, SeedItem, SeedStatus, SeedType
from b24client.sandbox.faults import PRESETS, Fault, ScheduledFault
from b24client.sandbox.keeper import Store
from b24client.sandbox.state import SANDBOX, Sandbox

__all__ = [
    "PRESETS",
    "SAMPLE_SEED",
    "SANDBOX",
    "EventDelivery",
    "Fault",
    "RecordingLimits",
    "RequestLimits",
    "Sandbox",
    "SandboxConfig",
    "ScheduledFault",
    "SeedApp",
    "SeedCategory",
    "SeedClient",
    "SeedCrm",
    "SeedItem",
    "SeedStatus",
    "SeedType",
    "SeedUser",
    "SeedWebhook",
    "Store",
    "Switches",
    "create_sandbox",
]
