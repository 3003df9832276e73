"""`b24-sandbox`: serve a sandbox portal, look at one, make trouble in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from aiohttp import web

from b24client.sandbox import cli_control
from b24client.sandbox.app import create_sandbox
from b24client.sandbox.config import SAMPLE_SEED, EventDelivery, FaultFile, SandboxConfig, Switches

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ABOUT = """A Bitrix24 portal to develop against.

`b24-sandbox run` serves it: the REST address, the OAuth server, the employees' desktops with the application's frames
(/sandbox/) and a control side for programs (/sandbox/api/). The other commands talk to one that runs (--url).

[bold]Examples[/bold]

  b24-sandbox run --state ./portal --journal requests.jsonl

  b24-sandbox run --no-limits --latency 0.06 --event twice=0.1 --event never=0.02

  b24-sandbox fault 502 --for 20 --methods 'telephony.*'

  b24-sandbox requests --errors --since 10m

  b24-sandbox audit --since 1h --json
"""
_RUN = """Serve a portal.

The employees' desktops are at http://HOST:PORT/sandbox/, the control API under /sandbox/api/. The webhook of the sample
seed is http://HOST:PORT/rest/1/sandboxsecret/, its application local.sandbox with the secret sandboxappsecret.
"""
_PORTAL, _LIMITS, _HABITS, _KEEPING = "Portal", "Limits and speed", "Habits and trouble", "Keeping"
_SWITCHES = ", ".join(Switches.model_fields)
_EVENTS = ", ".join(EventDelivery.model_fields)

cli = typer.Typer(no_args_is_help=True, add_completion=False, help=_ABOUT, rich_markup_mode="rich")


@cli.callback()
def _commands() -> None:
    pass


@cli.command(help=_RUN)
def run(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port to listen on", rich_help_panel=_PORTAL)] = 8077,
    host: Annotated[
        str,
        typer.Option(help="address to listen on; nothing is protected, so keep it loopback", rich_help_panel=_PORTAL),
    ] = "127.0.0.1",
    seed: Annotated[
        Path,
        typer.Option(
            help="TOML file with the portal's people and settings",
            show_default="a small sample",
            rich_help_panel=_PORTAL,
        ),
    ] = SAMPLE_SEED,
    public_url: Annotated[
        str, typer.Option(help="the address applications are told, behind a proxy", rich_help_panel=_PORTAL)
    ] = "",
    limits: Annotated[
        bool,
        typer.Option("--limits/--no-limits", help="enforce the published request limits", rich_help_panel=_LIMITS),
    ] = True,
    enterprise: Annotated[
        bool, typer.Option(help="the wider limits of an Enterprise plan", rich_help_panel=_LIMITS)
    ] = False,
    latency: Annotated[
        float | None,
        typer.Option(min=0, help="seconds of work per command, inside a batch too", rich_help_panel=_LIMITS),
    ] = None,
    token_ttl: Annotated[
        float | None, typer.Option(min=1, help="seconds an access token lives", rich_help_panel=_LIMITS)
    ] = None,
    lenient: Annotated[
        bool, typer.Option(help="let a webhook register and finish calls", rich_help_panel=_HABITS)
    ] = False,
    strict_numbers: Annotated[
        bool, typer.Option(help="refuse numbers without a digit", rich_help_panel=_HABITS)
    ] = False,
    empty_codes: Annotated[
        bool, typer.Option(help='answer "" instead of ERROR_CORE, as live portals do', rich_help_panel=_HABITS)
    ] = False,
    switch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help=f"where documentation and live portals differ, may be given several times: {_SWITCHES}",
            rich_help_panel=_HABITS,
        ),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help=f"how reliably events are posted (seconds, or shares of 1), may be given several times: {_EVENTS}",
            rich_help_panel=_HABITS,
        ),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(help="TOML file with trouble by the clock: \\[\\[faults]] tables", rich_help_panel=_HABITS),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="folder to keep everything in, so that it survives a restart", rich_help_panel=_KEEPING),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(help="file every request is added to, a JSON object a line", rich_help_panel=_KEEPING),
    ] = None,
) -> None:
    try:
        config = SandboxConfig.from_file(seed)
        if faults is not None:
            config.faults += FaultFile.from_file(faults).faults
        for name, value in map(_pair, switch or ()):
            config.switches = config.switches.changed(name, value)
        for name, value in map(_pair, event or ()):
            config.events = config.events.changed(name, value)
    except (ValueError, OSError) as error:
        raise _stopped(error) from None
    if not limits:
        config.limits.enabled = False
    if enterprise:
        config.limits.rate, config.limits.burst, config.license_family = 5.0, 250, "ent"
    if latency is not None:
        config.latency = latency
    if token_ttl is not None:
        config.token_ttl = token_ttl
    if public_url:
        config.public_url = public_url
    config.switches.allow_webhook_telephony |= lenient
    config.switches.strict_numbers |= strict_numbers
    config.switches.empty_error_codes |= empty_codes
    if host not in _LOOPBACK:
        typer.echo(f"warning: anybody who reaches {host}:{port} controls this portal", err=True)
    options: dict[str, Any] = {"host": host, "port": port, "print": None, "access_log": None, "shutdown_timeout": 1.0}
    try:
        sandbox = create_sandbox(config, state=state, journal=journal)
    except (ValueError, OSError) as error:
        raise _stopped(error) from None
    typer.echo(f"{config.title}: http://{host}:{port}/sandbox/")
    try:
        web.run_app(sandbox, loop=_new_loop(), **options)
    except OSError as error:
        raise _stopped(f"cannot listen on {host}:{port}: {error.strerror}; try another --port") from None


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise ValueError(f"{given!r}: expected NAME=VALUE")
    return name.strip(), value.strip()


def _stopped(reason: object) -> typer.Exit:
    typer.echo(f"b24-sandbox: {reason}", err=True)
    return typer.Exit(2)


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed: the sandbox shares the machine with what is measured against it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


cli_control.add_to(cli)


def main() -> None:
    """The command."""
    cli()


if __name__ == "__main__":
    main()
