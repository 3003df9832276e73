"""Several commands in one request (https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from b24client.classify import classify, repeatable, told_of
from b24client.errors import B24Error, BadReply, NotRun
from b24client.forms import encode_form
from b24client.php import as_map

MAX_COMMANDS = 50
"""Most commands a portal takes in one batch."""
_KEY = re.compile(r"[A-Za-z0-9_.:-]+")


@dataclass(frozen=True, slots=True)
class Command:
    """One method call in a batch. `key` names its result; a parameter may be a reference to an earlier one."""

    key: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command gave: its `value`, or the `error` that says why there is none.

    `next`: where the next page of a list begins, `total`: how long the list is; None where that is not told.
    """

    value: Any = None
    error: B24Error | None = None
    next: int | None = None
    total: int | None = None

    def unwrap(self) -> Any:
        """The value. Raises the error if there is one."""
        if self.error is not None:
            raise self.error
        return self.value


def reference(key: str, *path: str | int) -> str:
    """A parameter value standing for (a part of) the result of the earlier command `key`.

    `reference("reg", "CALL_ID")` is `$result[reg][CALL_ID]`.
    """
    return f"$result[{key}]" + "".join(f"[{part}]" for part in path)


def batch_params(commands: Sequence[Command], *, halt: bool) -> dict[str, Any]:
    """The parameters of `batch`. Raises ValueError for commands no portal would take."""
    if len(commands) > MAX_COMMANDS:
        raise ValueError(f"batch: {len(commands)} commands, at most {MAX_COMMANDS} fit into one; send several batches")
    cmd: dict[str, str] = {}
    for command in commands:
        if not _KEY.fullmatch(command.key):
            raise ValueError(f"batch: key {command.key!r}; use letters, digits and _ . : - only")
        if command.key in cmd:
            raise ValueError(f"batch: key {command.key!r} is used twice; each command needs its own")
        query = encode_form(command.params)
        cmd[command.key] = f"{command.method}?{query}" if query else command.method
    return {"halt": int(halt), "cmd": cmd}


def batch_results(
    commands: Sequence[Command], result: Any, mask: Callable[[str], str], *, halted: bool = True
) -> tuple[dict[str, CommandResult], list[tuple[str, Any]]]:
    """Each command's result, and the `time` blocks with their methods. Raises BadReply for what is no batch's answer.

    `mask` takes secrets out of what the portal says in its error texts; `halted`: the portal was to stop at the first
    command that fails, so what is missing behind one was not carried out.
    """
    if not isinstance(result, Mapping):
        raise BadReply("batch", "", f"result: expected a map, got {type(result).__name__}")
    try:
        values, errors = as_map(result.get("result")), as_map(result.get("result_error"))
        times = as_map(result.get("result_time"))
        following, totals = as_map(result.get("result_next")), as_map(result.get("result_total"))
    except TypeError as error:
        raise BadReply("batch", "", str(error)) from None
    results: dict[str, CommandResult] = {}
    for command in commands:
        if command.key in errors:
            results[command.key] = CommandResult(error=_command_error(command.method, errors[command.key], mask))
        elif command.key in values:
            counts = counted(following.get(command.key)), counted(totals.get(command.key))
            results[command.key] = CommandResult(values[command.key], None, *counts)
        else:
            stopped = bool(errors) and halted
            text = "not carried out: an earlier command failed" if stopped else "the batch's answer does not hold it"
            kind = NotRun if stopped else BadReply
            results[command.key] = CommandResult(error=kind(command.method, "", text))
    return results, [(command.method, times[command.key]) for command in commands if command.key in times]


def counted(value: Any) -> int | None:
    """A count as a portal tells it, None for anything else."""
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else None


def _command_error(method: str, error: Any, mask: Callable[[str], str]) -> B24Error:
    if not isinstance(error, Mapping):
        return BadReply(method, "", f"error: expected a map, got {type(error).__name__}")
    code, text = str(error.get("error") or ""), str(error.get("error_description") or "")
    meant = classify(method, 0, mask(code), mask(text) or "refused without a reason")
    return told_of(meant, harmless=repeatable(method))
