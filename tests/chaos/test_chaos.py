"""A minute of telephone calls with every move, and the link, the service and the portal failing one after another.

`scripts/chaos` does the same for as long as one likes.
"""

from lab.chaos.faults import LinkCut, PortalTrouble, ServiceKilled
from lab.chaos.run import Chaos, Wish

WISH = Wish(seed=11, minutes=0.8, rate=1.0, fault_every_s=13.0, faults=(LinkCut(), ServiceKilled(), PortalTrouble()))


async def test_no_call_is_lost_or_told_wrongly_and_nobody_is_dropped():
    async with Chaos(WISH) as chaos:
        outcome = await chaos.run()

    assert outcome.verdict.calls > 30
    assert len(outcome.strikes) == 3
    assert [d for d in outcome.verdict.deviations if d.column not in ("", "silent")] == []
