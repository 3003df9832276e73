"""However a flow ends, the caller is served: by its own word, by the dialplan, or by a clean end."""

import pytest
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.ari.errors import Rejected, ServerFailed
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.facts import EndedBy, Unanswered
from stasis_app.calls.verbs import CallGone


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


async def to_the_night_desk(call: Call) -> None:
    await call.hand_over("night-desk", "s", 1)


async def followed(pbx: Exchange, number: str, status: str) -> None:
    """What Asterisk tells of a phone the dialplan rings for a call that was handed over."""
    phone = e.Channel(id=f"dialplan-{number}", name=f"PJSIP/{number}-00000009")
    pbx.tell(e.Dial, peer=phone, caller=e.Channel(id="1.0"), dialstatus=status)
    await pbx.settled()


async def test_a_call_handed_over_is_watched_to_its_end(pbx: Exchange) -> None:
    pbx.flow = to_the_night_desk
    await pbx.customer_calls()
    assert pbx.requests("watch", "proceed") == [("watch", "1.0"), ("proceed", "1.0", "night-desk", "s", "1")]
    assert [fact.to for fact in pbx.told(f.HandedOver)] == ["night-desk,s,1"]
    assert not pbx.told(f.Ended)

    for status in ("", "RINGING", "ANSWER"):
        await followed(pbx, "102", status)
    await pbx.passes(10)
    await pbx.hangs_up("1.0")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["102"]
    assert round(pbx.the_record.talk_seconds) == 10
    assert pbx.the_record.ended_by is EndedBy.DIALPLAN
    assert pbx.tracker.live() == []
    assert pbx.count()["hang_up"] == 0


async def test_a_phone_the_dialplan_rings_in_vain_is_part_of_the_story(pbx: Exchange) -> None:
    pbx.flow = to_the_night_desk
    await pbx.customer_calls()

    for status in ("", "RINGING", "BUSY"):
        await followed(pbx, "102", status)
    await pbx.hangs_up("1.0")

    assert [(ring.party.number, ring.why) for ring in pbx.the_record.rings] == [("102", Unanswered.BUSY)]


async def test_a_call_that_can_not_be_watched_ends_for_us_when_it_leaves(pbx: Exchange) -> None:
    pbx.flow = to_the_night_desk
    pbx.refuse("watch", Rejected)

    await pbx.customer_calls()

    assert pbx.count()["proceed"] == 1
    assert pbx.the_record.ended_by is EndedBy.DIALPLAN
    assert pbx.tracker.live() == []


async def test_the_caller_is_gone_when_he_is_to_be_handed_over(pbx: Exchange) -> None:
    pbx.flow = to_the_night_desk
    pbx.hold("proceed")
    await pbx.customer_calls()

    await pbx.hangs_up("1.0")
    await pbx.let("proceed")

    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert pbx.told(f.HandedOver) == []
    assert pbx.tracker.live() == []


async def test_a_flow_that_fails_hands_the_caller_to_the_dialplan(pbx: Exchange) -> None:
    async def broken(call: Call) -> None:
        await call.answer()
        raise ZeroDivisionError

    pbx.flow = broken
    await pbx.customer_calls()

    assert pbx.requests("proceed") == [("proceed", "1.0", "", "", "1")]
    assert [fact.to for fact in pbx.told(f.HandedOver)] == [""]


async def test_a_flow_that_returns_hangs_up(pbx: Exchange) -> None:
    async def brief(call: Call) -> None:
        await call.say("we-are-closed")

    pbx.flow = brief
    await pbx.customer_calls()
    await pbx.prompt_ends()

    assert pbx.requests("hang_up") == [("hang_up", "1.0", "16")]
    assert pbx.the_record.ended_by is EndedBy.SERVICE
    assert pbx.tracker.live() == []


async def test_a_flow_hangs_up_with_a_cause(pbx: Exchange) -> None:
    async def busy(call: Call) -> None:
        await call.hang_up(17)

    pbx.flow = busy
    await pbx.customer_calls()

    assert pbx.requests("hang_up", "answer")[0] == ("hang_up", "1.0", "17")


async def test_every_verb_of_a_call_that_is_gone_ends_the_flow(pbx: Exchange) -> None:
    outcomes: list[str] = []

    async def stubborn(call: Call) -> None:
        with pytest.raises(CallGone):
            await call.until(lambda: None)
        for verb in (lambda: call.say("hello"), lambda: call.read("menu"), call.talk, call.hand_over):
            with pytest.raises(CallGone):
                await verb()
            outcomes.append("gone")
        await call.hang_up()
        outcomes.append("hanging up is no error")

    pbx.flow = stubborn
    await pbx.customer_calls()
    await pbx.hangs_up("1.0")

    await pbx.passes(10)

    assert outcomes == ["gone"] * 4 + ["hanging up is no error"]


async def test_the_dialplan_takes_a_call_away_by_itself(pbx: Exchange) -> None:
    """Somebody redirects the channel, e.g. from Asterisk's console: the call is not ours any more."""
    await pbx.customer_calls()

    pbx.tell(e.StasisEnd, channel=pbx.channels["1.0"])
    await pbx.settled()

    assert pbx.told(f.HandedOver)
    assert pbx.the_record.ended_by is EndedBy.DIALPLAN
    assert pbx.tracker.live() == []


async def test_the_dialplan_is_asked_again_when_the_first_request_failed(pbx: Exchange) -> None:
    pbx.flow = to_the_night_desk
    pbx.refuse("proceed", ServerFailed)

    await pbx.customer_calls()

    assert [request[2] for request in pbx.requests("proceed")] == ["night-desk", ""]
    assert pbx.channels["1.0"].dialplan.app_name != "Stasis"
