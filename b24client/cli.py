"""`b24`: a portal from the command line, for administrators."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import aclosing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from loguru import logger
from rich.console import Console
from rich.table import Table

from b24client.arguments import json_parameters, merged, parameters
from b24client.budget import Limits, Priority
from b24client.classify import repeatable
from b24client.errors import B24Error
from b24client.export import Csv, JsonLines, RowWriter
from b24client.habits import list_method
from b24client.lists import iterate
from b24client.php import as_list
from b24client.plan import Load, portal_load
from b24client.portal import Portal
from b24client.terminal import Access, advice, asked, bar, content, fail, usage, webhook

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Ask a Bitrix24 portal from the command line.",
    epilog="The portal is named by an incoming webhook. Its address is a password, so it is read from the environment "
    "(B24_WEBHOOK), from a file (--webhook-file) or asked for, never from the command line, where others could see it.",
)
_LOOKS_ADDRESS = ("http://", "https://")


@cli.callback()
def _connect(
    context: typer.Context,
    webhook_file: Annotated[
        Path | None,
        typer.Option(envvar="B24_WEBHOOK_FILE", help="file that holds the webhook's address (- for standard input)"),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", envvar="B24_ALLOW_HTTP", help="accept an address without TLS")
    ] = False,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="B24_CA_FILE", exists=True, dir_okay=False, help="certificate of your own authority (on-premise)"
        ),
    ] = None,
    enterprise: Annotated[
        bool, typer.Option("--enterprise", help="the portal has an Enterprise plan: 5 requests a second instead of 2")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1, help="longest time of a request, seconds")] = 60.0,
) -> None:
    """Ask a Bitrix24 portal from the command line."""
    limits = Limits.enterprise() if enterprise else Limits()
    context.obj = lambda: Access(webhook(webhook_file), limits, allow_http, ca_file, timeout)  # asked for when needed


@cli.command()
def call(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="REST method, such as user.get")],
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="parameters, such as 'filter[ID]=5'")
    ] = None,
    json_params: Annotated[
        Path | None, typer.Option(help="file with the parameters as a JSON object (- for standard input)")
    ] = None,
) -> None:
    """Carry out a method and print its result as JSON.

    b24 call user.get 'filter[UF_PHONE_INNER]=101'

    b24 call crm.contact.update id=501 'fields[ASSIGNED_BY_ID]=12'

    b24 call crm.item.list --json-params filter.json
    """
    given = _parameters(method, pairs or [], json_params)
    result = asked(context, lambda portal: portal.call(method, given, priority=Priority.SYNC))
    _print(result)


@cli.command("list")
def list_(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="list method, such as crm.contact.list or user.get")],
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="other parameters, such as entityTypeId=2")
    ] = None,
    select: Annotated[str, typer.Option(help="fields wanted, with commas between: ID,PHONE")] = "",
    filter_: Annotated[
        list[str] | None,
        typer.Option("--filter", help="condition, such as 'ASSIGNED_BY_ID=1' or '>=ID=100'; repeat it"),
    ] = None,
    json_params: Annotated[
        Path | None, typer.Option(help="file with parameters as a JSON object (- for standard input)")
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="one JSON object a line (this is the default)")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="comma-separated values with a line of names")] = False,
    most: Annotated[int, typer.Option("--most", min=0, help="stop after so many rows (0: all of them)")] = 0,
) -> None:
    """Read a whole list, however long, and print its rows.

    b24 list crm.contact.list --select ID,NAME,PHONE --filter ASSIGNED_BY_ID=1 --csv > contacts.csv

    b24 list crm.item.list entityTypeId=2 --filter closed=N

    The rows come by ascending id, many pages in one request. On a terminal a bar shows how far it is.
    """
    if jsonl and csv:
        usage("--jsonl and --csv exclude each other")
    habits = list_method(method)
    given = _parameters(method, pairs or [], json_params)
    try:
        conditions = parameters(filter_ or [], inside="filter")
    except ValueError as error:
        usage(f"--filter {error}")
    key = next((name for name in given if name.lower() == habits.filter.lower()), habits.filter)
    if not isinstance(given.get(key, {}), dict | list):
        usage(f"{key}: conditions are named, such as '{key}[ID]=5'")
    if conditions:
        given = merged(given, {key: conditions})
    columns = [name.strip() for name in select.split(",") if name.strip()]
    if columns:
        given["select"] = columns
    named = [] if "*" in columns else columns
    writer = Csv(sys.stdout, named) if csv else JsonLines(sys.stdout)
    rows = asked(context, lambda portal: _read(portal, method, given, writer, most))
    if sys.stderr.isatty():
        typer.echo(f"{rows} rows", err=True)


@cli.command()
def limits(
    context: typer.Context,
    probes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[METHOD]...", help="methods whose use of working time is asked for (read-only ones)"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Tell the portal's plan, its request limits, and the working time the last ten minutes have used, by method.

    A portal counts the requests of an address and, for each webhook or application, the working time of each method;
    it tells the latter in its answers, so each method named is carried out once.
    """
    methods = probes or ["profile", "user.get", "crm.contact.list"]
    if wrong := [name for name in methods if not repeatable(name)]:
        usage(f"{wrong[0]}: not known as a method that only reads, so it is not tried")
    load = asked(context, lambda portal: portal_load(portal, methods))
    _print(load.told()) if as_json else _show(load)


@cli.command()
def methods(
    context: typer.Context,
    pattern: Annotated[str, typer.Argument(help="part of a name, or a pattern such as 'crm.*.list'")] = "",
) -> None:
    """List the methods the webhook may call."""
    names = _strings("methods", asked(context, lambda portal: portal.call("methods", priority=Priority.SYNC)))
    wanted = pattern.lower() if any(c in pattern for c in "*?[") else f"*{pattern.lower()}*"
    found = sorted(name for name in names if fnmatchcase(name.lower(), wanted))
    if not found:
        fail(f"no method the webhook may call is like {pattern!r}")
    typer.echo("\n".join(found))


@cli.command()
def scope(context: typer.Context) -> None:
    """List the permissions the webhook has."""
    typer.echo("\n".join(sorted(asked(context, lambda portal: portal.scope()))))


async def _read(portal: Portal, method: str, params: Mapping[str, Any], writer: RowWriter, most: int) -> int:
    """Write the rows of a list; how many there were."""
    count = 0
    try:
        with bar(method) as progress:
            async with aclosing(iterate(portal, list_method(method), params, progress=progress)) as rows:
                async for row in rows:
                    writer.write(row)
                    count += 1
                    if count == most:
                        break
    except B24Error as error:
        writer.close()
        fail(f"{advice(error)}; the list is not whole, it ends after {count} rows")
    writer.close()
    return count


def _parameters(method: str, pairs: list[str], file: Path | None) -> dict[str, Any]:
    """The parameters of a method from a file and from the command line, which counts more."""
    if method.startswith(_LOOKS_ADDRESS):
        usage("a method's name is expected, not an address; a webhook goes into B24_WEBHOOK or a file")
    if "=" in method or "/" in method or not method.strip("."):
        usage(f"{method!r} is not a method's name, such as user.get")
    try:
        given = json_parameters(content(file)) if file is not None else {}
        return merged(given, parameters(pairs))
    except ValueError as error:
        usage(str(error))


def _strings(method: str, result: Any) -> list[str]:
    try:
        return [str(name) for name in as_list(result)]
    except TypeError:
        fail(f"{method}: the answer is not a list of names")


def _print(value: Any) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _show(load: Load) -> None:
    typer.echo(f"portal: {load.host}")
    typer.echo(f"plan: {load.plan or 'not told to a webhook, only to an application'}")
    typer.echo(
        f"requests: {load.rate:g} a second, {load.burst} at once; this command has {load.level:.0f} in the bucket"
    )
    table = Table("method", "working time of the last 10 minutes, s", "the oldest part is forgotten in, s")
    for use in load.methods:
        operating = "not told" if use.operating is None else f"{use.operating:.3f}"
        table.add_row(use.method, use.problem or operating, "" if use.reset_in is None else f"{use.reset_in:.0f}")
    Console(markup=False, highlight=False).print(table)


def main() -> None:
    """The command."""
    logger.remove()
    cli()


if __name__ == "__main__":
    main()
