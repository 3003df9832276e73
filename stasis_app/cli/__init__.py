"""The commands: `stasis-app run | check | plan | calls | outbox | replay | demo | version`.

One module per group of commands; `main` is the entry point. Exit codes: 0 well, 1 something is wrong, 2 the
configuration, the plan or the command line can't be used.
"""

from stasis_app.cli.main import app, main

__all__ = ["app", "main"]
