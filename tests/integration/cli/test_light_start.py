"""Calls wait for a start, so it loads nothing that none of them needs."""

import subprocess
import sys
import textwrap


def in_a_fresh_process(code: str) -> str:
    """What a program prints that begins with nothing loaded."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_start_loads_no_pages_no_migrations_and_no_database_driver_that_is_not_used():
    loaded = in_a_fresh_process("""
        import sys
        import stasis_app.cli.commands, stasis_app.app
        print("\\n".join(sys.modules))
    """).split()

    unneeded = {"jinja2", "babel", "alembic", "asyncmy", "lab", "b24client.sandbox"}
    assert "stasis_app.calls.tracker" in loaded
    assert unneeded & set(loaded) == set()


def test_nobody_looks_for_garbage_while_modules_load():
    searches = in_a_fresh_process("""
        import gc, sys
        began = []
        gc.callbacks.append(lambda phase, info: began.append(phase) if phase == "start" else None)
        from stasis_app.cli import main
        began.clear()
        sys.argv = ["stasis-app", "version"]
        def loaded(*arguments): print(len(began), "stasis_app.calls.tracker" in sys.modules, gc.get_freeze_count() > 0)
        import typer
        typer.Typer.__call__ = loaded
        began.clear()
        main()
    """)

    assert searches.split() == ["0", "True", "True"]
