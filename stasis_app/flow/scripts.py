"""Loading the scripts file: Python functions that plans name."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stasis_app.flow.script_call import ScriptCall

ScriptFunction = Callable[["ScriptCall"], Awaitable[str | None]]


class ScriptError(Exception):
    """The scripts file can't be used. The text names file, line, what is wrong and the remedy."""


def load_scripts(path: Path) -> Mapping[str, ScriptFunction]:
    """The public async functions of a scripts file, by name. Reads and runs the file; call it once, at start.

    Raises ScriptError.
    """
    if not path.is_file():
        raise ScriptError(f"{path}: there is no such file. Correct [routing] scripts, or create the file.")
    spec = importlib.util.spec_from_file_location(f"call_scripts_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ScriptError(f"{path}: is not a Python file. Give it a name that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ScriptError(f"{path}, line {error.lineno}: {error.msg}. Correct the Python there.") from error
    except Exception as error:
        where = f"{path}, line {_line_in(path)}"
        raise ScriptError(f"{where}: running the file raised {type(error).__name__}: {error}. Correct it.") from error
    return {name: _checked(path, name, value) for name, value in _own_functions(module)}


def _own_functions(module: ModuleType) -> list[tuple[str, ScriptFunction]]:
    """Public async functions written in the file; other helpers and what it imports are its own affair."""
    return [
        (name, value)
        for name, value in vars(module).items()
        if not name.startswith("_") and inspect.iscoroutinefunction(value) and value.__module__ == module.__name__
    ]


def _checked(path: Path, name: str, function: ScriptFunction) -> ScriptFunction:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        line = inspect.unwrap(function).__code__.co_firstlineno
        raise ScriptError(
            f"{path}, line {line}: {name} can't be called with the call alone. Write it as"
            f" `async def {name}(call)`, or begin its name with _ if it is a helper."
        ) from None
    return function


def _line_in(path: Path) -> int:
    """The line of the file that raised last."""
    trace, line = sys.exc_info()[2], 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
