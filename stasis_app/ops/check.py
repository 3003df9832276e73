"""All checks, made at once and each within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp

from b24client import B24Error, Portal, User
from stasis_app.crm import Numbers
from stasis_app.flow import ScriptError, examine_plan, load_scripts
from stasis_app.flow import Severity as PlanSeverity
from stasis_app.ops import asterisk_checks, machine_checks, portal_checks
from stasis_app.ops.ari_probe import AriProbe, UnreachableError
from stasis_app.ops.findings import Finding, Severity, error, fine, warning
from stasis_app.settings import Settings

SECONDS = 15.0  # a check may take


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the checks need besides the settings: the portal (started), or None and why there is none."""

    portal: Portal | None
    no_portal: str = ""


async def run_checks(settings: Settings, surroundings: Surroundings) -> list[Finding]:
    """Everything that was found, in the order of the checks, what is well included. Changes nothing anywhere."""
    async with AsyncExitStack() as stack:
        ari = await stack.enter_async_context(AriProbe(settings.asterisk))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        first = await _limited("asterisk", asterisk_checks.reachable(ari, settings.asterisk))
        asterisk_answers = all(finding.severity is not Severity.ERROR for finding in first)
        checks: list[Awaitable[list[Finding]]] = [_limited("disk", machine_checks.disk(settings))]
        checks += [_limited("portal", _portal(settings, surroundings))]
        if asterisk_answers:
            own = await _own_service_runs(session, settings)
            checks += [
                _limited("application", asterisk_checks.application(ari, settings.asterisk, own)),
                _limited("sign of life", asterisk_checks.sign_of_life(ari, settings.asterisk, own)),
                _limited("FreePBX", asterisk_checks.freepbx_settings(ari, settings.phones)),
                _limited("recording", asterisk_checks.recording_modules(ari, settings.recording)),
                _limited("recording", asterisk_checks.recordings(ari, settings.recording)),
                _limited("clock", asterisk_checks.clock(ari)),
            ]
        people = _limited("plan", _plan_and_employees(ari if asterisk_answers else None, settings, surroundings.portal))
        rest = await asyncio.gather(*checks, people)
    return [*first, *(finding for findings in rest for finding in findings)]


async def _limited(name: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(SECONDS):
            return await check
    except TimeoutError:
        return [error(name, f"the check did not end within {SECONDS:g} s", "Look at the network and try again.")]
    except UnreachableError as failure:
        return [error(name, f"Asterisk stopped answering: {failure}", "Try again.")]


async def _portal(settings: Settings, surroundings: Surroundings) -> list[Finding]:
    if surroundings.portal is None:
        return [error("portal", surroundings.no_portal, "Mend that first; the portal was not asked.")]
    return await portal_checks.access(surroundings.portal, settings.http)


async def _plan_and_employees(ari: AriProbe | None, settings: Settings, portal: Portal | None) -> list[Finding]:
    """The plan against Asterisk's sounds and the employees; the employees against Asterisk's phones."""
    sounds, phones, users = await asyncio.gather(_sounds(ari), _phones(ari, settings), _users(portal))
    known: Collection[str] | None = None
    found: list[Finding] = []
    if users is not None:
        known = {user.extension.strip() for user in users} | {employee.extension for employee in settings.employees}
        found = portal_checks.employees(users, settings.employees, phones)
    return [*_plan(settings, sounds, known), *found]


def _plan(settings: Settings, sounds: Collection[str] | None, known: Collection[str] | None) -> list[Finding]:
    scripts: Collection[str] = ()
    if settings.routing.scripts:
        try:
            scripts = load_scripts(settings.routing.scripts)
        except ScriptError as failure:
            return [error("plan", str(failure), "")]
    plan, problems = examine_plan(
        settings.routing.plan,
        Numbers(settings.routing.country),
        known_prompts=sounds,
        scripts=scripts,
        extensions=known,
    )
    found = []
    for problem in problems:
        place = ".".join(part for part in (problem.where, problem.key) if part)
        value = f" = {problem.value}" if problem.value else ""
        make = error if problem.severity is PlanSeverity.ERROR else warning
        found.append(make("plan", f"{place}{value}: {problem.problem}", problem.remedy))
    if plan is not None and not found:
        unchecked = "" if sounds is not None else " (prompts not checked: Asterisk did not tell its sounds)"
        found.append(fine("plan", f"{len(plan.elements)} elements, {len(plan.lines)} lines{unchecked}"))
    return found


async def _sounds(ari: AriProbe | None) -> frozenset[str] | None:
    return await asterisk_checks.sounds(ari) if ari else None


async def _phones(ari: AriProbe | None, settings: Settings) -> dict[str, str] | None:
    return await asterisk_checks.extensions(ari, settings.asterisk) if ari else None


async def _users(portal: Portal | None) -> list[User] | None:
    if portal is None:
        return None
    try:
        return await portal_checks.active_users(portal)
    except B24Error:
        return None  # the check of the portal tells why


async def _own_service_runs(session: aiohttp.ClientSession, settings: Settings) -> bool:
    """Whether this configuration's service answers at its HTTP address."""
    host = settings.http.host if settings.http.host not in ("0.0.0.0", "::") else "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    try:
        async with session.get(
            f"http://{host}:{settings.http.port}/healthz", timeout=aiohttp.ClientTimeout(total=2)
        ) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
