"""Stories in which calls are moved, on an Asterisk without the service: what the lab finds out about them is true."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from lab.asterisk import Asterisk
from lab.company import Company
from lab.compare import credited
from lab.phones import Carrier, Manner
from lab.stage import RealCall, play
from lab.story import Client, Do, Move, Numbers, PlannedCall, Story

N = Numbers(1)
ANNA, BORIS, VERA, OUTSIDE = N.phone(1), N.phone(2), N.phone(3), N.outside(1)
PHONES = (Manner(ANNA, ring_s=0.3), Manner(BORIS, ring_s=0.5), Manner(VERA, ring_s=None))
pytestmark = pytest.mark.asyncio(loop_scope="module")


def story(call: PlannedCall) -> Story:
    return Story("moves", (call,), PHONES, clients=(Client(N.client(1), ANNA, "Ivan"),), outside=(Manner(OUTSIDE),))


COMPANY = Company([story(PlannedCall(N.client(1), N.did, ""))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moves")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx() -> AsyncIterator[Asterisk]:
    async with Asterisk(COMPANY.accounts, globals={"STASIS_RECEPTION": f"PJSIP/{ANNA}"}) as running:
        yield running
        assert "0 active channels" in await running.cli("core show channels count")


async def played(pbx: Asterisk, folder: Path, call: PlannedCall) -> RealCall:
    async with Carrier(pbx, folder, numbers=[Manner(OUTSIDE, ring_s=0.3)]) as carrier:
        (real,) = await play(story(call), pbx, carrier, folder)
    return real


async def test_a_colleague_is_asked_and_takes_the_call(pbx: Asterisk, folder: Path):
    moves = (
        Move(ANNA, Do.ASK, BORIS),
        Move(ANNA, Do.JOIN, after_s=1.5),
        Move("", Do.HANG_UP, after_s=2.0),
    )
    real = await played(pbx, folder, PlannedCall(N.client(1), N.did, "", [ANNA, BORIS], moves=moves))

    assert [done.failed for done in real.done] == ["", "", ""]
    assert [talk.number for talk in real.talks] == [ANNA, BORIS]
    anna, boris = real.talks
    assert anna.seconds == pytest.approx(1.0, abs=0.5)
    assert boris.seconds == pytest.approx(2.0, abs=0.5)
    assert real.silence < 1.0  # music meanwhile
    assert credited(real, COMPANY) == COMPANY.user_of(BORIS)
    assert {leg.number for leg in real.legs} == {ANNA, BORIS}


async def test_a_colleague_who_does_not_answer_leaves_the_call_where_it_was(pbx: Asterisk, folder: Path):
    moves = (
        Move(ANNA, Do.ASK, VERA),
        Move(ANNA, Do.TAKE_BACK),
        Move(ANNA, Do.BLIND, "nowhere", refused=True),
        Move(ANNA, Do.HANG_UP),
    )
    real = await played(pbx, folder, PlannedCall(N.client(1), N.did, "", [ANNA, VERA], moves=moves))

    assert [bool(done.failed) for done in real.done] == [False, False, True, False]
    assert [talk.number for talk in real.talks] == [ANNA, ANNA]
    assert credited(real, COMPANY) == COMPANY.user_of(ANNA)
    shortest, longest = real.talk_seconds
    asks, takes_back, *_ = real.done
    assert shortest == pytest.approx(longest - (takes_back.at - asks.at), abs=0.6)


async def test_whoever_placed_a_call_sends_it_on(pbx: Asterisk, folder: Path):
    moves = (
        Move(ANNA, Do.BLIND, VERA, after_s=1.5),
        Move(VERA, Do.ANSWER, after_s=0.5),
        Move("", Do.HANG_UP, after_s=2.0),
    )
    real = await played(pbx, folder, PlannedCall(ANNA, OUTSIDE, "", [VERA], moves=moves, outbound=True))

    assert [done.failed for done in real.done] == ["", "", ""]
    assert [talk.number for talk in real.talks] == [ANNA, VERA]
    assert credited(real, COMPANY) == COMPANY.user_of(VERA)
