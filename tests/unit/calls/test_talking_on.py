"""The customer hung up, and Anna and Boris have more to say to each other: they do, though the service is restarted."""

from collections.abc import Awaitable, Callable

import pytest
from transfers_office import ANNA, BORIS, Office, restarted

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy, TransferResult
from stasis_app.calls.verbs import Target

CLIENT = "79161112233"


async def customer_calls_and_leaves(pbx: Office) -> None:
    """He called, Anna asks Boris, and he does not wait."""
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.hangs_up("1.0")


async def client_is_called_and_leaves(pbx: Office) -> None:
    """The same with somebody Anna has called: her own channel began the call."""

    async def dials(call: Call) -> None:
        if (await call.ring([Target.outside(CLIENT)], seconds=30)).answered_by:
            await call.talk()

    pbx.flow = dials
    await pbx.arrives("outbound", CLIENT, name="PJSIP/101-00000001", number=ANNA)
    await pbx.answers(CLIENT)
    client = pbx.leg(CLIENT)
    await pbx.anna_asks(leg="1.0")
    await pbx.answers(BORIS)
    await pbx.hangs_up(client)


BEGINNINGS = [customer_calls_and_leaves, client_is_called_and_leaves]


def who_talks(pbx: Office) -> list[list[str]]:
    return [sorted(pbx.channels[member].name.split("-")[0] for member in talk) for talk in pbx.bridges.values() if talk]


@pytest.mark.parametrize("begins", BEGINNINGS)
@pytest.mark.parametrize("first", [ANNA, BORIS])
async def test_after_a_restart_they_talk_on_until_one_hangs_up(
    begins: Callable[[Office], Awaitable[None]], first: str
) -> None:
    pbx = Office()
    await begins(pbx)
    after = await restarted(pbx, 5)
    assert who_talks(after) == [["PJSIP/101", "PJSIP/102"]]
    assert after.tracker.live() == []
    assert after.facts == []

    (leaves,) = (name for name, channel in after.channels.items() if channel.name.startswith(f"PJSIP/{first}-"))
    await after.hangs_up(leaves)
    await after.passes(1)
    assert after.channels == {}
    assert after.bridges == {}


async def test_they_talk_on_through_a_second_restart_and_a_lost_link() -> None:
    pbx = Office()
    await customer_calls_and_leaves(pbx)
    after = await restarted(await restarted(pbx, 5), 5)
    after.lose_events()
    await after.link_is_back()
    await after.passes(5)

    assert who_talks(after) == [["PJSIP/101", "PJSIP/102"]]


async def test_one_hangs_up_while_the_link_is_away_and_the_other_is_let_go() -> None:
    pbx = Office()
    await customer_calls_and_leaves(pbx)
    after = await restarted(pbx, 5)
    after.lose_events()
    await after.hangs_up(pbx.leg(ANNA))
    await after.link_is_back()
    await after.passes(1)

    assert after.channels == {}
    assert after.bridges == {}


async def test_the_customer_leaves_while_the_service_is_away_and_they_talk_on() -> None:
    pbx = Office()
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx.lose_events()
    await pbx.hangs_up("1.0")
    after = await restarted(pbx, 5)
    assert who_talks(after) == [["PJSIP/101", "PJSIP/102"]]
    assert len(after.told(f.Ended)) == 1
    assert after.results() == [TransferResult.ABANDONED]

    after.lose_events()
    await after.link_is_back()
    assert who_talks(after) == [["PJSIP/101", "PJSIP/102"]]
    await after.hangs_up(pbx.leg(BORIS))
    await after.passes(3)
    assert (after.channels, after.bridges) == ({}, {})
    assert after.tracker.live() == []
    assert after.the_record.ended_by is not EndedBy.SERVICE


async def test_the_customer_waits_and_the_journal_is_lost_he_is_not_forgotten() -> None:
    pbx = Office()
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx.records.clear()
    after = await restarted(pbx, 5)

    assert [record.call_id for record in after.tracker.live()] == ["1.0"]
