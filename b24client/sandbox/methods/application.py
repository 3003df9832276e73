"""What needs no scope: the application, its permissions, the methods there are, the time.

https://apidocs.bitrix24.com/api-reference/common/system/index.html
"""

from __future__ import annotations

import time
from typing import Any

from b24client.sandbox.config import DEFAULT_SCOPES
from b24client.sandbox.methods.registry import REGISTRY, Context, Method, method
from b24client.sandbox.wire import RestError, iso

_ELSEWHERE = ("crm.item.", "tasks.task.", "crm.activity.todo.")
"""Methods of module controllers: `methods` does not list them, `method.get` knows them by their beginning."""
_ALL_SCOPES = sorted({*DEFAULT_SCOPES, "user_brief"})


@method("app.info")
async def app_info(context: Context) -> Any:
    """The application and the portal's plan.

    The sandbox is portal and OAuth server at one address, so the answer has what the OAuth server tells of a token too.
    """
    sandbox, visitor = context.sandbox, context.visitor
    if not visitor.app:
        raise RestError(400, "ACCESS_DENIED", "Access denied! Application context required")
    family = sandbox.config.license_family
    return {
        "ID": 5,
        "CODE": visitor.app,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": sandbox.access.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": f"en_{family}",
        "LICENSE_TYPE": family,
        "LICENSE_FAMILY": family,
        "client_id": visitor.app,
        "scope": ",".join(visitor.scope),
        "expires": iso(visitor.expires_at),
        "user_id": visitor.user_id,
        "install": {
            "installed": sandbox.access.installed,
            "version": 1,
            "status": "L",
            "scope": ",".join(visitor.scope),
            "domain": context.base.partition("://")[2],
            "uri": f"{context.base}/",
            "client_endpoint": f"{context.base}/rest/",
            "member_id": sandbox.access.member_id,
            "member_type": "portal",
        },
    }


@method("scope")
async def scope(context: Context) -> Any:
    """The permissions of the caller, or all there are."""
    return list(_ALL_SCOPES) if _full(context) else list(context.visitor.scope)


@method("methods")
async def methods(context: Context) -> Any:
    """The methods the caller may use, those of a scope, or all; without those of the modules' controllers."""
    wanted = None if context.params.get("scope") is None else context.params.text("scope")
    listed = [m for m in REGISTRY.values() if not m.name.startswith(_ELSEWHERE)]
    if wanted is not None:
        return [m.name for m in listed if (wanted in m.scopes if wanted else not m.scopes)]
    return [m.name for m in listed if _full(context) or _usable(m, context)]


@method("method.get")
async def method_get(context: Context) -> Any:
    """Whether a method exists and may be called; its name has to be in lower case, the parameter's too."""
    name = context.params.raw.get("name")
    found = _known(name) if isinstance(name, str) else None
    return {"isExisting": found is not None, "isAvailable": found is not None and _usable(found, context)}


@method("feature.get")
async def feature_get(context: Context) -> Any:
    """Whether the plan has a feature; of one it does not know the portal says yes."""
    if context.params.text("CODE") in ("", "0"):
        raise RestError(400, "CODE_EMPTY", "CODE can't be empty")
    return {"value": "Y"}


@method("server.time")
async def server_time(context: Context) -> Any:
    """The portal's clock."""
    return iso(time.time())


def _full(context: Context) -> bool:
    """PHP's truth: in a form even the word "false" is true."""
    return context.params.get("full") not in (None, False, "", "0", 0)


def _usable(known: Method, context: Context) -> bool:
    return not known.scopes or bool(known.scopes & set(context.visitor.scope))


def _known(name: str) -> Method | None:
    begins = next((start for start in _ELSEWHERE if name.lower().startswith(start)), None)
    if begins is not None:
        return next((m for key, m in REGISTRY.items() if key.startswith(begins)), None)
    return REGISTRY.get(name) if name == name.lower() else None
