"""The command line as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from stasis_app import __version__
from stasis_app.cli.calls import calls, outbox
from stasis_app.cli.check import check
from stasis_app.cli.incidents import incidents
from stasis_app.cli.plan import plan
from stasis_app.cli.recordings import recordings
from stasis_app.cli.replay import demo, replay
from stasis_app.cli.run import run

app = typer.Typer(
    name="stasis-app",
    help="Joins an Asterisk PBX to the Bitrix24 CRM.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold passwords
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(check)
app.add_typer(plan)
app.command()(calls)
app.command()(outbox)
app.add_typer(recordings)
app.command()(incidents)
app.command()(replay)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(demo)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"stasis-app {__version__}")


def _show_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass
