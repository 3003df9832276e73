"""How a call is led from its beginning to its end: running its flow, taking it up again, clearing up after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NO_ANSWER
from stasis_app.calls.control import caller_id
from stasis_app.calls.facts import Party, PartyKind, TransferKind, Unanswered
from stasis_app.calls.moves.attended import resume_consultation
from stasis_app.calls.moves.blind import destinations_of, find_destination, lead_on
from stasis_app.calls.record import CallRecord, Transfer
from stasis_app.calls.state import LegStage
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from stasis_app.calls.call import Call, Flow

# How long the phone of an employee who ordered a call rings, in seconds.
EMPLOYEE_SECONDS = 30.0


async def run_flow(call: Call, flow: Flow) -> None:
    """Run the flow; whatever it does, the caller is served: a flow that fails hands him to the dialplan."""
    try:
        await flow(call)
        if not call.state.ended and call.state.handing_over is None:
            await call.hang_up()
    except CallGone:
        return
    except Exception:
        call.log.exception("The flow of this call failed; the dialplan goes on with it")
        await _give_back(call)


async def _give_back(call: Call) -> None:
    try:
        await call.hand_over()
    except AriError as error:
        # A busy tone is better than silence for ever.
        call.log.error("The dialplan would not take the call, which is hung up: {}", error)
        await call.hang_up(NO_ANSWER)


async def wait_for_end(call: Call) -> None:
    """The flow of a call that somebody else leads, or that is over already: nothing is done to it."""
    await call.until(lambda: False)


def flow_after_restart(record: CallRecord, resume: Flow, *, talks: bool) -> Flow:
    """The flow of a call that lived on while the service was away.

    Who talks goes on talking, a transfer goes on where it stands, everything else begins anew as `resume` says.
    """
    transfer = record.transfer_now
    if transfer is not None and transfer.kind is TransferKind.ATTENDED:
        return partial(_go_on_consulting, transfer=transfer)
    if transfer is not None:
        return partial(_go_on_transferring, transfer=transfer)
    if talks or record.talking_now:
        return go_on_talking

    async def flow(call: Call) -> None:
        await release_others(call)
        await resume(call)

    return flow


async def go_on_talking(call: Call) -> None:
    """The flow of a call that was found talking after a restart.

    Somebody may have been between two bridges in that moment, with the other side listening to music: they are brought
    together again.
    """
    with call.moving():
        if await call.until(lambda: any(leg.alive and leg.in_stasis for leg in call.state.others), 5):
            apart = [leg.id for leg in call.state.others if leg.stage is LegStage.UP and not leg.bridge]
            if apart:
                await _whatever_comes(call, call.control.stop_music(call.state.anchor_leg))
                await call.bridge_ready()
                await call.control.add_to_bridge(call.bridge, call.state.anchor_leg, *apart)
            await call.until(lambda: any(leg.alive and leg.joined for leg in call.state.others), 2)
    await call.talk()


async def _go_on_consulting(call: Call, transfer: Transfer) -> None:
    resume_consultation(call, transfer)
    if call.consultation is None:
        await go_on_talking(call)
    else:
        await call.talk()


async def _go_on_transferring(call: Call, transfer: Transfer) -> None:
    await release_others(call)
    destination = await find_destination(call, transfer.to)
    if destination is None:
        await destinations_of(call).bring_back(call, transfer.party)
    else:
        await lead_on(call, destination, transfer.party)


async def employee_first(call: Call, flow: Flow) -> None:
    """The flow of a call that was ordered: ring the phone of whoever ordered it, then go on with `flow`."""
    caller = call.state.caller
    try:
        await call.control.originate(
            caller.id,
            call.options.endpoint.format(extension=caller.party.number),
            appArgs=f"outbound,{call.record.dialled}",
            callerId=caller_id(Party(PartyKind.CUSTOMER, call.record.dialled)),
            timeout=round(EMPLOYEE_SECONDS),
        )
    except AriError as error:
        call.log.info("The phone of extension {} can't be called: {}", caller.party.number, error)
        await call.control.hang_up(caller.id, NO_ANSWER)
        call.intend(i.HangingUp(i.now()))
        call.intend(i.DialFailed(i.now(), caller.id))
        return
    if not await call.until(lambda: call.state.caller.stage is LegStage.UP, EMPLOYEE_SECONDS + 5):
        await call.hang_up(NO_ANSWER)
        return
    await flow(call)


async def release_others(call: Call, but: Sequence[str] = ()) -> None:
    """Hang up every leg but the anchor, and `but` these."""
    alive = [leg for leg in call.state.others if leg.alive and leg.id not in but]
    await asyncio.gather(*(call.release(leg.id, Unanswered.CANCELLED) for leg in alive))


async def clean_up(call: Call) -> None:
    """After the end: release what is left, and destroy the bridge once its recording is complete."""
    await release_others(call, but=call.outlive())
    if not call.bridged:
        return
    # A recording ends by itself when everybody has left.
    await call.wait(lambda: not call.state.recordings, 3)
    for name in call.state.recordings:
        await _whatever_comes(call, call.control.stop_recording(name))
    await call.wait(lambda: not call.state.recordings, 3)
    for name in call.state.recordings:
        # Its end was missed in a gap of the events; the file is there all the same.
        call.intend(i.RecordingOver(i.now(), name, call.options.record_format))
    await _whatever_comes(call, call.control.destroy_bridge(call.bridge))


async def _whatever_comes(call: Call, request: Awaitable[None]) -> None:
    """One step of clearing up; should it fail, the others are still worth doing."""
    try:
        await request
    except AriError as error:
        call.log.warning("Not everything could be cleared up: {}", error)
