"""What travels to a portal as one piece: a command, or a few that belong together and stay in order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from b24client.batch import Command, CommandResult
from b24client.budget import Priority
from b24client.classify import repeatable
from b24client.errors import B24Error, NotRun, Temporary, UnknownOutcome, call_of

Results = dict[str, CommandResult]
Commands = Callable[[], Sequence[Command]]
"""Asked for the commands in the moment they go out, so that they say what is true then; none: they lost their point."""

Send = Callable[[Sequence[Command], bool, float], Awaitable[Results]]
"""Sends commands in one request: `(commands, halt, timeout)`; raises B24Error when the request as a whole failed."""

_REFERENCE = re.compile(r"\$result\[([^\]]+)\](.*)", re.DOTALL)


@dataclass(slots=True, eq=False)
class Unit:
    """Commands waiting for their place in a request.

    `methods` are those they will probably have; `alone`: they share no request; `timeout`: seconds to wait for the
    answer once they are out; `halt`: the portal stops at the first that fails (then it shares no request either);
    `send`: a way of its own to the portal.
    """

    commands: Commands
    methods: tuple[str, ...]
    priority: Priority
    since: float
    timeout: float
    alone: bool = False
    halt: bool = False
    send: Send | None = None
    done: asyncio.Future[Results] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    is_out: bool = False
    refused: int = 0
    work: float = 0.0
    """Seconds the portal will probably work for it."""

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.done.done()

    def settle(self, results: Results) -> None:
        """Tell how it came out."""
        if not self.done.done():
            self.done.set_result(results)

    def fail(self, error: BaseException) -> None:
        """Tell that it came to nothing."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # whoever waited may have gone: that is no reason for a complaint in the log


@dataclass(frozen=True, slots=True)
class Cargo:
    """A unit with the commands it turned out to have."""

    unit: Unit
    commands: tuple[Command, ...]

    @property
    def about(self) -> str:
        """The telephone call it is about, "" when it is about none."""
        return next((call for command in self.commands if (call := call_of(command.params))), "")

    @property
    def is_harmless(self) -> bool:
        """Whether all its commands may be sent again without asking."""
        return all(repeatable(command.method) for command in self.commands)

    def named(self, prefix: str) -> list[Command]:
        """The commands under names that no other cargo has."""
        return [
            replace(command, key=f"{prefix}{command.key}", params=_renamed(command.params, prefix))
            for command in self.commands
        ]

    def land(self, results: Mapping[str, CommandResult], prefix: str) -> None:
        """Hand over the results that came back under these names."""
        own: Results = {}
        for command in self.commands:
            broken = next((key for key in _referred(command.params) if key in own and own[key].error), None)
            if broken is not None and results[f"{prefix}{command.key}"].error is None:
                text = f"it needed the result of {broken!r}, which failed"
                own[command.key] = CommandResult(error=NotRun(command.method, "", text))
            else:
                own[command.key] = results[f"{prefix}{command.key}"]
        self.unit.settle(own)

    def sink(self, error: B24Error) -> None:
        """The request as a whole failed: an unknown outcome is none for what may be sent again anyway."""
        told = error.of(self.commands[0].method)
        if isinstance(told, UnknownOutcome) and self.is_harmless:
            told = Temporary(told.method, told.code, told.description, told.status)
        told.about = self.about
        self.unit.fail(told)


def _renamed(value: Any, prefix: str) -> Any:
    """`value` with its references to other commands' results following their new names."""
    if isinstance(value, Mapping):
        return {key: _renamed(item, prefix) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(item, prefix) for item in value]
    if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
        return f"$result[{prefix}{found[1]}]{found[2]}"
    return value


def _referred(value: Any) -> list[str]:
    """The names of the commands whose results `value` refers to."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [key for item in value for key in _referred(item)]
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return [found[1]] if found else []
