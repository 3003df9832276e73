"""One of three gives the call away: the others go on talking, whatever comes of it. And two transfers at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from transfers_office import ANNA, BORIS, TO_BORIS, VERA, Office, local_half

from stasis_app.ari import events as e
from stasis_app.calls.facts import Party, PartyKind, TransferKind, TransferResult
from stasis_app.calls.moves import ImpossibleMove, conference
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.moves.order import order_transfer
from stasis_app.calls.verbs import Target

BLIND = TransferKind.BLIND
DECLINED = "channel_declined"
TO_VERA = Destination(VERA, Party(PartyKind.EMPLOYEE, VERA))


@pytest.fixture
async def pbx() -> Office:
    """The customer, Anna and Boris talk."""
    pbx = Office()
    await pbx.talks_with_anna()
    conference.invite(pbx.call, Target.extension(BORIS))
    await pbx.settled()
    await pbx.answers(BORIS)
    await pbx.passes(5)
    return pbx


async def by_keys(pbx: Office) -> None:
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses(*VERA, "#", channel=anna)


async def by_order(pbx: Office) -> None:
    await order_transfer(pbx.call, VERA, BLIND, ANNA)
    await pbx.settled()


async def by_her_phone(pbx: Office) -> None:
    referred(pbx, pbx.leg(ANNA), VERA)
    await pbx.passes(1.5)


def referred(pbx: Office, source: str, to: str) -> None:
    refer_to = {"requested_destination": {"destination": to}}
    pbx.tell(e.ChannelTransfer, refer_to=refer_to, referred_by={"source_channel": {"id": source}})


@pytest.mark.parametrize("second_first", [False, True])
async def test_an_older_server_carries_it_out_and_either_half_may_come_first(pbx: Office, second_first: bool) -> None:
    anna = pbx.leg(ANNA)
    if second_first:
        await local_half(pbx, 2, "internal", VERA, to=VERA)
    await local_half(pbx, 1, replaces=anna, to=VERA)
    if not second_first:
        await local_half(pbx, 2, "internal", VERA, to=VERA)
    await pbx.passes(1.5)
    await pbx.answers(VERA)

    assert pbx.together() == [{"customer", BORIS, VERA}]
    assert pbx.results() == [TransferResult.COMPLETED]


@pytest.mark.parametrize("gives_it_to_vera", [by_keys, by_order, by_her_phone])
async def test_the_others_talk_on_while_the_phone_rings_and_the_newcomer_joins_them(
    pbx: Office, gives_it_to_vera: Callable[[Office], Awaitable[None]]
) -> None:
    anna = pbx.leg(ANNA)
    await gives_it_to_vera(pbx)
    await pbx.rings(VERA)
    assert pbx.together() == [{"customer", BORIS}]
    assert (pbx.music, anna in pbx.channels) == (set(), False)
    await pbx.passes(5)
    await pbx.answers(VERA)

    assert pbx.together() == [{"customer", BORIS, VERA}]
    assert pbx.results() == [TransferResult.COMPLETED]
    assert pbx.the_record.transfers[0].to_party == TO_VERA.party
    await pbx.hangs_up("1.0")
    assert pbx.channels == {}


async def test_the_newcomer_declines_and_the_others_talk_on(pbx: Office) -> None:
    await by_keys(pbx)
    await pbx.rings(VERA)
    await pbx.declines(VERA)
    await pbx.passes(5)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.phones_ringing_or_up() == {"trunk", BORIS}
    assert pbx.plan.story == []
    assert pbx.results() == [TransferResult.UNANSWERED]
    await pbx.hangs_up(pbx.leg(BORIS))
    assert pbx.channels == {}


async def test_whom_the_newcomer_forwards_to_joins_them(pbx: Office) -> None:
    pbx.plan.forwards[VERA] = (VERA, "79160000001")
    await by_keys(pbx)
    await pbx.declines(VERA)
    await pbx.answers("79160000001")

    assert pbx.together() == [{"customer", BORIS, "79160000001"}]


async def test_boris_leaves_too_and_nobody_takes_it_the_customer_comes_back_to_anna(pbx: Office) -> None:
    await by_keys(pbx)
    await pbx.rings(VERA)
    await pbx.hangs_up(pbx.leg(BORIS))
    assert ("ring", "1.0") in pbx.asked
    await pbx.declines(VERA)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


@pytest.mark.parametrize("answers_meanwhile", [False, True])
async def test_after_a_restart_the_newcomer_joins_them(pbx: Office, answers_meanwhile: bool) -> None:
    await by_keys(pbx)
    await pbx.rings(VERA)
    pbx.lose_events()
    if answers_meanwhile:
        await pbx.answers(VERA)
    after = Office()
    after.asked, after.channels, after.bridges = list(pbx.asked), pbx.channels, pbx.bridges
    after.tracker.restore(pbx.records.values())
    await after.link_is_back()
    await after.passes(3)
    assert {"customer", BORIS} <= after.together()[0]
    if not answers_meanwhile:
        await after.answers(VERA)

    assert after.together() == [{"customer", BORIS, VERA}]
    assert after.results() == [TransferResult.COMPLETED]


@pytest.mark.parametrize(
    ("to", "why"),
    [(Destination("sales"), "others go on talking"), (TO_BORIS, "102 takes part in the call already")],
)
async def test_where_nobody_can_join_them_it_is_refused(pbx: Office, to: Destination, why: str) -> None:
    with pytest.raises(ImpossibleMove, match=why):
        give_away(pbx.call, pbx.leg(ANNA), to)

    assert pbx.together() == [{"customer", ANNA, BORIS}]
    assert pbx.results() == []


async def test_refused_by_keys_she_is_back_with_them(pbx: Office) -> None:
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses(*BORIS, "#", channel=anna)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", ANNA, BORIS}]
    assert ("play", anna, "sound:pbx-invalid") in pbx.asked


# Two transfers at once


async def test_of_two_transfers_ordered_in_the_same_moment_the_second_is_refused() -> None:
    pbx = Office()
    await pbx.talks_with_anna()
    first, second = await asyncio.gather(
        order_transfer(pbx.call, BORIS, BLIND), order_transfer(pbx.call, VERA, BLIND), return_exceptions=True
    )
    assert first is None
    assert isinstance(second, ImpossibleMove)
    assert "a transfer to 102 is under way" in str(second)
    await pbx.settled()
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]
    assert VERA not in pbx.phones_ringing_or_up()


async def test_while_vera_is_rung_for_them_boris_can_not_give_the_call_away(pbx: Office) -> None:
    await by_order(pbx)
    boris = pbx.leg(BORIS)
    for kind in TransferKind:
        with pytest.raises(ImpossibleMove, match="a transfer to 103 is under way"):
            await order_transfer(pbx.call, ANNA, kind)
    await pbx.presses("#", "#", channel=boris)
    await pbx.presses("*", "2", channel=boris)
    referred(pbx, boris, ANNA)
    await pbx.settled()

    assert ("tell_transferrer", boris, DECLINED) in pbx.asked
    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [None]
