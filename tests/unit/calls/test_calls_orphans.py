"""After a gap: what no call stands behind is ended, what belongs to others is left alone; and Asterisk restarted."""

from datetime import UTC, datetime, timedelta

import pytest
from calls_asterisk import APP, BEGIN
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.ari.world import World
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy
from stasis_app.calls.orphans import find_orphans
from stasis_app.calls.routing import new_leg
from stasis_app.calls.verbs import Target
from stasis_app.mirror.outcome import outcome

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(minutes=5)
PHONE = new_leg("1.0")


def channel(name: str, app_data: str = "", state: str = "Up") -> e.Channel:
    plan = e.Dialplan(app_name="Stasis", app_data=app_data) if app_data else e.Dialplan(app_name="AppDial2")
    return e.Channel(id=name, state=state, dialplan=plan)


def orphans(world: World, calls: set[str], known: set[str]) -> tuple[set[str], set[str]]:
    found = find_orphans(world, calls, known, APP, NOW)
    return set(found.channels), set(found.bridges)


def test_a_phone_that_rings_for_a_call_that_is_gone_is_ended() -> None:
    world = World((channel(PHONE, state="Ringing"),), (), subscribed=frozenset({PHONE}))

    assert orphans(world, set(), set()) == ({PHONE}, set())
    assert orphans(world, {"1.0"}, {"1.0", PHONE}) == (set(), set())


def test_what_belongs_to_another_application_is_left_alone() -> None:
    ringing = channel(PHONE, state="Ringing")
    talking = channel("2.0", "other,inbound,main")
    world = World((ringing, talking), (e.Bridge(id="2.0-bridge", channels=("2.0",)),))

    assert orphans(world, set(), set()) == (set(), set())


def test_a_bridge_with_a_leftover_and_an_old_empty_one_are_ended_and_a_new_empty_one_is_not() -> None:
    left = channel(PHONE, f"{APP},leg,1.0,employee,101")
    bridges = (
        e.Bridge(id="1.0-bridge", channels=(PHONE,)),
        e.Bridge(id="2.0-bridge-consult", creationtime=OLD),
        e.Bridge(id="3.0-bridge", creationtime=NOW),
        e.Bridge(id="conference", creationtime=OLD),
    )

    assert orphans(World((left,), bridges), set(), set()) == ({PHONE}, {"1.0-bridge", "2.0-bridge-consult"})


def test_a_transfers_local_channel_in_the_bridge_of_a_live_call_stays_and_one_of_no_call_goes() -> None:
    mine, lost = channel("7.1", APP), channel("8.1", APP)
    world = World((mine, lost), (e.Bridge(id="1.0-bridge", channels=("1.0", "7.1")),))

    assert orphans(world, {"1.0"}, {"1.0"}) == ({"8.1"}, set())


async def ring_anna(call: Call) -> None:
    result = await call.ring([Target.extension("101")], seconds=60)
    if result.answered_by:
        await call.talk()


@pytest.fixture
async def pbx() -> Exchange:
    pbx = Exchange()
    pbx.flow = ring_anna
    return pbx


async def restarted(pbx: Exchange, *, lost: float) -> None:
    """Asterisk is killed `lost` seconds after the beginning, and is back ten seconds later."""
    pbx.lose_events()
    pbx.channels.clear()
    pbx.bridges.clear()
    at = BEGIN + timedelta(seconds=lost)
    pbx.tracker.on_world(World((), (), started_at=at + timedelta(seconds=10), lost_at=at))
    await pbx.settled()


async def test_a_talk_that_a_restart_of_asterisk_ended_is_a_talk_as_long_as_it_was(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")

    await restarted(pbx, lost=60)

    assert pbx.tracker.live() == []
    assert pbx.the_record.ended_by is EndedBy.EXCHANGE
    assert pbx.the_record.ended_at == BEGIN + timedelta(seconds=60)
    assert outcome(pbx.the_record).status.value == "200"


async def test_a_caller_a_restart_of_asterisk_cut_off_was_missed_by_nobody(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.rings("101")

    await restarted(pbx, lost=20)

    said = outcome(pbx.the_record)
    assert (said.status.value, said.seconds, said.reason) == ("OTHER", 0, "the telephone exchange was restarted")


async def test_what_asterisk_kept_is_told_before_the_world_is_compared(pbx: Exchange) -> None:
    await pbx.customer_calls()
    await pbx.answers("101")
    hung_up_at = BEGIN + timedelta(minutes=3)
    missed = (e.StasisEnd(timestamp=hung_up_at, channel=pbx.channels.pop("1.0")),)
    gone = (e.ChannelHangupRequest(timestamp=hung_up_at, channel=missed[0].channel, cause=16), *missed)

    pbx.tracker.on_world(World(tuple(pbx.channels.values()), (), missed=gone))
    await pbx.settled()

    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert pbx.the_record.ended_at == hung_up_at
