"""How a call's operations are carried out: what is on disk first, what is sent, and what the answer changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from stasis_app.mirror import operations as ops
from stasis_app.mirror.agenda import Step
from stasis_app.mirror.attempts import Attempts
from stasis_app.mirror.deliveries import Beginning, Doubt, NotYet, Verdict
from stasis_app.mirror.operations import Kind
from stasis_app.mirror.portal_calls import Change
from stasis_app.mirror.subject import NOBODY, Subject
from stasis_app.store import DROPPED, OPEN, OutboxRow

ASKS, BETWEEN_ASKS = 4, 1.0
"""How often a portal that has much to catch up with is asked whose a missed call was, and the seconds in between."""


class Work:
    """The operations of one call. `too_early`: seconds a registration should still wait."""

    __slots__ = ("_along", "_asked_whose", "_attempts", "_subject", "_too_early")

    def __init__(self, subject: Subject, attempts: Attempts, too_early: Callable[[], float]) -> None:
        self._subject = subject
        self._attempts = attempts
        self._too_early = too_early
        self._along: OutboxRow | None = None  # the end that went out with the registration
        self._asked_whose = False

    async def do(self, step: Step) -> None:
        """Try it once."""
        match step:
            case Step.REGISTER:
                await self._register()
            case Step.CARDS:
                await self._move_cards()
            case Step.FINISH:
                await self._finish()
            case Step.RECORD:
                await self._deliver()
            case Step.TODO:
                await self._remind()
            case Step.NOTE:
                await self._annotate()

    # The registration

    async def _register(self) -> None:
        await self._find_responsible()
        entries, told = self._subject.entries, self._subject.told
        row, end = told.register, told.finish
        assert row is not None
        shows = entries.open_cards(self._subject.difference().show, NOBODY, self._subject.fact_time())
        await entries.on_disk(row, *shows, *([end] if end else ()))
        doubt = Doubt(entries.is_doubtful(row), end is not None and entries.is_doubtful(end))
        live = end is None
        self._along = None
        verdict = await self._attempt(
            lambda: [row, *entries.cards, *([self._along] if self._along else ())],
            lambda: self._registered_alone(row, live=live, doubt=doubt),
        )
        if verdict is None or (verdict.state == DROPPED and verdict.body is None):
            return
        entries.settle(row, verdict)
        if verdict.shown:
            entries.settle_cards(Verdict())
        if verdict.finish is not None:
            self._settle_end(verdict.finish)

    def _settle_end(self, verdict: Verdict) -> None:
        """What became of the end that went along, or was found."""
        end = self._subject.told.finish
        if end is None or end.state != OPEN:
            return
        if verdict.state == OPEN:
            self._subject.entries.doubt([end])
            self._subject.entries.missed([end], verdict.reason)
        else:
            self._subject.entries.settle(end, verdict)

    async def _registered_alone(self, row: OutboxRow, *, live: bool, doubt: Doubt) -> Verdict:
        """Register. A portal may take two calls of the same two people for one as long as the first goes on.

        Then the second is registered once the first is written down: one call of the portal's can be finished once.
        """
        shared, call_id = self._subject.shared, self._subject.call_id
        verdict = await shared.deliveries.register(
            row, self._beginning, live=live, since=self._subject.fact_at, doubt=doubt
        )
        portal_call_id = verdict.answer.get("call_id", "")
        owner = shared.owners.setdefault(portal_call_id, call_id) if portal_call_id else call_id
        if owner != call_id:
            raise NotYet("register", "", f"the portal takes it for call {owner}, which still goes on")
        return verdict

    def _beginning(self) -> Beginning | None:
        """What travels with the registration, asked for in the moment it goes out; None: it is too early."""
        if self._too_early():
            return None
        entries, told = self._subject.entries, self._subject.told
        end = told.finish
        if end is not None and end.state == OPEN and (self._asked_whose or "whose" not in end.body):
            entries.drop_cards()
            self._along = end
            return Beginning(finish=end)
        show = self._subject.difference().show
        entries.open_cards(show, NOBODY, self._subject.fact_time())
        told.maybe |= show
        return Beginning(show)

    # The cards

    async def _move_cards(self) -> None:
        subject = self._subject
        show, hide, _ = subject.difference()
        await subject.entries.on_disk(*subject.entries.open_cards(show, hide, subject.fact_time()))
        call_id, deliveries = subject.told.portal_call_id, subject.shared.deliveries
        verdict = await self._attempt(
            lambda: subject.entries.cards,
            lambda: deliveries.cards(call_id, Change(show, hide), self._change, since=subject.fact_at),
        )
        if verdict is not None and verdict.state != DROPPED:
            subject.entries.settle_cards(verdict)

    def _change(self) -> Change | None:
        """The change of cards that is right now; its entries are on their way to the disk before it is sent."""
        entries, told = self._subject.entries, self._subject.told
        show, hide, _ = self._subject.difference()
        is_over = told.finish is not None and not entries.at_work_for(Kind.REGISTER)
        if is_over or not (show or hide):
            entries.drop_cards()
            return None
        entries.open_cards(show, hide, self._subject.fact_time())
        told.maybe |= show
        return Change(show, hide)

    # The end, and what comes after it

    async def _finish(self) -> None:
        await self._find_responsible()
        row, call_id = self._subject.told.finish, self._subject.told.portal_call_id
        since, deliveries = self._subject.fact_at, self._subject.shared.deliveries
        await self._carry_out(row, lambda row, doubt: deliveries.finish(row, call_id, since=since, doubt=doubt))

    async def _find_responsible(self) -> None:
        """A missed call ended before the portal could say whose it is: the portal is asked before it is told."""
        row = self._subject.told.finish
        if row is None or "whose" not in row.body:
            return
        for _ in range(ASKS):
            found = await self._subject.shared.responsible_of(row.body["whose"])
            if found is not None:
                self._subject.entries.rewrite(row, ops.belonging_to(row.body, found.user_id))
                break
            await asyncio.sleep(BETWEEN_ASKS)
        self._asked_whose = True

    async def _deliver(self) -> None:
        told, deliveries = self._subject.told, self._subject.shared.deliveries
        await self._carry_out(told.record, lambda row, doubt: deliveries.recording(row, told.portal_call_id))

    async def _remind(self) -> None:
        told, deliveries = self._subject.told, self._subject.shared.deliveries
        answer = told.register.answer if told.register is not None else {}
        await self._carry_out(told.todo, lambda row, doubt: deliveries.todo(row, answer, doubt=doubt))

    async def _annotate(self) -> None:
        told, deliveries = self._subject.told, self._subject.shared.deliveries
        answer = told.register.answer if told.register is not None else {}
        await self._carry_out(told.note, lambda row, doubt: deliveries.note(row, answer, doubt=doubt))

    async def _carry_out(self, row: OutboxRow | None, send: Callable[[OutboxRow, bool], Awaitable[Verdict]]) -> None:
        """Send an operation that goes by itself. `send` is told whether an earlier attempt may have succeeded."""
        assert row is not None
        entries = self._subject.entries
        await entries.on_disk(row)
        doubt = entries.is_doubtful(row)
        verdict = await self._attempt(lambda: [row], lambda: send(row, doubt))
        if verdict is not None:
            entries.settle(row, verdict)

    async def _attempt(
        self, rows: Callable[[], Sequence[OutboxRow]], send: Callable[[], Awaitable[Verdict]]
    ) -> Verdict | None:
        """Send; None when it has to be tried again later. `rows` are the entries concerned when it comes to nothing."""
        return await self._attempts.make(rows, send, late=self._subject.told.finish is not None)
