"""Hold, mute and keys ordered through us, beside the hold of a phone itself."""

import pytest
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.moves import ImpossibleMove, holding
from stasis_app.calls.restore import restored_state


@pytest.fixture
async def pbx() -> Exchange:
    """A customer talks with 101."""
    pbx = Exchange()
    await pbx.customer_talks()
    return pbx


async def test_the_customer_hears_music_and_the_conversation_goes_on(pbx: Exchange) -> None:
    await holding.hold(pbx.call, "101")
    await pbx.settled()

    assert pbx.music == {"1.0"}
    assert pbx.silenced == {(pbx.leg("101"), "both")}
    (held,) = pbx.told(f.Held)
    assert (held.party.number, held.by_phone) == ("101", False)
    assert pbx.the_record.held == {pbx.leg("101"): False}
    assert [talk.ended_at for talk in pbx.the_record.talks] == [None]


async def test_taken_back_they_hear_each_other(pbx: Exchange) -> None:
    await holding.hold(pbx.call, "101")
    await pbx.settled()

    await holding.resume(pbx.call, "101")
    await pbx.settled()

    assert (pbx.music, pbx.silenced, pbx.the_record.held) == (set(), set(), {})
    assert [type(fact) for fact in pbx.told(f.Held) + pbx.told(f.Resumed)] == [f.Held, f.Resumed]


async def test_ordered_twice_it_is_done_once(pbx: Exchange) -> None:
    for _ in range(2):
        await holding.hold(pbx.call, "101")
        await pbx.settled()
    for _ in range(2):
        await holding.resume(pbx.call, "101")
        await pbx.settled()

    assert pbx.requests("start_music", "stop_music") == [("start_music", "1.0"), ("stop_music", "1.0")]


async def test_a_phone_holds_and_the_customer_hears_music_from_us(pbx: Exchange) -> None:
    """In a bridge of more than two, or one recorded as a whole, Asterisk plays none."""
    pbx.tell(e.ChannelHold, channel=pbx.channels[pbx.leg("101")])
    await pbx.settled()
    assert pbx.music == {"1.0"}

    pbx.tell(e.ChannelUnhold, channel=pbx.channels[pbx.leg("101")])
    await pbx.settled()
    assert pbx.music == set()


async def test_what_a_phone_holds_only_the_phone_takes_back(pbx: Exchange) -> None:
    pbx.tell(e.ChannelHold, channel=pbx.channels[pbx.leg("101")])
    await pbx.settled()

    with pytest.raises(ImpossibleMove, match="only that ends it"):
        await holding.resume(pbx.call, "101")
    with pytest.raises(ImpossibleMove, match="already"):
        await holding.hold(pbx.call, "101")


async def test_an_unhold_of_the_phone_before_its_transfer_ends_no_hold_of_ours(pbx: Exchange) -> None:
    await holding.hold(pbx.call, "101")
    await pbx.settled()

    pbx.tell(e.ChannelUnhold, channel=pbx.channels[pbx.leg("101")])
    await pbx.settled()

    assert pbx.told(f.Resumed) == []
    assert restored_state(pbx.the_record).legs[pbx.leg("101")].held_by_us


async def test_the_holder_hangs_up_and_the_call_is_over(pbx: Exchange) -> None:
    await holding.hold(pbx.call, "101")
    await pbx.settled()

    await pbx.hangs_up(pbx.leg("101"))

    assert pbx.channels == {}
    assert pbx.the_record.held == {}


async def test_muted_the_others_hear_him_no_longer(pbx: Exchange) -> None:
    await holding.mute(pbx.call, "101")
    assert pbx.silenced == {(pbx.leg("101"), "in")}
    assert pbx.the_record.muted == (pbx.leg("101"),)

    await holding.unmute(pbx.call, "101")
    assert pbx.silenced == set()
    assert [fact.party.number for fact in pbx.told(f.Muted) + pbx.told(f.Unmuted)] == ["101", "101"]


async def test_who_muted_himself_before_a_hold_is_muted_after_it(pbx: Exchange) -> None:
    await holding.mute(pbx.call, "101")
    await holding.hold(pbx.call, "101")
    await pbx.settled()

    await holding.resume(pbx.call, "101")
    await pbx.settled()

    assert (pbx.leg("101"), "in") in pbx.silenced


async def test_keys_are_sent_to_the_party_named(pbx: Exchange) -> None:
    await holding.send_dtmf(pbx.call, "1.0", "12#")

    assert pbx.requests("send_dtmf") == [("send_dtmf", "1.0", "12#")]


@pytest.mark.parametrize("move", [holding.hold, holding.resume, holding.mute, holding.unmute])
async def test_who_takes_no_part_is_refused_and_the_participants_are_named(pbx: Exchange, move: object) -> None:
    with pytest.raises(ImpossibleMove, match=r"'109' takes no part .* 101"):
        await move(pbx.call, "109")  # type: ignore[operator]
