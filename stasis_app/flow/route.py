"""Where a call begins: from the street through the plan, from a phone to a number or another phone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from loguru import logger

from stasis_app.ari import SteppedBack
from stasis_app.calls.facts import Direction, Unanswered
from stasis_app.calls.verbs import CallGone, CallHandle, RingResult, Target
from stasis_app.crm import extension_of
from stasis_app.flow.codes import Code
from stasis_app.flow.context import FlowContext
from stasis_app.flow.forwarding import LedToElement
from stasis_app.flow.plan import Plan
from stasis_app.flow.run import hand_over_safely, run_plan
from stasis_app.flow.step import Step, tell_client

_DIALLED = re.compile(r"\+?[0-9*#]{1,32}")

NUMBER_INCOMPLETE = 28
TEMPORARY_FAILURE = 41
# What the employee's phone is told, as Q.850, when Asterisk gave no cause of its own for the leg.
CAUSES: Mapping[Unanswered, int] = {
    Unanswered.NO_ANSWER: 19,
    Unanswered.BUSY: 17,
    Unanswered.DECLINED: 21,
    Unanswered.UNREACHABLE: 20,
    Unanswered.ANSWERED_ELSEWHERE: 26,
    Unanswered.CANCELLED: 16,
}


async def route_call(plan: Plan, call: CallHandle, context: FlowContext) -> None:
    """Do with a new call what its record says: which way it goes, its element, line and dialled number."""
    # No name keeps the record: this frame lives as long as the call, whose record goes on.
    match call.record.direction:
        case Direction.INBOUND:
            await route_inbound(plan, call, context, call.record.element, call.record.line)
        case Direction.OUTBOUND:
            await route_outbound(call, context, call.record.dialled)
        case Direction.INTERNAL:
            await route_internal(plan, call, context, call.record.dialled)


async def resume_call(plan: Plan, call: CallHandle, context: FlowContext) -> None:
    """Go on with a call that waited somewhere when the service was restarted: the element it stood at starts again."""
    last = call.record.visited[-1] if call.record.visited else None
    if last is None or last.element not in plan.elements:
        await route_call(plan, call, context)
        return
    why = "the service was restarted: the element starts again"
    await run_plan(plan, call, context, last.element, why, since=last.entered_at)


async def learn_client(call: CallHandle, context: FlowContext) -> None:
    """Ask the portal whose number this is, beside the call and for as long as it takes.

    Whatever the plan asks or does not ask: the card and a missed call's responsible need to know the client.
    """
    number = Step(call, context).number
    if context.phonebook.known(number) is not None:
        return
    found = await context.phonebook.lookup(number, beside=True)
    if found.client is not None:
        tell_client(call, found.client)


async def learn_client_outside(call: CallHandle, context: FlowContext) -> None:
    """Find out whose number it is that a call between employees has gone on to."""
    _tell_known_client(call, context)
    await learn_client(call, context)


async def route_inbound(plan: Plan, call: CallHandle, context: FlowContext, element: str = "", did: str = "") -> None:
    """Lead a call from a trunk through the plan until it is over or handed over.

    `element` and `did` are the arguments of Stasis(), "" when the dialplan gave none.
    """
    _tell_known_client(call, context)
    beginning, why = plan.entry(element, did or call.record.line, context.numbers)
    if element and element != beginning:
        logger.bind(call=call.id).warning("The dialplan names element {}, which the plan does not have", element)
    await run_plan(plan, call, context, beginning, why)


async def route_outbound(call: CallHandle, context: FlowContext, number: str) -> None:
    """Ring an outside number for an employee, and tell his phone why it was not answered."""
    _tell_known_client(call, context)
    await _dial(call, context, "outbound", number, Target.outside(number), context.outbound_seconds)


async def route_internal(plan: Plan, call: CallHandle, context: FlowContext, extension: str) -> None:
    """Do what a code of ours means, lead to the element of a number of the plan, or ring another employee's phone.

    What is none of these is the dialplan's.
    """
    if found := context.codes.find(extension):
        await _run_code(call, context, *found)
        return
    if extension in plan.numbers:
        await run_plan(plan, call, context, plan.numbers[extension], f"an employee dialled {extension}")
        return
    if not extension_of(extension):
        call.visit("internal", "dialplan", "no extension")
        await hand_over_safely(call)
        return
    target = Step(call, context).target(extension)
    try:
        await _dial(call, context, "internal", extension, target, context.internal_seconds)
    except LedToElement as led:
        await run_plan(plan, call, context, led.element, led.why)


async def _run_code(call: CallHandle, context: FlowContext, code: Code, digits: str) -> None:
    """The dialplan knows no codes of ours: one that fails can only be told by a busy tone."""
    try:
        call.visit("internal", "code", f"the employee dialled the code {code.code}")
        await code.action(Step(call, context), digits)
    except (CallGone, SteppedBack):
        return
    except Exception:
        logger.bind(call=call.id).exception("The code {} failed", code.code)
        await call.hang_up(TEMPORARY_FAILURE)


async def _dial(call: CallHandle, context: FlowContext, kind: str, number: str, target: Target, seconds: float) -> None:
    try:
        call.visit(kind, "ring", f"the employee dialled {number}")
        if not _DIALLED.fullmatch(number):
            await call.hang_up(NUMBER_INCOMPLETE)
            return
        result = await Step(call, context).reach(target, seconds=seconds)
        if result.answered_by is None:
            await call.hang_up(_cause(call, result))
    except (CallGone, SteppedBack):
        return
    except LedToElement:
        raise
    except Exception:
        logger.bind(call=call.id).exception("Ringing failed: the dialplan takes the call")
        await hand_over_safely(call)


def _cause(call: CallHandle, result: RingResult) -> int:
    """The cause the network gave for the last leg, else the one that fits the outcome."""
    last = call.record.rings[-1] if call.record.rings else None
    if last is not None and last.cause not in (0, 16):
        return last.cause
    return CAUSES[result.tried[-1][1] if result.tried else Unanswered.UNREACHABLE]


def _tell_known_client(call: CallHandle, context: FlowContext) -> None:
    """The phonebook in memory costs no time, so even calls whose plan asks for no responsible have their client."""
    client = context.phonebook.known(Step(call, context).number)
    if client is not None:
        tell_client(call, client)
