"""`b24-sandbox`: serve a sandbox portal, look at one."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from aiohttp import web
from rich.console import Console
from rich.table import Table

from b24client.sandbox.app import create_sandbox
from b24client.sandbox.config import SAMPLE_SEED, SandboxConfig

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="A Bitrix24 portal to develop against.")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@cli.callback()
def _commands() -> None:
    """A Bitrix24 portal to develop against."""


@cli.command()
def run(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port to listen on")] = 8077,
    host: Annotated[
        str, typer.Option(help="address to listen on; nothing is protected, so keep it loopback")
    ] = "127.0.0.1",
    seed: Annotated[Path, typer.Option(help="TOML file with the portal's people and settings")] = SAMPLE_SEED,
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="enforce the published request limits")] = True,
    enterprise: Annotated[bool, typer.Option(help="the wider limits of an Enterprise plan")] = False,
    latency: Annotated[float | None, typer.Option(min=0, help="seconds of work per command")] = None,
    token_ttl: Annotated[float | None, typer.Option(min=1, help="seconds an access token lives")] = None,
    lenient: Annotated[bool, typer.Option(help="let a webhook register and finish calls")] = False,
    strict_numbers: Annotated[bool, typer.Option(help="refuse numbers without a digit")] = False,
    empty_codes: Annotated[bool, typer.Option(help='answer "" instead of ERROR_CORE, as live portals do')] = False,
    public_url: Annotated[str, typer.Option(help="the address applications are told")] = "",
) -> None:
    """Serve a portal. The employees' desktops are at http://HOST:PORT/sandbox/, the control API under /sandbox/api/."""
    try:
        config = SandboxConfig.from_file(seed)
    except (ValueError, OSError) as error:
        typer.echo(f"b24-sandbox: {error}", err=True)
        raise typer.Exit(2) from None
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
    typer.echo(f"{config.title}: http://{host}:{port}/sandbox/")
    options: dict[str, Any] = {"host": host, "port": port, "print": None, "access_log": None, "shutdown_timeout": 1.0}
    try:
        web.run_app(create_sandbox(config), loop=_new_loop(), **options)
    except OSError as error:
        typer.echo(f"b24-sandbox: cannot listen on {host}:{port}: {error.strerror}; try another --port", err=True)
        raise typer.Exit(2) from None


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed: the sandbox shares the machine with what is measured against it."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@cli.command()
def audit(
    url: Annotated[str, typer.Option(help="address of a running sandbox")] = "http://127.0.0.1:8077",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List what a well-behaved telephone system would not have left behind; exit code 1 if there is anything."""
    findings = _fetched(f"{url.rstrip('/')}/sandbox/api/audit")
    if as_json:
        typer.echo(json.dumps(findings, ensure_ascii=False, indent=2))
    elif findings:
        table = Table("invariant", "call", "detail")
        for finding in findings:
            call = finding["external_call_id"] or finding["call_id"]
            table.add_row(*(_plain(text) for text in (finding["invariant"], call, finding["detail"])))
        Console().print(table)
    else:
        typer.echo("nothing to complain about")
    raise typer.Exit(1 if findings else 0)


def _plain(text: str) -> str:
    """Text that the table does not take for markup and the terminal not for commands."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("[", r"\[")


def _fetched(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ValueError) as error:
        typer.echo(f"b24-sandbox: no sandbox answers at {address}: {error}", err=True)
        raise typer.Exit(2) from None


def main() -> None:
    """The command."""
    cli()


if __name__ == "__main__":
    main()
