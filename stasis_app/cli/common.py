"""What the commands share: finding the configuration, printing for people and for programs, leaving with a reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from stasis_app.flow import PlanError, Severity
from stasis_app.log import set_up_logging
from stasis_app.settings import ConfigError, LoggingSettings, Settings, load_settings

PLACES = (Path("stasis.toml"), Path("/etc/stasis-app/stasis.toml"))

WRONG = 1
UNUSABLE = 2

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="STASIS_CONFIG", help="Configuration file; else ./stasis.toml, then /etc/stasis-app."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def out() -> Console:
    """Where results go."""
    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


def err() -> Console:
    """Where complaints go."""
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def settings_or_exit(config: Path | None) -> Settings:
    """The configuration; leaves with code 2 and all that is wrong with it."""
    path = config or next((place for place in PLACES if place.is_file()), None)
    if path is None:
        tried = " and ".join(str(place) for place in PLACES)
        fail(
            f"There is no configuration at {tried}. Give one with -c; contrib/stasis.example.toml is one to start from."
        )
    try:
        return load_settings(path)
    except ConfigError as error:
        complain(path, error)


def quiet_logging(settings: Settings | None = None) -> None:
    """Logging of a command that does one thing: only what is wrong, without secrets."""
    set_up_logging(LoggingSettings(level="ERROR"), settings.secrets() if settings else ())


def complain(path: Path, error: ConfigError) -> NoReturn:
    """Print what is wrong with the configuration and leave."""
    console = err()
    count = len(error.problems)
    console.print(f"[bold red]{escape(str(path))}: {count} {'error' if count == 1 else 'errors'}[/]")
    for problem in error.problems:
        given = "" if problem.value is None else f" = {problem.value}"
        console.print(f"  [bold]{escape(problem.key)}[/]{escape(given)}: {escape(problem.problem)}")
        console.print(f"      [dim]{escape(problem.remedy)}[/]")
    raise typer.Exit(UNUSABLE)


def complain_of_plan(error: PlanError) -> NoReturn:
    """Print what is wrong with the plan and leave."""
    console = err()
    console.print(f"[bold red]{escape(str(error.path))}: the plan can't be used[/]")
    for problem in error.problems:
        mark = "red" if problem.severity is Severity.ERROR else "yellow"
        place = ".".join(part for part in (problem.where, problem.key) if part) or "plan"
        value = f" = {problem.value}" if problem.value else ""
        console.print(
            f"  [{mark}]{problem.severity}[/] [bold]{escape(place)}[/]{escape(value)}: {escape(problem.problem)}"
        )
        console.print(f"      [dim]{escape(problem.remedy)}[/]")
    raise typer.Exit(UNUSABLE)


def fail(message: str, code: int = UNUSABLE) -> NoReturn:
    """Print a reason and leave."""
    err().print(f"[bold red]{escape(message)}[/]")
    raise typer.Exit(code)
