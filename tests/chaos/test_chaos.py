"""A minute of telephone calls with every move, and one thing after another failing: the link, the service and the
portal; the database server.

`scripts/chaos` does the same for as long as one likes.
"""

import pytest

from lab.chaos.faults import (
    DatabaseAwayAtStart,
    DatabaseCut,
    DatabaseFrozen,
    DatabaseKilled,
    LinkCut,
    PortalTrouble,
    ServiceKilled,
    Storage,
)
from lab.chaos.run import Chaos, Wish

AROUND = (LinkCut(), ServiceKilled(), PortalTrouble(["502", "reset", "lost-reply"]))
SERVER = (DatabaseKilled(), DatabaseFrozen(), DatabaseCut(), DatabaseAwayAtStart())
DAYS = {
    ("link cut", "service killed", "portal"): Wish(seed=26, minutes=0.8, fault_every_s=12.0, faults=AROUND),
    ("database away at the start", "database frozen", "database cut", "database killed"): Wish(
        seed=117, minutes=0.7, fault_every_s=9.0, faults=SERVER, storage=Storage.MARIADB
    ),
}


@pytest.mark.parametrize(("faults", "wish"), DAYS.items(), ids=["sqlite", "mariadb"])
async def test_no_call_is_lost_or_told_wrongly_and_nobody_is_dropped(faults, wish):
    async with Chaos(wish) as chaos:
        outcome = await chaos.run()

    assert outcome.verdict.calls > 30
    assert tuple(strike.name.partition(":")[0] for strike in outcome.strikes) == faults
    assert [d for d in outcome.verdict.deviations if d.column not in ("", "silent")] == []
