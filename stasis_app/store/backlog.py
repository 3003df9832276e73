"""What waits to be written, in memory: of each row only its latest state, and never more than a stated number of rows.

Statements put whole rows, so a row that is put again takes the place of the one that waits. While a database refuses,
memory therefore grows with the calls there are and not with what happens to them or how often it is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from stasis_app.store.statements import Row

Action = Callable[[Connection], None]
Waiter = asyncio.Future[bool]

MOST_ACTIONS = 1000
"""Functions that may wait at the same time (forgetting old calls and the like)."""


class Statement(Protocol):
    """Puts rows into one table (`stasis_app.store.statements.Put`).

    `worth`: when memory is short, rows of the lowest go first.
    """

    @property
    def worth(self) -> int: ...

    def key(self, row: Row) -> Hashable:
        """What tells a row from others of its table."""
        ...

    def execute(self, connection: Connection, rows: Sequence[Row]) -> None: ...


@dataclass(slots=True, eq=False)
class Entry:
    """A row, and who waits for it."""

    row: Row
    waiters: tuple[Waiter, ...] = ()


@dataclass(slots=True, eq=False)
class Act:
    """A function that writes what it likes, in its turn."""

    action: Action
    waiter: Waiter


Rows = dict[Hashable, Entry]
Puts = dict[Statement, Rows]


@dataclass(slots=True)
class Batch:
    """What one transaction writes: rows by statement, and functions between them."""

    parts: list[Act | tuple[Statement, list[tuple[Hashable, Entry]]]] = field(default_factory=list)

    def execute(self, connection: Connection) -> None:
        """Write all of it. Raises SQLAlchemyError."""
        for part in self.parts:
            if isinstance(part, Act):
                part.action(connection)
            else:
                statement, entries = part
                statement.execute(connection, [entry.row for _, entry in entries])

    def tell(self, committed: bool) -> None:
        """Tell those who wait how it came out."""
        for waiter in self.waiters():
            if not waiter.done():
                waiter.set_result(committed)

    def refuse(self, error: Exception) -> None:
        """Tell those who wait that it will never be written."""
        for waiter in self.waiters():
            if not waiter.done():
                waiter.set_exception(error)

    def waiters(self) -> Iterator[Waiter]:
        """Everybody who waits."""
        for part in self.parts:
            if isinstance(part, Act):
                yield part.waiter
            else:
                for _, entry in part[1]:
                    yield from entry.waiters

    def singly(self) -> Iterator[Batch]:
        """A batch for each row and function."""
        for part in self.parts:
            if isinstance(part, Act):
                yield Batch([part])
            else:
                statement, entries = part
                for pair in entries:
                    yield Batch([(statement, [pair])])


class Backlog:
    """Rows and functions in the order they came; the order between tables does not matter, only around functions."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._stages: list[Puts | Act] = []
        self._actions = 0
        self.rows = 0
        self.lost = 0

    def __bool__(self) -> bool:
        return bool(self._stages)

    def put(self, statement: Statement, rows: Sequence[Row], waiter: Waiter | None = None) -> None:
        """Take rows in. When there are too many, those worth least go, the oldest of them first."""
        if not self._stages or isinstance(self._stages[-1], Act):
            self._stages.append({})
        puts = self._stages[-1]
        assert not isinstance(puts, Act)
        waiting = puts.setdefault(statement, {})
        for row in rows:
            key = statement.key(row)
            before = waiting.get(key)
            waiters = before.waiters if before is not None else ()
            # An entry is never changed: the one it replaces may be on its way to the disk.
            waiting[key] = Entry(row, (*waiters, waiter) if waiter is not None else waiters)
            self.rows += before is None
        while self.rows > self._max_rows:
            self._shed()

    def act(self, action: Action, waiter: Waiter) -> None:
        """Take a function in."""
        self._stages.append(Act(action, waiter))
        self._actions += 1
        if self._actions > MOST_ACTIONS:
            oldest = next(stage for stage in self._stages if isinstance(stage, Act))
            self._drop(oldest)
            self.lost += 1

    def head(self, most: int) -> Batch:
        """What is to be written next: about `most` rows."""
        batch = Batch()
        for stage in self._stages:
            if isinstance(stage, Act):
                batch.parts.append(stage)
                continue
            for statement, waiting in stage.items():
                entries = [pair for pair, _ in zip(waiting.items(), range(most), strict=False)]
                if entries:
                    batch.parts.append((statement, entries))
                most -= len(entries)
                if most <= 0 or len(entries) < len(waiting):
                    return batch
        return batch

    def done(self, batch: Batch) -> None:
        """Forget what was written. A row that was put again meanwhile stays."""
        for part in batch.parts:
            if isinstance(part, Act):
                self._drop(part)
                continue
            statement, entries = part
            for stage in self._stages:
                waiting = stage.get(statement) if isinstance(stage, dict) else None
                if waiting is None:
                    continue
                for key, entry in entries:
                    if waiting.get(key) is entry:
                        del waiting[key]
                        self.rows -= 1
        self._stages = [stage for stage in self._stages if isinstance(stage, Act) or any(stage.values())]

    def everything(self) -> Batch:
        """All that waits."""
        return self.head(self.rows + 1)

    def _drop(self, act: Act) -> None:
        if act in self._stages:
            self._stages.remove(act)
            self._actions -= 1

    def _shed(self) -> None:
        """Lose one row: the oldest of those worth least."""
        held = [
            (statement.worth, position, waiting)
            for position, stage in enumerate(self._stages)
            if isinstance(stage, dict)
            for statement, waiting in stage.items()
            if waiting
        ]
        _, _, waiting = min(held, key=lambda each: each[:2])
        entry = waiting.pop(next(iter(waiting)))
        for waiter in entry.waiters:
            if not waiter.done():
                waiter.set_result(False)
        self.rows -= 1
        self.lost += 1
