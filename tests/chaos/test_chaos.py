"""A minute of telephone calls with every move, and the link, the service and the portal failing one after another.

`scripts/chaos` does the same for as long as one likes.
"""

from lab.chaos.faults import LinkCut, PortalTrouble, ServiceKilled
from lab.chaos.run import Chaos, Wish

FAULTS = (LinkCut(), ServiceKilled(), PortalTrouble(["502", "reset", "lost-reply"]))
WISH = Wish(seed=26, minutes=0.8, rate=1.0, fault_every_s=12.0, faults=FAULTS)


async def test_no_call_is_lost_or_told_wrongly_and_nobody_is_dropped():
    async with Chaos(WISH) as chaos:
        outcome = await chaos.run()

    assert outcome.verdict.calls > 30
    assert [strike.name.partition(":")[0] for strike in outcome.strikes] == ["link cut", "service killed", "portal"]
    assert [d for d in outcome.verdict.deviations if d.column not in ("", "silent")] == []
