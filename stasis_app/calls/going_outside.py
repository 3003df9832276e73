"""A call between employees that goes on to an outside number: transferred there, or somebody there is asked to join.

From then on it is an outgoing call, placed by who let it go there. An employee who is rung at his mobile is no outside
party: with him the call stays what it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls.facts import Direction, Party, PartyKind

if TYPE_CHECKING:
    from stasis_app.calls.call import Call
    from stasis_app.calls.verbs import Target


def tell_outside(call: Call, target: Target, by: Party | None) -> None:
    """Before `target` is rung: tell that the call goes outside, if this is where it does.

    `by` is the employee who calls him for himself, None when it is the call that is led there.
    """
    record = call.record
    if record.direction is not Direction.INTERNAL or target.party.kind is not PartyKind.CUSTOMER:
        return
    transfer, number = record.transfer_now, target.outside_number
    placed_by = by or (transfer.party if transfer is not None else record.caller)
    line = call.options.trunks.line_of(number, extension=placed_by.number)
    call.note(f.WentOutside(call_id=call.id, at=i.now(), number=number, by=placed_by, line=line))
