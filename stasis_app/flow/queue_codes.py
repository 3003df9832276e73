"""The codes an agent dials at his phone to sign into his queues and out of them, and to pause.

Each says what it did with prompts of Asterisk's core sounds.
"""

from __future__ import annotations

from stasis_app.flow.step import Step

SIGNED_IN, SIGNED_OUT = "agent-loginok", "agent-loggedoff"
PAUSED, BACK = "activated", "de-activated"
NO_QUEUE = "pbx-invalid"


async def sign_in_or_out(step: Step, digits: str) -> None:
    """Sign the agent whose phone dialled out of all his queues, or into them when he is in none."""
    signed_in = step.context.queues.toggle(step.call.record.caller.number)
    match signed_in:
        case None:
            await step.call.say(NO_QUEUE)
        case True:
            await step.call.say(SIGNED_IN)
        case False:
            await step.call.say(SIGNED_OUT)


async def pause_or_go_on(step: Step, digits: str) -> None:
    """Let the agent whose phone dialled pause in all his queues, or go on."""
    queues, extension = step.context.queues, step.call.record.caller.number
    paused = not queues.paused(extension)
    queues.pause(extension, paused=paused, reason="by code" if paused else "")
    await step.call.say(PAUSED if paused else BACK)
