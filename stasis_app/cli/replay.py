"""`stasis-app replay` and `stasis-app demo`: recorded calls, and calls played by machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import stasis_app
from stasis_app.cli.common import JsonOption, fail, out, print_json, quiet_logging

EventsArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="Made by stasis-app run --record-events.")
]


def replay(events: EventsArgument, as_json: JsonOption = False) -> None:
    """Tell the story of recorded calls: feed the events to the model and print its facts."""
    from stasis_app.calls.replay import replay as story_of

    quiet_logging()
    try:
        stories = story_of(events)
    except ValueError as error:
        fail(f"{events}: {error}")
    if as_json:
        print_json([story.to_json() for story in stories])
        return
    console = out()
    for story in stories:
        for line in [*story.lines(), ""]:
            console.print(line, markup=False, highlight=False)


def demo(context: typer.Context) -> None:
    """Play calls on a private Asterisk and compare what happened with what the CRM holds (in a checkout only)."""
    script = Path(stasis_app.__file__).parents[1] / "scripts" / "demo"
    if not script.is_file():
        fail("The demo comes with the source, not with the package: in a checkout, run scripts/demo.")
    os.execv(script, [str(script), *context.args])
