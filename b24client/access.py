"""Whether our credentials are good for mirroring calls, told so that an administrator can act on it."""

from __future__ import annotations

from dataclasses import dataclass

from b24client.auth import WebhookAuth
from b24client.errors import AccessDenied
from b24client.methods.profile import AppInfo, Profile
from b24client.portal import Portal

NEEDED = frozenset({"telephony", "crm"})
"""Permissions without which no call can be mirrored."""
_USER_SCOPES = frozenset({"user", "user_basic", "user_brief"})


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What the credentials are good for. `problems` are sentences with their remedy; none: all is well."""

    profile: Profile
    scopes: frozenset[str]
    missing: frozenset[str]
    app: AppInfo | None
    problems: tuple[str, ...]


async def check_access(portal: Portal) -> AccessReport:
    """Ask the portal who we are and what we may do. Raises B24Error when it can't be asked at all."""
    profile = await portal.profile()
    scopes = await portal.scope()
    missing = set(NEEDED - scopes)
    if not scopes & _USER_SCOPES:
        missing.add("user_basic")
    problems = []
    if missing:
        names = ", ".join(sorted(missing))
        problems.append(f"permissions missing: {names}; add them in the settings of the webhook or application")
    app = None
    if isinstance(portal.auth, WebhookAuth):
        problems.append(
            "a webhook may not register or finish calls on a portal that follows the documentation; "
            "install a local application (portal, client_id, client_secret) instead"
        )
    else:
        try:
            app = await portal.app_info()
        except AccessDenied as error:
            problems.append(str(error))
        else:
            if not app.installed:
                problems.append("the application's installation is not finished; open it once in the portal")
    return AccessReport(profile, scopes, frozenset(missing), app, tuple(problems))
