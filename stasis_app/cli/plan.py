"""`stasis-app plan`: check the routing plan, and foretell a caller's way through it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape

from stasis_app.calls import NumberPlan
from stasis_app.cli.common import (
    UNUSABLE,
    ConfigOption,
    JsonOption,
    complain_of_plan,
    err,
    fail,
    out,
    print_json,
    quiet_logging,
    settings_or_exit,
)
from stasis_app.cli.portal import opened_portal, opened_store
from stasis_app.crm import (
    Directory,
    Employee,
    Extensions,
    FreePbx,
    MemoryClientStore,
    MemoryEmployeeStore,
    Numbers,
    Phonebook,
    Phones,
    PortalClientFinder,
    PortalEmployeeLister,
    ResponsibleFinder,
)
from stasis_app.flow import (
    ExplainedNumber,
    Explanation,
    FlowContext,
    PlanError,
    ScriptError,
    ScriptFunction,
    Severity,
    examine_plan,
    explain,
    explain_number,
    load_plan,
    load_scripts,
    number_plan,
)
from stasis_app.ops.ari_probe import AriProbe
from stasis_app.settings import Settings
from stasis_app.store import StoreError

plan = typer.Typer(
    name="plan", help="Check the routing plan, foretell a caller's way through it.", no_args_is_help=True
)

NumberArgument = Annotated[str, typer.Argument(help="The caller's number, in any spelling; the one dialled, outbound.")]
LineOption = Annotated[str, typer.Option("--line", metavar="DID", help="The line he calls, or goes out by.")]
OutboundOption = Annotated[bool, typer.Option("--outbound", help="How an employee's call to this number would go out.")]
ExtensionOption = Annotated[str, typer.Option("--extension", help="Who dials (with --outbound).")]


@plan.command()
def validate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the plan as a whole: missing targets, loops with no way out, wrong values."""
    settings = settings_or_exit(config)
    quiet_logging(settings)
    found, problems = examine_plan(settings.routing.plan, Numbers(settings.routing.country), scripts=_scripts(settings))
    if as_json:
        print_json({"usable": found is not None, "problems": [asdict(problem) for problem in problems]})
    elif found is None:
        complain_of_plan(PlanError(settings.routing.plan, problems))
    else:
        for problem in problems:
            err().print(f"[yellow]warning[/] {escape(problem.text(settings.routing.plan))}")
        out().print(f"[green]The plan is good[/]: {len(found.elements)} elements, {len(found.lines)} lines.")
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(UNUSABLE)


@plan.command("explain")
def explain_(
    number: NumberArgument,
    line: LineOption = "",
    outbound: OutboundOption = False,
    extension: ExtensionOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The way a caller would take if he called now, and why; with --outbound: the trunks a number would go by.

    Rings nobody.
    """
    settings = settings_or_exit(config)
    quiet_logging(settings)
    foretold: Explanation | ExplainedNumber
    try:
        if outbound:
            foretold = explain_number(_trunks(settings), number, extension=extension, line=line)
        else:
            foretold = asyncio.run(_explained(settings, number, line))
    except PlanError as error:
        complain_of_plan(error)
    if as_json:
        print_json(foretold.to_json())
    else:
        console = out()
        for text in foretold.lines():
            console.print(text)


def _trunks(settings: Settings) -> NumberPlan:
    numbers = Numbers(settings.routing.country)
    checked = load_plan(settings.routing.plan, numbers, scripts=_scripts(settings))
    return number_plan(settings.asterisk, settings.trunks, settings.outbound, settings.employees, checked, numbers)


async def _explained(settings: Settings, number: str, line: str) -> Explanation:
    numbers = Numbers(settings.routing.country)
    scripts = _scripts(settings)
    checked = load_plan(settings.routing.plan, numbers, scripts=scripts)
    async with AsyncExitStack() as stack:
        ari = await stack.enter_async_context(AriProbe(settings.asterisk))
        portal, _ = await opened_portal(stack, settings)
        directory = Directory(
            PortalEmployeeLister(portal.users) if portal else None,
            MemoryEmployeeStore(),
            overrides=[Employee(e.user_id, e.name, e.extension) for e in settings.employees],
        )
        phonebook = Phonebook(
            PortalClientFinder(portal.telephony) if portal else None,
            MemoryClientStore(),
            budget=settings.bitrix24.lookup_budget,
        )
        phones = Phones(
            _Endpoints(ari),
            endpoint=settings.asterisk.endpoint,
            settings=await _extensions(stack, settings),
            call_waiting=settings.phones.call_waiting,
            do_not_disturb=settings.phones.do_not_disturb,
            kept_elsewhere=FreePbx(ari) if settings.phones.freepbx_settings else None,
        )
        await directory.refresh()
        context = FlowContext(
            numbers=numbers,
            phonebook=phonebook,
            directory=directory,
            phones=phones,
            responsibles=ResponsibleFinder(phonebook, directory, phones),
            plan_numbers=checked.numbers,
            scripts=scripts,
        )
        return await explain(checked, context, number, line=line)


async def _extensions(stack: AsyncExitStack, settings: Settings) -> Extensions | None:
    """What employees have set by the service's codes; what can't be read is said and passed over."""
    extensions = None
    try:
        store = await opened_store(stack, settings)
    except StoreError as error:
        why = str(error)
    else:
        why = "there is no database yet"
        if store is not None:
            extensions = Extensions(store.meta)
            await extensions.load()
            why = ", ".join(extensions.troubles.counts)
    if why:
        err().print(f"[dim]What employees have set by the service's codes is not known: {escape(why)}.[/]")
    return extensions


def _scripts(settings: Settings) -> Mapping[str, ScriptFunction]:
    if settings.routing.scripts is None:
        return {}
    try:
        return load_scripts(settings.routing.scripts)
    except ScriptError as error:
        fail(str(error))


class _Endpoints:
    """The states of phones, asked of ARI."""

    def __init__(self, ari: AriProbe) -> None:
        self._ari = ari

    async def endpoint(self, tech: str, resource: str, /) -> Mapping[str, Any] | None:
        reply = await self._ari.get("endpoints", tech, resource)
        return reply.body if reply.status == 200 and isinstance(reply.body, dict) else None

    async def device_state(self, name: str, /) -> str:
        reply = await self._ari.get("deviceStates", name)
        return str(reply.body.get("state", "UNKNOWN")) if isinstance(reply.body, dict) else "UNKNOWN"
