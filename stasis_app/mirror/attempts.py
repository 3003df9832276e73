"""One attempt at telling the portal something: what a failure means for the gate, the entries and the next attempt."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from loguru import logger

from b24client import AccessDenied, B24Error, LimitExceeded
from stasis_app.mirror.deliveries import Deliveries, NotYet, Verdict
from stasis_app.mirror.entries import Entries
from stasis_app.mirror.gate import Gate
from stasis_app.mirror.operations import Kind
from stasis_app.mirror.retry import LATE_LONGEST, LIVE_LONGEST, Retry
from stasis_app.store import DROPPED, OutboxRow

DENIED_PAUSE = 15.0
"""Seconds before a request is repeated that our credentials do not allow: somebody has to mend them first."""
GIVE_UP_AFTER = 7 * 86400.0


class Attempts:
    """The attempts of one call."""

    __slots__ = ("_call_id", "_entries", "_gate", "_retry")

    def __init__(self, call_id: str, gate: Gate, entries: Entries) -> None:
        self._call_id = call_id
        self._gate = gate
        self._entries = entries
        self._retry = Retry()

    @property
    def wait(self) -> float:
        """Seconds until the next attempt may be made; 0 or less: now."""
        return self._retry.wait

    async def make(
        self, rows: Callable[[], Sequence[OutboxRow]], send: Callable[[], Awaitable[Verdict]], *, late: bool
    ) -> Verdict | None:
        """Send; None when it has to be tried again. `rows` are the entries concerned then, `late`: nobody waits."""
        try:
            verdict = await send()
        except (LimitExceeded, NotYet) as error:
            self._gate.pass_on()
            self._again(rows(), error, error.retry_after, late=late)
        except B24Error as error:
            pause = self._judge(error, rows())
            self._again(rows(), error, pause, late=late)
        except BaseException:
            # Broken off, or a fault of our own: it may have been sent.
            self._entries.doubt(rows())
            self._gate.pass_on()
            raise
        else:
            if verdict.state == DROPPED:
                self._gate.pass_on()  # nothing was sent
            else:
                self._gate.succeeded()
            self._retry.succeeded()
            return verdict
        return None

    def _judge(self, error: B24Error, rows: Sequence[OutboxRow]) -> float:
        """Tell the gate what a failure says of the portal; the seconds to wait at least."""
        if Deliveries.is_outage(error):
            self._gate.failed(error)
            return 0.0
        if not isinstance(error, AccessDenied):
            self._gate.succeeded()
            return 0.0
        if any(row.kind in (Kind.REGISTER, Kind.FINISH) for row in rows):
            self._gate.denied(error, DENIED_PAUSE)
        else:
            self._gate.succeeded()
            log = logger.bind(call=self._call_id)
            log.warning("The portal does not let us ({}): {}", error.method, error)
        return DENIED_PAUSE

    def _again(self, rows: Sequence[OutboxRow], error: B24Error, least: float, *, late: bool) -> None:
        # During an outage the gate sets the pace for all calls.
        self._retry.failed(LATE_LONGEST if late and self._gate.is_open else LIVE_LONGEST, least)
        log = logger.bind(call=self._call_id)
        log.debug("The portal is not told yet (attempt {}): {}", self._retry.failures, error)
        if Deliveries.may_have_acted(error):
            self._entries.doubt(rows, at_work=Deliveries.may_act_yet(error))
        self._entries.missed(rows, str(error))
        for row in rows:
            if time.time() - row.opened_at > GIVE_UP_AFTER:
                self._entries.give_up(row, f"given up after a week: {error}")
