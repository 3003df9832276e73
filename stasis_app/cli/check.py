"""`stasis-app check`: is everything ready?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import asdict

import typer
from rich.console import Console
from rich.markup import escape

from stasis_app.cli.common import WRONG, ConfigOption, JsonOption, err, out, print_json, quiet_logging, settings_or_exit
from stasis_app.cli.portal import opened_portal
from stasis_app.ops import Finding, Severity, Surroundings, run_checks
from stasis_app.settings import Settings

_MARKS = {Severity.OK: "[green]ok     [/]", Severity.WARNING: "[yellow]warning[/]", Severity.ERROR: "[red]error  [/]"}


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at Asterisk, the portal, the plan and this machine; say what is wrong and how to mend it."""
    settings = settings_or_exit(config)
    quiet_logging(settings)
    with err().status("Checking …"):
        findings = asyncio.run(_findings(settings))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _show(out(), findings)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(WRONG)


async def _findings(settings: Settings) -> list[Finding]:
    async with AsyncExitStack() as stack:
        portal, why_not = await opened_portal(stack, settings)
        return await run_checks(settings, Surroundings(portal, why_not))


def _show(console: Console, findings: list[Finding]) -> None:
    for finding in findings:
        console.print(f"{_MARKS[finding.severity]} [bold]{finding.check: <12}[/] {escape(finding.what)}")
        if finding.remedy:
            console.print(f"{'': <21}[dim]{escape(finding.remedy)}[/]")
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    verdict = "[green]All is ready.[/]" if not errors else "[red]Calls won't work as they should yet.[/]"
    console.print(f"\n{verdict} {errors} errors, {warnings} warnings.")
