"""The commands: `stasis-app run | check | plan | calls | outbox | replay | demo | version`.

One module per group of commands; `main` is the entry point. Exit codes: 0 well, 1 something is wrong, 2 the
configuration, the plan or the command line can't be used.
"""

import gc

__all__ = ["main"]


def main() -> None:
    """The entry point `stasis-app`.

    What modules consist of lives as long as the process. To look for garbage in it again and again takes a fifth of the
    time they take to load.
    """
    gc.disable()
    from stasis_app.cli.commands import app

    gc.freeze()
    gc.enable()
    app()
