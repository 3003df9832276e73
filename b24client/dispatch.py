"""When what goes out, and with whom: the budget used to the full, the urgent first, nobody starved.

On a quiet portal a unit goes out at once in a request of its own. The fuller the portal's bucket, the more units
share a request, so that the few requests there are carry everything. The commands of a batch are carried out one
after another, so what is urgent stands first, and the oldest of it foremost: it has waited for the request longest
and waits for the others least.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import ceil
from typing import Protocol

from b24client.batch import MAX_COMMANDS, Command
from b24client.budget import Budget, Priority
from b24client.errors import B24Error, LimitExceeded, Temporary
from b24client.ledger import Ledger
from b24client.unit import Cargo, Send, Unit

LONGEST_SECONDS = 8.0
"""How long the commands of one request may work together; the portal breaks off after 60."""
AT_ONCE = 8
"""Most requests under way at once of those nobody waits for: a portal that has just come back is not flooded."""
# A class gathers company for so many seconds, or until so many seconds of work have come together, before it takes a
# request. That is when the bucket is full to _FULL; the emptier it is, the less it gathers, at first nothing. So some
# room is left for the moment in which much happens at once.
_GATHERING = {
    Priority.LOOKUP: (0.0, 0.0),
    Priority.CARD: (1.0, 1.0),
    Priority.FINISH: (2.0, 2.0),
    Priority.RECORD: (4.0, 3.0),
    Priority.SYNC: (4.0, 3.0),
}
_FULL = 0.7
CROWDED = 0.3
"""A bucket as full as this makes a card wait for company; in an emptier one the classes do not share requests."""
_HALF = 0.5  # while the bucket is emptier than this, much that comes at once goes out in several requests
# Who has waited so many seconds and seen so many requests go to more urgent classes may use their reserve for once.
_PATIENCE = {
    Priority.LOOKUP: (0.0, 0),
    Priority.CARD: (0.5, 1),
    Priority.FINISH: (10.0, 4),
    Priority.RECORD: (60.0, 8),
    Priority.SYNC: (120.0, 16),
}
_RETRIED = 5
_RETRY_SECONDS = 5.0


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Forget the call."""


class Dispatcher:
    """The units that wait for a portal. `clock` (seconds) and `call_later` are there for tests."""

    def __init__(
        self,
        budget: Budget,
        ledger: Ledger,
        send: Send,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], Timer] | None = None,
    ) -> None:
        self._budget = budget
        self._ledger = ledger
        self._send = send
        self._clock = clock
        self._call_later = call_later
        self._waiting: dict[Priority, list[tuple[float, int, Unit]]] = {priority: [] for priority in Priority}
        self._parked: list[tuple[float, int, Unit]] = []  # their methods' working time is used up
        self._order = count()
        self._timer: Timer | None = None
        self._looking = False
        self._late = 0
        self._gathered = dict.fromkeys(Priority, 0.0)  # seconds of work that wait
        self._passed_over = dict.fromkeys(Priority, 0)
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many units wait."""
        queues = (*self._waiting.values(), self._parked)
        return sum(not unit.is_over for queue in queues for _, _, unit in queue)

    def submit(self, unit: Unit) -> None:
        """Take a unit in; its `done` tells the rest."""
        if self._closed:
            unit.fail(Temporary(unit.methods[0], "", "not sent: the connection to the portal has been closed"))
            return
        self._queue(unit)
        self._look_soon()

    def wait_estimate(self, unit: Unit) -> float:
        """Seconds until a unit that waits would go out, judging by what waits now."""
        blocked = max(self._ledger.room_in(method, unit.priority) for method in unit.methods)
        ahead = sum(len(queue) for priority, queue in self._waiting.items() if priority <= unit.priority)
        return max(blocked, self._budget.room_in(unit.priority) + ahead / MAX_COMMANDS / self._budget.limits.rate)

    async def aclose(self) -> None:
        """Whatever waits has come to nothing; what is under way is broken off."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for queue in (*self._waiting.values(), self._parked):
            for _, _, unit in queue:
                unit.fail(Temporary(unit.methods[0], "", "not sent: the connection to the portal has been closed"))
            queue.clear()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    # Who is next

    def _queue(self, unit: Unit) -> None:
        unit.work = sum(self._ledger.cost(method) for method in unit.methods)
        heappush(self._waiting[unit.priority], (unit.since, next(self._order), unit))
        self._gathered[unit.priority] += unit.work

    def _unqueue(self, priority: Priority) -> None:
        """The first of a class waits no longer."""
        _, _, unit = heappop(self._waiting[priority])
        self._gathered[priority] = self._gathered[priority] - unit.work if self._waiting[priority] else 0.0

    def _look_soon(self) -> None:
        """Look after everything that happens in this moment: units that come together may travel together."""
        if not self._looking and not self._closed:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed:
            return
        now = self._clock()
        while self._parked and (self._parked[0][0] <= now or self._parked[0][2].is_over):
            unit = heappop(self._parked)[2]
            if not unit.is_over:
                self._queue(unit)
        while (lead := self._lead(now)) is not None:
            self._dispatch(lead)
        self._look_again(now)

    def _lead(self, now: float) -> Priority | None:
        """The class a request is due to."""
        for priority, queue in self._waiting.items():
            while queue and queue[0][2].is_over:
                self._unqueue(priority)
        waiting = [priority for priority in Priority if self._waiting[priority] and not self._is_held_back(priority)]
        for priority in reversed(waiting):
            if self._is_out_of_patience(priority, now) and self._budget.room_in(priority, urgent=True) <= 0:
                return priority
        for priority in waiting:
            if self._due_in(priority, now) <= 0:
                return priority
        return None

    def _is_held_back(self, priority: Priority) -> bool:
        return priority >= Priority.FINISH and self._late >= AT_ONCE

    def _is_out_of_patience(self, priority: Priority, now: float) -> bool:
        seconds, requests = _PATIENCE[priority]
        return self._passed_over[priority] > requests and self._waiting[priority][0][0] + seconds <= now

    def _due_in(self, priority: Priority, now: float) -> float:
        """Seconds until a class takes a request of its own; 0 or less: now."""
        queue = self._waiting[priority]
        seconds, work = _GATHERING[priority]
        scarcity = min(1.0, self._budget.fill(priority) / _FULL) ** 3
        gathers = 0.0 if self._gathered[priority] >= work * scarcity else queue[0][0] + seconds * scarcity - now
        return max(gathers, self._budget.room_in(priority))

    def _look_again(self, now: float) -> None:
        """Set the clock for the next look. The end of a request that is under way is a reason by itself."""
        waits = [
            self._due_in(priority, now)
            for priority, queue in self._waiting.items()
            if queue and not self._is_held_back(priority)
        ]
        if self._parked:
            waits.append(self._parked[0][0] - now)
        if waits:
            call_later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = call_later(max(0.0, min(waits)) + 0.001, self._look)

    # Who travels together

    def _dispatch(self, lead: Priority) -> None:
        """Put a request together and send it."""
        load = _Load(self._ledger)
        company = self._company(lead)
        for priority in Priority:
            units = self._share(lead) if priority is lead else MAX_COMMANDS
            if priority in company and self._take(priority, load, units):
                self._passed_over[priority] = 0
            else:
                self._passed_over[priority] += priority > lead
        if not load.cargo:
            return
        self._budget.take()
        late = lead >= Priority.FINISH
        self._late += late
        task = asyncio.get_running_loop().create_task(self._carry(load.cargo, late=late))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _company(self, lead: Priority) -> list[Priority]:
        """The classes that share its next request: those that could not go by themselves, the urgent in front."""
        if lead is Priority.LOOKUP or self._waiting[lead][0][2].alone:
            return [lead]  # nobody rides with what a caller waits for
        if self._budget.fill(Priority.CARD) < CROWDED:
            return [lead]  # there is room for everybody, and company makes the answer late
        others = list(Priority)[Priority.CARD :]
        now = self._clock()
        return [
            priority
            for priority in others
            if priority is lead or (self._waiting[priority] and self._due_in(priority, now) > 0)
        ]

    def _share(self, lead: Priority) -> int:
        """How many units of the class the next request takes: the fewer, the more requests there is room for."""
        queue = self._waiting[lead]
        affordable = self._budget.room(lead, _HALF) // 2
        return ceil(len(queue) / max(1, affordable))

    def _take(self, priority: Priority, load: _Load, units: int) -> int:
        """Load up to so many units of a class, the oldest first; how many found room."""
        queue, now, taken = self._waiting[priority], self._clock(), 0
        while queue and taken < units:
            unit = queue[0][2]
            if unit.is_over:
                self._unqueue(priority)
                continue
            blocked = max(self._ledger.room_in(method, unit.priority) for method in unit.methods)
            if blocked > 0:
                self._unqueue(priority)
                heappush(self._parked, (now + blocked, next(self._order), unit))
                continue
            if load.cargo and (unit.alone or load.is_closed):
                break
            try:
                commands = tuple(unit.commands())
            except Exception as error:
                self._unqueue(priority)
                unit.fail(error)
                continue
            if commands and not load.fits(commands):
                break
            self._unqueue(priority)
            if not commands:
                unit.settle({})
                continue
            load.add(unit, commands)
            taken += 1
        return taken

    async def _carry(self, cargo: list[Cargo], *, late: bool) -> None:
        """Send a request and hand out what came of it."""
        for each in cargo:
            each.unit.is_out = True
        prefixes = [f"u{index}." if len(cargo) > 1 else "" for index in range(len(cargo))]
        commands = [command for each, prefix in zip(cargo, prefixes, strict=True) for command in each.named(prefix)]
        timeout = max(each.unit.timeout for each in cargo)
        for command in commands:
            self._ledger.sent(command.method)
        try:
            send = cargo[0].unit.send or self._send
            results = await send(commands, cargo[0].unit.halt, timeout)
        except B24Error as error:
            self._sunk(cargo, error)
        except BaseException as error:
            for each in cargo:
                each.unit.fail(Temporary(each.commands[0].method, "", "broken off") if each.is_harmless else error)
            raise
        else:
            for each, prefix in zip(cargo, prefixes, strict=True):
                each.land(results, prefix)
        finally:
            self._late -= late
            for command in commands:
                self._ledger.ended(command.method)
            self._look_soon()

    def _sunk(self, cargo: list[Cargo], error: B24Error) -> None:
        """The request as a whole failed. A full bucket is waited for, as long as it is told to take moments."""
        full = isinstance(error, LimitExceeded) and not error.is_of_method and error.retry_after <= _RETRY_SECONDS
        for each in cargo:
            unit = each.unit
            if full and unit.refused < _RETRIED and not unit.is_over and not self._closed:
                unit.refused += 1
                unit.is_out = False
                self._queue(unit)
            else:
                each.sink(error)


class _Load:
    """A request being put together."""

    def __init__(self, ledger: Ledger) -> None:
        self.cargo: list[Cargo] = []
        self._ledger = ledger
        self._commands = 0
        self._seconds = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether the first unit wants no company."""
        return bool(self.cargo) and self.cargo[0].unit.alone

    def fits(self, commands: Sequence[Command]) -> bool:
        """Whether there is room for so many more commands, and time for their work."""
        if not self.cargo:
            return True
        seconds = self._seconds + self._work(commands)
        return self._commands + len(commands) <= MAX_COMMANDS and seconds <= LONGEST_SECONDS

    def add(self, unit: Unit, commands: tuple[Command, ...]) -> None:
        """Take a unit along."""
        self.cargo.append(Cargo(unit, commands))
        self._commands += len(commands)
        self._seconds += self._work(commands)

    def _work(self, commands: Sequence[Command]) -> float:
        return sum(self._ledger.cost(command.method) for command in commands)
