"""Making the moves of a planned call, one after another, and noting what came of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.moves import Moves, Transfer
from lab.phones import Caller, Phone
from lab.story import Do, Move, PlannedCall
from lab.truth import Dialog

PATIENCE_S = 20.0  # for a phone to ring, to talk, or to be told how a transfer ended


@dataclass(frozen=True, slots=True)
class Done:
    """A move that was made, or could not be (`failed` says why), and when (Unix time)."""

    move: Move
    at: float
    failed: str = ""
    transfer: Transfer | None = None


class Acting:
    """One call's moves. `party` finds who has a number ("" is the customer)."""

    def __init__(self, call: PlannedCall, party: Callable[[str], Moves]) -> None:
        self._moves = call.moves
        self._party = party
        self._asks: dict[str, tuple[Dialog, Caller]] = {}  # by extension: the talk on hold, and the call beside it

    async def act(self) -> list[Done]:
        """Make all the moves; one that fails and need not is the last."""
        done: list[Done] = []
        try:
            for move in self._moves:
                done.append(await self._make(move))
                if bool(done[-1].failed) != move.refused:
                    break
        finally:
            for _, caller in self._asks.values():
                await caller.stop()
        return done

    async def _make(self, move: Move) -> Done:
        party = self._party(move.by)
        try:
            if move.do in (Do.ANSWER, Do.DECLINE, Do.FORWARD):
                ringing = await party.until_ringing(PATIENCE_S)
                await asyncio.sleep(move.after_s)
                await self._at_ringing(move, party, ringing)
                return Done(move, time.time())
            await party.until_talking(PATIENCE_S)
            await asyncio.sleep(move.after_s)
            talk = await party.until_talking(0.0)
            began = time.time()
            transfer = await self._in_talk(move, party, talk)
            return await self._judged(move, began, transfer) if transfer else Done(move, began)
        except TimeoutError:
            return Done(move, time.time(), "nothing came of it in time")
        except RuntimeError as error:
            return Done(move, time.time(), str(error))

    @staticmethod
    async def _at_ringing(move: Move, party: Moves, ringing: Dialog) -> None:
        match move.do:
            case Do.ANSWER:
                await party.answer(ringing)
            case Do.DECLINE:
                await party.decline(ringing)
            case _:
                await party.forward(ringing, move.to)

    async def _in_talk(self, move: Move, party: Moves, talk: Dialog) -> Transfer | None:
        match move.do:
            case Do.HOLD:
                await party.hold(talk)
            case Do.RESUME:
                await party.resume(talk)
            case Do.PRESS:
                await party.press(talk, move.to)
            case Do.BLIND:
                return await party.blind_transfer(talk, move.to)
            case Do.ASK:
                await self._ask(move, party, talk)
            case Do.JOIN:
                first, beside = self._asks[move.by]
                return await party.attended_transfer(first, await beside.until_talking(PATIENCE_S))
            case Do.TAKE_BACK:
                first, beside = self._asks.pop(move.by)
                await beside.leave()
                await party.resume(first)
            case _:
                await party.hang_up(talk)
        return None

    async def _ask(self, move: Move, party: Moves, talk: Dialog) -> None:
        if not isinstance(party, Phone):
            raise RuntimeError(
                f"only a desk phone that was called can ask a colleague, {move.by or 'the customer'} can't"
            )
        await party.hold(talk)
        beside = party.dial(move.to)
        self._asks[move.by] = talk, beside
        await beside.start()
        await beside.until_some(lambda d: bool(d.ringing_at or d.answered_at or d.over), PATIENCE_S)

    @staticmethod
    async def _judged(move: Move, began: float, transfer: Transfer) -> Done:
        if transfer.answer >= 300:
            return Done(move, began, f"REFER was answered with {transfer.answer}", transfer)
        status = await transfer.until_over(PATIENCE_S)
        return Done(move, began, f"the phone was told {status}" if status >= 300 else "", transfer)
