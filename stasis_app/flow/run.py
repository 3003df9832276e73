"""Walking a call through the plan.

Whatever goes wrong in an element, the caller is served: by the plan's `on_error` element, else by the dialplan.
"""

from __future__ import annotations

from datetime import UTC, datetime

from loguru import logger

from stasis_app.ari import SteppedBack
from stasis_app.calls.verbs import CallGone, CallHandle
from stasis_app.flow.context import FlowContext
from stasis_app.flow.forwarding import LedToElement
from stasis_app.flow.plan import Plan
from stasis_app.flow.step import Step

ENDLESS = 31
"""Q.850 "normal, unspecified": the cause of hanging up on a caller whom the plan leads in circles."""


async def run_plan(
    plan: Plan,
    call: CallHandle,
    context: FlowContext,
    element: str,
    why: str = "",
    *,
    since: datetime | None = None,
) -> None:
    """Lead a call through the plan from `element` until it is over or handed over.

    `since` is when it came to that element, if that was before a restart of the service.

    Returns when the caller hangs up, too. Raises nothing but cancellation.
    """
    step = Step(call, context)
    try:
        await _walk(plan, step, element, why, since)
    except (CallGone, SteppedBack):
        return
    except Exception:
        logger.bind(call=call.id).exception("The plan failed at element {}: the dialplan takes the call", step.name)
        await hand_over_safely(call)


async def hand_over_safely(call: CallHandle) -> None:
    """Give the call to the dialplan; a call that can't even be given back is hung up rather than left in silence."""
    try:
        await call.hand_over()
    except (CallGone, SteppedBack):
        return
    except Exception:
        logger.bind(call=call.id).exception("The call can't be handed over: hanging up")
        try:
            await call.hang_up(41)  # Q.850 "temporary failure"
        except (CallGone, SteppedBack):
            return
        except Exception:
            logger.bind(call=call.id).exception("The call can't be hung up either")


async def _walk(plan: Plan, step: Step, element: str, why: str, since: datetime | None) -> None:
    upcoming: str | None = element
    step.why = why
    step.resumed = since is not None
    while upcoming is not None:
        step.name = upcoming
        step.visits += 1
        step.visits_without_key += 1
        if step.visits_without_key > step.context.visit_limit or step.visits > step.context.visit_total:
            await _stop_circling(step)
            return
        step.entered_at = since if step.resumed and since else datetime.now(UTC)
        upcoming = await _one(plan, step, upcoming)
        step.resumed = False


async def _stop_circling(step: Step) -> None:
    passed = f"{step.visits - 1} elements, {step.visits_without_key - 1} of them since the last key"
    logger.bind(call=step.call.id).warning("The plan leads the caller in circles ({}), last to {}", passed, step.name)
    step.call.visit(step.name, "limit", f"in circles: {passed}")
    await step.call.hang_up(ENDLESS)


async def _one(plan: Plan, step: Step, name: str) -> str | None:
    """One element; when it fails, the way to `on_error`, unless that is what failed."""
    element = plan.elements[name]
    step.call.visit(name, element.kind, step.why, since=step.entered_at if step.resumed else None)
    if element.record is not None:
        step.call.recording.choose(element.record)
    try:
        following = await element.run(step)
        if following is not None and following not in plan.elements:
            raise LookupError(f'element {name} leads to "{following}", which is not in the plan')
    except (CallGone, SteppedBack):
        raise
    except LedToElement as led:
        return step.go(led.element, led.why)
    except Exception as error:
        if not plan.on_error or plan.on_error == name:
            raise
        logger.bind(call=step.call.id).exception("Element {} failed: the call goes on at {}", name, plan.on_error)
        return step.go(plan.on_error, f"{name} failed: {type(error).__name__}")
    return following
