"""What the portal has to be told next about a call, and when. Sends nothing."""

from __future__ import annotations

import time
from enum import Enum, auto

from stasis_app.mirror.attempts import Attempts
from stasis_app.mirror.openings import close_rest, open_final, open_register
from stasis_app.mirror.operations import Kind
from stasis_app.mirror.subject import Subject
from stasis_app.store import OPEN, REFUSED

SETTLE = 0.25
"""Seconds a call may wait for the CRM's word on whose number it is before it is registered without."""
FIRST_CARD = 2.0
"""Seconds a registration may wait for its first card when requests are scarce."""
LINGER = 0.2
"""Seconds cards stay when nobody is concerned any more: mostly the end or the next phone follows at once."""


class Step(Enum):
    """Something the portal is told."""

    REGISTER = auto()
    CARDS = auto()
    FINISH = auto()
    RECORD = auto()
    TODO = auto()
    NOTE = auto()


class Agenda:
    """What comes next for one call. `may_register`: there is no more reason to wait for whose number it is."""

    __slots__ = ("_attempts", "_begun", "_nobody_since", "_subject", "may_register")

    def __init__(self, subject: Subject, attempts: Attempts) -> None:
        self._subject = subject
        self._attempts = attempts
        self._begun = subject.fact_at
        self._nobody_since: float | None = None
        self.may_register = False

    @property
    def is_quiet(self) -> bool:
        """Whether the call goes on and everybody concerned has the card: true after most facts."""
        told = self._subject.told
        if not told.is_registered or told.finish is not None:
            return False
        change = self._subject.difference()
        return not change.show and not change.hide and not self._subject.entries.cards

    def next(self) -> Step | float | None:
        """What to do now, a pause in seconds, or None: nothing until the next fact."""
        subject, told = self._subject, self._subject.told
        open_final(subject)
        if told.register is None and not subject.is_mirrored:
            return None
        if told.is_hopeless:
            close_rest(subject, "the call could not be registered")
            return None
        if told.register is None:
            wait = self._begun + SETTLE - time.monotonic()
            if wait > 0 and not self.may_register:
                return wait
            open_register(subject)
        if not told.is_registered:
            return self.too_early() or self._when_due(Step.REGISTER)
        if told.finish is None or told.finish.state == OPEN:
            subject.shared.owners.setdefault(told.portal_call_id, subject.call_id)
            return self._next_cards() if told.finish is None else self._next_end()
        self._disown()
        if told.finish.state == REFUSED:
            close_rest(subject, "the call could not be finished")
        return self._next_late()

    def too_early(self) -> float:
        """Seconds a registration should wait for its first card: where requests are scarce they travel together.

        Else the card would have to wait for the answer to a request that carries many others. That of a call that is
        over waits until an earlier one can't be carried out any more: both would be written down.
        """
        subject = self._subject
        if subject.told.finish is not None:
            return subject.entries.at_work_for(Kind.REGISTER)
        if not subject.shared.deliveries.is_crowded or subject.difference().show:
            return 0.0
        return max(0.0, self._begun + FIRST_CARD - time.monotonic())

    def _next_cards(self) -> Step | float | None:
        change = self._subject.difference()
        if not change.show and not change.hide:
            self._subject.entries.drop_cards()
            self._nobody_since = None
            return None
        if change.wanted:
            self._nobody_since = None
            return self._when_due(Step.CARDS)
        self._nobody_since = self._nobody_since or time.monotonic()
        wait = self._nobody_since + LINGER - time.monotonic()
        return wait if wait > 0 else self._when_due(Step.CARDS)

    def _next_end(self) -> Step | float:
        """The end is told when no registration can come after it: that would begin a call nobody ever ends."""
        entries = self._subject.entries
        wait = entries.at_work_for(Kind.REGISTER)
        if wait > LINGER and self._subject.difference().hide:
            return self._when_due(Step.CARDS)
        if wait:
            return wait
        entries.drop_cards()
        return self._when_due(Step.FINISH)

    def _next_late(self) -> Step | float | None:
        told = self._subject.told
        for row, step in ((told.record, Step.RECORD), (told.todo, Step.TODO), (told.note, Step.NOTE)):
            if row is not None and row.state == OPEN:
                return self._subject.entries.at_work_for(Kind(row.kind)) or self._when_due(step)
        return None

    def _when_due(self, step: Step) -> Step | float:
        wait = self._attempts.wait
        return wait if wait > 0 else step

    def _disown(self) -> None:
        """The portal's call is written down: whoever gets its id now, got it anew."""
        owners, portal_call_id = self._subject.shared.owners, self._subject.told.portal_call_id
        if owners.get(portal_call_id) == self._subject.call_id:
            del owners[portal_call_id]
