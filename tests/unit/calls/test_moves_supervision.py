"""Supervisors: heard by nobody, by the employee, by all; never a party of the call."""

import pytest
from calls_fakes import Exchange, rings_101

from stasis_app.ari.errors import ServerFailed
from stasis_app.calls import facts as f
from stasis_app.calls.moves import ImpossibleMove, conference, supervision
from stasis_app.calls.moves.supervision import Mode
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target

SUPERVISOR, BESIDE = "1.0-sup-109", "1.0-bridge-sup-109"


@pytest.fixture
async def pbx() -> Exchange:
    """A customer talks with 101."""
    pbx = Exchange()
    await pbx.customer_talks()
    return pbx


async def comes(pbx: Exchange, mode: Mode) -> None:
    await supervision.supervise(pbx.call, "109", mode)
    await pbx.answers("109")


@pytest.mark.parametrize(("mode", "whispers"), [(Mode.LISTEN, "none"), (Mode.WHISPER, "out")])
async def test_he_hears_the_employees_leg_and_says_nothing_or_to_the_employee(
    pbx: Exchange, mode: Mode, whispers: str
) -> None:
    await comes(pbx, mode)

    ((snoop, spied),) = pbx.spying.items()
    assert spied == (pbx.leg("101"), whispers)
    assert sorted(pbx.bridges[BESIDE]) == sorted([snoop, SUPERVISOR])
    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg("101")]


async def test_he_speaks_with_everybody(pbx: Exchange) -> None:
    await comes(pbx, Mode.BARGE)

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg("101"), SUPERVISOR]
    assert pbx.spying == {}


async def test_he_is_no_party_of_the_call(pbx: Exchange) -> None:
    await comes(pbx, Mode.BARGE)

    assert [talk.party.number for talk in pbx.the_record.talks] == ["101"]
    assert [ring.party.number for ring in pbx.the_record.rings] == ["101"]
    assert [(fact.extension, fact.mode) for fact in pbx.told(f.Supervised)] == [("109", "barge")]
    assert pbx.tracker.engaged("109")


@pytest.mark.parametrize("last", list(Mode))
async def test_he_changes_the_mode_while_he_is_there(pbx: Exchange, last: Mode) -> None:
    await comes(pbx, Mode.LISTEN)
    for mode in (Mode.WHISPER, Mode.BARGE, last):
        await supervision.supervise(pbx.call, "109", mode)
        await pbx.settled()

    where = "1.0-bridge" if last is Mode.BARGE else BESIDE
    assert [name for name, members in pbx.bridges.items() if SUPERVISOR in members] == [where]
    assert len(pbx.spying) == (last is not Mode.BARGE)
    assert pbx.count()["originate"] == 2  # 101 and he, once


async def test_the_call_ends_and_he_with_it(pbx: Exchange) -> None:
    await comes(pbx, Mode.LISTEN)

    await pbx.hangs_up("1.0")

    assert (pbx.channels, pbx.bridges) == ({}, {})
    assert not pbx.tracker.engaged("109")


async def test_he_hangs_up_and_the_call_goes_on(pbx: Exchange) -> None:
    await comes(pbx, Mode.WHISPER)

    await pbx.hangs_up(SUPERVISOR)

    assert pbx.spying == {}
    assert pbx.phones_ringing_or_up() == {"trunk", "101"}
    assert list(pbx.bridges) == ["1.0-bridge"]
    assert pbx.the_record.supervisors == {}
    assert not pbx.tracker.engaged("109")


async def test_he_is_sent_away(pbx: Exchange) -> None:
    await comes(pbx, Mode.LISTEN)

    await supervision.stop(pbx.call, "109")
    await pbx.settled()

    assert pbx.phones_ringing_or_up() == {"trunk", "101"}
    with pytest.raises(ImpossibleMove, match="does not supervise"):
        await supervision.stop(pbx.call, "109")


async def test_he_does_not_answer(pbx: Exchange) -> None:
    await supervision.supervise(pbx.call, "109", Mode.LISTEN)

    await pbx.declines("109")

    assert pbx.the_record.supervisors == {}
    assert pbx.told(f.SupervisionEnded) != []


async def test_his_phone_can_not_be_called(pbx: Exchange) -> None:
    pbx.refuse("originate", 500)

    with pytest.raises(ServerFailed):
        await supervision.supervise(pbx.call, "109", Mode.LISTEN)

    assert pbx.the_record.supervisors == {}


async def test_the_employee_leaves_and_he_hears_the_next_one(pbx: Exchange) -> None:
    await comes(pbx, Mode.LISTEN)
    leg = conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.answers("102")

    await pbx.hangs_up(pbx.leg("101"))

    assert list(pbx.spying.values()) == [(leg, "none")]


async def test_who_talks_in_the_call_does_not_supervise_it(pbx: Exchange) -> None:
    with pytest.raises(ImpossibleMove, match="takes part"):
        await supervision.supervise(pbx.call, "101", Mode.LISTEN)


async def test_a_call_that_rings_is_not_supervised() -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    await pbx.customer_calls()

    with pytest.raises(ImpossibleMove, match="no employee talks"):
        await supervision.supervise(pbx.call, "109", Mode.LISTEN)


async def test_after_a_restart_he_is_still_there_and_goes_with_the_call(pbx: Exchange) -> None:
    await comes(pbx, Mode.LISTEN)
    record = pbx.the_record

    pbx.tracker = Tracker(pbx, pbx.call_options, pbx._run, [pbx._told], "stasis-app")
    pbx.tracker.restore([record])
    await pbx.link_is_back()
    await supervision.supervise(pbx.call, "109", Mode.BARGE)
    await pbx.settled()
    assert SUPERVISOR in pbx.bridges["1.0-bridge"]

    await pbx.hangs_up("1.0")
    await pbx.passes(1)
    assert pbx.channels == {}
