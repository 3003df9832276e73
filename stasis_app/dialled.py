"""What the codes of the configuration do, wired to the rooms that do it: taking calls that ring or are parked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from stasis_app.calls import Call, Tracker
from stasis_app.calls.causes import NO_ANSWER
from stasis_app.calls.features import Action
from stasis_app.calls.moves import ImpossibleMove, pickup
from stasis_app.calls.moves.parking import ParkingLot
from stasis_app.calls.moves.pickup import PickupGroups
from stasis_app.calls.record import CallRecord
from stasis_app.crm import Extensions
from stasis_app.flow import Codes, add_extension_codes
from stasis_app.flow.codes import CodeAction
from stasis_app.flow.queue_codes import pause_or_go_on, sign_in_or_out
from stasis_app.flow.step import Step
from stasis_app.settings import CodeSettings


def dialled_codes(
    settings: CodeSettings,
    *,
    extensions: Extensions,
    groups: PickupGroups,
    lot: ParkingLot,
    tracker: Callable[[], Tracker],
) -> Codes:
    """The table of codes; the tracker is asked for when it is needed, since it comes after the table."""
    codes = Codes()
    add_extension_codes(codes, settings, extensions)

    def ringing(step: Step, colleague: str) -> CallRecord | None:
        return pickup.ringing_call(tracker().live(), groups, step.call.record.caller.number, colleague)

    codes.add(settings.queue_sign_in, sign_in_or_out)
    codes.add(settings.queue_pause, pause_or_go_on)
    codes.add(settings.pickup, _taking(ringing, tracker), digits=True)
    for slot in lot.options.slots:
        codes.add(slot, _taking(partial(_parked, lot, slot), tracker))
    return codes


def _parked(lot: ParkingLot, slot: str, step: Step, digits: str) -> CallRecord | None:
    return lot.in_slot(slot)


def _taking(find: Callable[[Step, str], CallRecord | None], tracker: Callable[[], Tracker]) -> CodeAction:
    """Take the call that is found; who finds none hears that nobody answers."""

    async def act(step: Step, digits: str) -> None:
        record = find(step, digits)
        call = tracker().get(record.call_id) if record else None
        if call is None or not isinstance(step.call, Call):
            await step.call.hang_up(NO_ANSWER)
        elif call.record.parked:
            await pickup.take_parked(step.call, call)
        else:
            await pickup.take(step.call, call)

    return act


def parking_by_keys(lot: ParkingLot) -> Action:
    """What an employee's keys do in a conversation: park the call, telling him where first."""

    async def park(call: Call, leg: str) -> None:
        try:
            lot.park(call, leg, announce=True)
        except ImpossibleMove as error:
            call.log.info("The call is not parked: {}", error)
            await call.control.play(leg, "sound:pbx-invalidpark", f"{call.id}-{secrets.token_hex(4)}")

    return park
