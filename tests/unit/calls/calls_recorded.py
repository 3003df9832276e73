"""Calls that are recorded: how, and who talks in them."""

from calls_fakes import Exchange

from stasis_app.calls.call import Call
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import RecordingPolicy
from stasis_app.calls.verbs import Target

WHOLE = RecordingPolicy(RecordingMode.CALL)
EACH = RecordingPolicy(RecordingMode.TALK)
STEREO = RecordingPolicy(RecordingMode.CALL, stereo=True)


async def ring_anna(call: Call) -> None:
    await call.answer()
    if (await call.ring([Target.extension("101")], seconds=20)).answered_by:
        await call.talk()


async def anna_then_boris(call: Call) -> None:
    """Anna talks with the customer, then Boris does."""
    await call.answer()
    await call.ring([Target.extension("101")], seconds=20)
    with call.moving():
        await call.until(lambda: not any(leg.alive for leg in call.state.others))
        await call.ring([Target.extension("102")], seconds=20)
    await call.talk()


async def calling(policy: RecordingPolicy, flow=ring_anna) -> Exchange:
    """A customer has called, and nobody has answered yet."""
    pbx = Exchange(policy=policy)
    pbx.flow = flow
    await pbx.customer_calls()
    return pbx


async def talking(policy: RecordingPolicy, flow=ring_anna) -> Exchange:
    """Anna has."""
    pbx = await calling(policy, flow)
    await pbx.answers("101")
    await pbx.settled()
    return pbx


def names(pbx: Exchange) -> list[str]:
    return [recorded.name for recorded in pbx.the_record.recordings]
