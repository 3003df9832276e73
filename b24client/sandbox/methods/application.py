"""What needs no scope: the application, its permissions, the methods there are, the time."""

from __future__ import annotations

import time
from typing import Any

from b24client.sandbox.methods.registry import REGISTRY, Context, method
from b24client.sandbox.wire import RestError, iso


@method("app.info")
async def app_info(context: Context) -> Any:
    """The application and the portal's plan.

    The sandbox is portal and OAuth server at one address, so the answer has what the OAuth server tells of a token too.
    """
    if not context.visitor.app:
        raise RestError(400, "ACCESS_DENIED", "Access denied! Application context required")
    family = context.sandbox.config.license_family
    return {
        "ID": 5,
        "CODE": context.visitor.app,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": context.sandbox.access.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": f"en_{family}",
        "LICENSE_TYPE": family,
        "LICENSE_FAMILY": family,
        "client_id": context.visitor.app,
        "scope": ",".join(context.visitor.scope),
        "expires": iso(context.visitor.expires_at),
        "user_id": context.visitor.user_id,
        "install": {
            "installed": context.sandbox.access.installed,
            "version": 1,
            "status": "L",
            "scope": ",".join(context.visitor.scope),
            "domain": context.base.partition("://")[2],
            "uri": f"{context.base}/",
            "client_endpoint": f"{context.base}/rest/",
            "member_id": context.sandbox.access.member_id,
            "member_type": "portal",
        },
    }


@method("scope")
async def scope(context: Context) -> Any:
    """The permissions of the caller."""
    return list(context.visitor.scope)


@method("methods")
async def methods(context: Context) -> Any:
    """The methods the caller may use."""
    granted = set(context.visitor.scope)
    return [m.name for m in REGISTRY.values() if not m.scopes or m.scopes & granted]


@method("server.time")
async def server_time(context: Context) -> Any:
    """The portal's clock."""
    return iso(time.time())
