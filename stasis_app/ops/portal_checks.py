"""Is the portal there, may we register calls, and do its employees and Asterisk's phones agree?"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from b24client import AccessDenied, AccessReport, B24Error, Portal, User, check_access
from b24client.auth import WebhookAuth
from stasis_app.ops.findings import Finding, error, fine, warning
from stasis_app.settings import EmployeeSettings, HttpSettings

MOST_NAMED = 20  # extensions listed in one finding


async def access(portal: Portal, http: HttpSettings) -> list[Finding]:
    """Reachability, rights, and the kind of access."""
    try:
        report = await check_access(portal)
    except AccessDenied as refusal:
        return [error("portal", f"{portal.host}: {refusal.description}", _sentence(refusal.remedy))]
    except B24Error as failure:
        remedy = "Check bitrix24.webhook or portal, the network, and a proxy or firewall on the way to it."
        return [error("portal", f"{portal.host} can't be asked: {failure}", remedy)]
    return [*_rights(report), *_kind(portal, report, http)]


def _rights(report: AccessReport) -> list[Finding]:
    if report.missing:
        names = ", ".join(sorted(report.missing))
        remedy = "Add them in the settings of the webhook or application in the portal."
        return [error("portal", f"permissions are missing: {names}", remedy)]
    who = f"{report.profile.name} {report.profile.last_name}".strip() or f"user {report.profile.id}"
    return [fine("portal", f"reachable, acting for {who}, all permissions there")]


def _kind(portal: Portal, report: AccessReport, http: HttpSettings) -> list[Finding]:
    if isinstance(portal.auth, WebhookAuth):
        return [
            error(
                "portal",
                "a webhook may not register calls (the portal answers WRONG_AUTH_TYPE)",
                "Install a local application and give bitrix24.portal, client_id and client_secret; docs/install.md "
                "leads through it. If your portal allows it all the same, calls will be mirrored.",
            )
        ]
    found = []
    if report.app is not None and not report.app.installed:
        remedy = "Reinstall the application in the portal, with <public_url>/bitrix24/install as its path."
        found.append(error("portal", "the application's installation is not finished", remedy))
    if not http.public_url:
        remedy = "Set http.public_url to the address at which the portal reaches this service."
        found.append(warning("portal", "clicks on numbers in the CRM can't reach this service", remedy))
    return found


async def active_users(portal: Portal) -> list[User]:
    """The portal's active employees. Raises B24Error."""
    return await portal.users.list({"ACTIVE": True})


def employees(
    users: Sequence[User], overrides: Sequence[EmployeeSettings], phones: Collection[str] | None
) -> list[Finding]:
    """Extensions that match no phone, phones that match no employee, and extensions given twice."""
    overridden = {employee.user_id for employee in overrides}
    given = [(user.extension.strip(), user) for user in users if user.id not in overridden and user.extension.strip()]
    known = {extension for extension, _ in given} | {employee.extension for employee in overrides}
    found = []
    twice = sorted({extension for extension, _ in given if sum(e == extension for e, _ in given) > 1})
    if twice:
        remedy = "Give each employee an extension of his own in the portal: only the one with the lowest id is called."
        found.append(warning("employees", f"several employees have the extension {_listed(twice)}", remedy))
    if phones is not None:
        found += _compared(known, set(phones))
    return found


def _compared(known: set[str], phones: set[str]) -> list[Finding]:
    found = []
    if lonely := sorted(known - phones):
        remedy = "Create the endpoint in Asterisk, correct the employee's internal number, or set asterisk.endpoint."
        found.append(warning("employees", f"no phone in Asterisk has the extension {_listed(lonely)}", remedy))
    if nameless := sorted(phones - known):
        remedy = "Enter it as the employee's internal number in the portal, or add an [[employees]] entry."
        found.append(warning("employees", f"no employee in the portal has the extension {_listed(nameless)}", remedy))
    if not found:
        found.append(fine("employees", f"{len(known)} employees, each with a phone of his own"))
    return found


def _listed(extensions: Sequence[str]) -> str:
    more = len(extensions) - MOST_NAMED
    return ", ".join(extensions[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else text
