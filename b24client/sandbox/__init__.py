"""A Bitrix24 portal to develop against: it speaks the documented REST dialect, keeps calls and cards, shows them live.

`create_sandbox(config)` is the aiohttp application, `b24-sandbox run` serves it. It holds everything in memory.
"""

from b24client.sandbox.app import create_sandbox
from b24client.sandbox.config import (
    SAMPLE_SEED,
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
from b24client.sandbox.state import SANDBOX, Sandbox

__all__ = [
    "SAMPLE_SEED",
    "SANDBOX",
    "RecordingLimits",
    "RequestLimits",
    "Sandbox",
    "SandboxConfig",
    "SeedApp",
    "SeedCategory",
    "SeedClient",
    "SeedCrm",
    "SeedItem",
    "SeedStatus",
    "SeedType",
    "SeedUser",
    "SeedWebhook",
    "Switches",
    "create_sandbox",
]
