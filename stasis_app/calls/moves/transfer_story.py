"""The facts that tell a transfer's story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Party, TransferKind, TransferResult

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


def tell_started(call: Call, leg: str, kind: TransferKind, to: str, target_leg: str = "") -> None:
    """A transfer begins: the party of `leg` moves the call to `to`."""
    call.note(
        f.TransferStarted(
            call_id=call.id,
            at=i.now(),
            leg=leg,
            party=call.leg(leg).party,
            kind=kind,
            to=to,
            target_leg=target_leg,
        )
    )


def tell_ended(call: Call, result: TransferResult, to_party: Party | None = None) -> None:
    """The transfer under way has come to this; nothing is told when there is none, or the call is over."""
    begun = call.record.transfer_now
    if begun is None:
        return
    call.note(
        f.TransferEnded(
            call_id=call.id,
            at=i.now(),
            leg=begun.leg,
            party=begun.party,
            to=begun.to,
            result=result,
            to_party=to_party,
        )
    )
