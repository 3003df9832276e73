"""How a call is led from its beginning to its end: running its flow, taking it up again, clearing up after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone, SteppedBack
from stasis_app.calls import intents as i
from stasis_app.calls.causes import NO_ANSWER, NORMAL
from stasis_app.calls.control import caller_id
from stasis_app.calls.facts import Party, PartyKind, TransferKind, TransferResult, Unanswered
from stasis_app.calls.moves.blind import come_back, destinations_of, find_destination, lead_on
from stasis_app.calls.moves.conference import take_up_invitations
from stasis_app.calls.moves.consulting import resume_consultation
from stasis_app.calls.moves.giving import gives_his_place, go_on_giving
from stasis_app.calls.moves.transfer_story import tell_ended
from stasis_app.calls.prompts import PLAYBACKS, playback_of
from stasis_app.calls.record import CallRecord, Transfer
from stasis_app.calls.state import LegStage
from stasis_app.calls.steps import be_remembered, try_to
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from stasis_app.calls.call import Call, Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A call ordered over the API or in the CRM.

    Args:
        extension: whose phone rings first; "" when he is only reached at `mobile`.
        number: who is called then.
        line: the line it should go out by.
        caller_id: the number to show, "" for the line's or the employee's.
        auto_answer: whether the phone should answer by itself; None: as is configured.
        mobile: the employee's number in the public network, to be rung instead of his phone.
        name: the employee's name.
        callback: whether the customer asked to be called.
    """

    extension: str
    number: str
    line: str = ""
    caller_id: str = ""
    auto_answer: bool | None = None
    mobile: str = ""
    name: str = ""
    callback: bool = False


async def run_flow(call: Call, flow: Flow) -> None:
    """Run the flow; whatever it does, the caller is served: a flow that fails hands him to the dialplan."""
    try:
        await flow(call)
        if not call.state.ended and call.state.handing_over is None:
            await call.hang_up()
    except (CallGone, SteppedBack):
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


async def hand_over(call: Call, context: str, exten: str, priority: int) -> None:
    """Give the call back to the dialplan, and go on watching how it ends."""
    if call.state.ended:
        raise CallGone(call.id)
    anchor = call.state.anchor_leg
    await release_others(call)
    try:
        await call.control.watch(anchor)
        watched = True
    except AriError as error:
        call.log.warning("The call can't be watched after it is handed over: {}", error)
        watched = False
    place = f"{context},{exten},{priority}" if context else ""
    call.intend(i.HandingOver(i.now(), place, watched))
    await call.asking_caller(call.control.proceed(anchor, context, exten, priority))


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
    if transfer is not None and talks and gives_his_place(record, transfer):
        return partial(_go_on_giving_place, transfer=transfer)
    if transfer is not None:
        return partial(_go_on_transferring, transfer=transfer)
    if record.parked is None and (talks or _talked_until_now(record)):
        return go_on_talking

    async def flow(call: Call) -> None:
        await asyncio.gather(stop_prompts(call), release_others(call))
        await resume(call)

    return flow


def _talked_until_now(record: CallRecord) -> bool:
    """Whether somebody was in the talk when the call was last seen, or had just left it and nothing followed yet.

    Somebody else than the party the call lives for: a client who was dialled has a leg that was answered, too.
    """
    anchor = record.anchor or record.call_id
    rings = [ring for ring in record.rings if ring.leg != anchor]
    caller_stays = anchor != record.call_id and not record.caller_left
    if caller_stays or any(ring.answered_at and not ring.ended_at for ring in rings):
        return True
    left_alone = anchor in record.in_bridge and all(ring.ended_at for ring in rings)
    nothing_followed = record.talks and all(visit.at <= record.talks[-1].began_at for visit in record.visited)
    return bool(left_alone and nothing_followed)


async def stop_prompts(call: Call) -> None:
    """Stop whatever the instance before us left playing: the channel does nothing else until it ends."""
    playbacks = [playback_of(call.state.anchor_leg, number) for number in range(PLAYBACKS)]
    for playback in playbacks:
        await try_to(call.control.stop_playing(playback), call.log)


async def go_on_talking(call: Call) -> None:
    """The flow of a call that was found talking after a restart, or in the moment after the talk: then it ends.

    Somebody may have been between two bridges in that moment, with the other side listening to music: they are brought
    together again.
    """
    with call.moving():
        if await call.until(lambda: _are_back(call) or not any(leg.alive for leg in call.state.others), 5):
            apart = [leg.id for leg in call.state.others if leg.stage is LegStage.UP and not leg.bridge]
            if apart:
                await try_to(call.control.stop_music(call.state.anchor_leg), call.log)
                await call.bridge_ready()
                await call.control.add_to_bridge(call.bridge, call.state.anchor_leg, *apart)
            await call.until(lambda: any(leg.alive and leg.joined for leg in call.state.others), 2)
    take_up_invitations(call)
    await call.talk()


def _are_back(call: Call) -> bool:
    return any(leg.alive and leg.in_stasis for leg in call.state.others)


async def _go_on_consulting(call: Call, transfer: Transfer) -> None:
    resume_consultation(call, transfer)
    if call.consultation is not None:
        await call.talk()
    elif any(leg.alive for leg in call.state.others):
        tell_ended(call, TransferResult.CANCELLED)
        await go_on_talking(call)
    else:
        # Who transferred had left, and nobody was being asked any more.
        await come_back(call, transfer.party)


async def _go_on_giving_place(call: Call, transfer: Transfer) -> None:
    call.move(go_on_giving(call, transfer))
    await go_on_talking(call)


async def _go_on_transferring(call: Call, transfer: Transfer) -> None:
    await release_others(call)
    destination = await find_destination(call, transfer.to)
    if destination is None:
        await destinations_of(call).bring_back(call, transfer.party)
    else:
        await lead_on(call, destination, transfer.party)


async def employee_first(call: Call, flow: Flow, order: Order) -> None:
    """The flow of a call that was ordered: ring the phone of whoever ordered it, then go on with `flow`."""
    caller = call.state.caller
    await be_remembered(call)  # killed in this moment, the service would order the call once more
    try:
        await _ring_employee(call, order)
    except AriError as error:
        call.log.info("The phone of {} can't be called: {}", order.mobile or caller.party.number, error)
        await call.control.hang_up(caller.id, NO_ANSWER)
        call.intend(i.HangingUp(i.now()))
        call.intend(i.DialFailed(i.now(), caller.id))
        return
    await once_employee_answers(call, flow)


async def _ring_employee(call: Call, order: Order) -> None:
    options, caller, number = call.options, call.state.caller, call.record.dialled
    endpoint = options.endpoint.format(extension=caller.party.number)
    shown, variables = number, options.auto_answer.variables(caller.party.number, order.auto_answer)
    if order.mobile:
        attempts = options.trunks.attempts(order.mobile, line=call.record.chosen_line, caller_id=call.record.caller_id)
        if not attempts:
            raise Gone("originate", f"no trunk serves {order.mobile}", 404)
        endpoint, shown, variables = attempts[0].endpoint, attempts[0].caller_id or number, {}
    await call.control.originate(
        caller.id,
        endpoint,
        appArgs=f"outbound,{number}",
        callerId=caller_id(Party(PartyKind.CUSTOMER, shown)),
        timeout=round(options.employee_seconds),
        **({"variables": variables} if variables else {}),
    )


async def once_employee_answers(call: Call, flow: Flow) -> None:
    """Wait for the employee who ordered the call, then go on with `flow`."""
    if not await call.until(lambda: call.state.caller.stage is LegStage.UP, call.options.employee_seconds + 5):
        await call.hang_up(NO_ANSWER)
        return
    await flow(call)


async def release_others(call: Call, but: Sequence[str] = ()) -> None:
    """Hang up every leg but the anchor, and `but` these."""
    alive = [leg for leg in call.state.others if leg.alive and leg.id not in but]
    await asyncio.gather(*(call.release(leg.id, Unanswered.CANCELLED) for leg in alive))


async def clean_up(call: Call) -> None:
    """After the end: release what is left, see the recordings to their end, and destroy the bridge."""
    await release_others(call, but=call.outlive())
    for channel in tuple(call.asides):
        await try_to(call.control.hang_up(channel, NORMAL), call.log)
    await call.recording.close()
    if call.bridged:
        await try_to(call.control.destroy_bridge(call.bridge), call.log)
