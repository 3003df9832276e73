"""The link to Asterisk is lost in the middle of an attended transfer: what happened meanwhile is made good."""

from collections.abc import Awaitable, Callable

import pytest
from transfers_office import ANNA, BORIS, Office

from stasis_app.calls.facts import TransferResult
from stasis_app.calls.moves.consultation import Happening

Meanwhile = Callable[[Office], Awaitable[None]]
WHILE_BORIS_RINGS: list[tuple[str, Meanwhile, list[set[str]], TransferResult | None]] = [
    ("nothing", lambda pbx: pbx.settled(), [{"customer"}], None),
    ("Boris declines", lambda pbx: pbx.declines(BORIS), [{"customer", ANNA}], TransferResult.UNANSWERED),
    ("the customer leaves", lambda pbx: pbx.hangs_up("1.0"), [], TransferResult.ABANDONED),
]
WHILE_THEY_TALK: list[tuple[str, Meanwhile, list[set[str]], TransferResult | None]] = [
    ("nothing", lambda pbx: pbx.settled(), [{"customer"}, {ANNA, BORIS}], None),
    ("Anna leaves", lambda pbx: pbx.hangs_up(pbx.leg(ANNA)), [{"customer", BORIS}], TransferResult.COMPLETED),
    ("Boris leaves", lambda pbx: pbx.hangs_up(pbx.leg(BORIS)), [{"customer", ANNA}], TransferResult.CANCELLED),
    ("the customer leaves", lambda pbx: pbx.hangs_up("1.0"), [{ANNA, BORIS}], TransferResult.ABANDONED),
]


@pytest.fixture
async def pbx() -> Office:
    """Anna, who talks with the customer, asks Boris."""
    pbx = Office()
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    return pbx


async def gap(pbx: Office, meanwhile: Meanwhile) -> None:
    pbx.lose_events()
    await meanwhile(pbx)
    await pbx.passes(3)
    await pbx.link_is_back()
    await pbx.passes(3)


@pytest.mark.parametrize(
    ("meanwhile", "together", "result"), [case[1:] for case in WHILE_BORIS_RINGS], ids=[c[0] for c in WHILE_BORIS_RINGS]
)
async def test_while_boris_rings(
    pbx: Office, meanwhile: Meanwhile, together: list[set[str]], result: TransferResult | None
) -> None:
    await gap(pbx, meanwhile)

    assert pbx.results() == [result]
    assert (pbx.together() if pbx.tracker.live() else list(pbx.channels)) == together


@pytest.mark.parametrize(
    ("meanwhile", "together", "result"), [case[1:] for case in WHILE_THEY_TALK], ids=[c[0] for c in WHILE_THEY_TALK]
)
async def test_while_they_talk(
    pbx: Office, meanwhile: Meanwhile, together: list[set[str]], result: TransferResult | None
) -> None:
    await pbx.answers(BORIS)
    await gap(pbx, meanwhile)

    assert pbx.results() == [result]
    assert pbx.together() == together


async def test_boris_answers_in_the_gap_and_they_talk(pbx: Office) -> None:
    await gap(pbx, lambda office: office.answers(BORIS))

    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    await pbx.orders(Happening.COMPLETE)
    await pbx.passes(2)
    assert pbx.together() == [{"customer", BORIS}]
