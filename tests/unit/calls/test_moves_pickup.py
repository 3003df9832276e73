"""A colleague's ringing phone is picked up: by a dialled code, over the API, by Asterisk's own Pickup()."""

import pytest
from calls_fakes import Exchange, rings_101

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.causes import ANSWERED_ELSEWHERE, NORMAL
from stasis_app.calls.entry import leg_args
from stasis_app.calls.facts import Party, PartyKind, Unanswered
from stasis_app.calls.moves import ImpossibleMove, conference, pickup
from stasis_app.calls.moves.pickup import PickupGroups
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target

GROUPS = PickupGroups({"sales": ["101", "102"], "service": ["103", "104"]})


class Office:
    """Calls from outside ring 101 and 102; `*8` takes what rings at a colleague's, `*8<extension>` what rings there."""

    def __init__(self, pbx: Exchange) -> None:
        self.pbx = pbx
        self.found: list[str | None] = []

    async def flow(self, call: Call) -> None:
        if call.record.dialled.startswith("*8"):
            await self._pick_up(call, call.record.dialled.removeprefix("*8"))
            return
        result = await call.ring([Target.extension("101"), Target.extension("102")], seconds=20)
        if result.answered_by:
            await call.talk()
        else:
            await call.hang_up(19)

    async def _pick_up(self, visitor: Call, colleague: str) -> None:
        live = self.pbx.tracker.live()
        found = pickup.ringing_call(live, PickupGroups(), visitor.state.anchor.party.number, colleague)
        self.found.append(found.call_id if found else None)
        call = self.pbx.tracker.get(found.call_id) if found else None
        if call is not None:
            await pickup.take(visitor, call)
        else:
            await visitor.hang_up(19)


@pytest.fixture
async def pbx() -> Exchange:
    pbx = Exchange()
    pbx.tracker = Tracker(
        pbx, pbx.call_options, pbx._run, [pbx._told], "stasis-app", unlisted=lambda entry: entry.dialled[:1] == "*"
    )
    pbx.flow = Office(pbx).flow
    await pbx.customer_calls()
    await pbx.rings("101", "102")
    return pbx


async def dials(pbx: Exchange, extension: str, code: str, channel: str = "9.0") -> None:
    await pbx.arrives("internal", code, channel=channel, name=f"PJSIP/{extension}-0000000f", number=extension)


@pytest.mark.parametrize("code", ["*8", "*8101", "*8102"])
async def test_the_phone_that_dialled_talks_and_the_others_miss_nothing(pbx: Exchange, code: str) -> None:
    await dials(pbx, "103", code)

    assert pbx.bridges == {"1.0-bridge": ["1.0", "9.0"]}
    assert {request[2] for request in pbx.requests("hang_up")} == {"26"}
    assert [ring.why for ring in pbx.the_record.rings if ring.leg != "9.0"] == [Unanswered.ANSWERED_ELSEWHERE] * 2
    assert [talk.party.number for talk in pbx.the_record.talks] == ["103"]
    (picked,) = pbx.told(f.PickedUp)
    assert (picked.party.number, picked.rang) == ("103", ("101", "102"))


async def test_the_call_of_the_code_is_nobodys_business(pbx: Exchange) -> None:
    await dials(pbx, "103", "*8")

    assert {fact.call_id for fact in pbx.facts} == {"1.0"}
    assert [record.call_id for record in pbx.tracker.live()] == ["1.0"]


async def test_his_phone_is_busy_while_he_talks_and_free_afterwards(pbx: Exchange) -> None:
    await dials(pbx, "103", "*8")
    assert pbx.tracker.engaged("103")

    await pbx.hangs_up("1.0")
    assert not pbx.tracker.engaged("103")


async def test_he_hangs_up_and_the_call_is_over(pbx: Exchange) -> None:
    await dials(pbx, "103", "*8")

    await pbx.hangs_up("9.0")

    assert pbx.channels == {}
    assert pbx.the_record.ended_by == "employee"
    assert pbx.tracker.live() == []


async def test_two_pick_up_at_once_and_one_of_them_talks(pbx: Exchange) -> None:
    pbx.hold("answer")
    await dials(pbx, "103", "*8", channel="9.0")
    await dials(pbx, "104", "*8", channel="9.1")
    await pbx.let("answer")
    await pbx.passes(10)

    (members,) = pbx.bridges.values()
    assert len(members) == 2
    assert set(pbx.channels) == set(members)


async def test_the_picker_gives_up_in_the_same_moment_and_the_phones_ring_on(pbx: Exchange) -> None:
    pbx.hold("answer")
    await dials(pbx, "103", "*8")
    await pbx.hangs_up("9.0")
    await pbx.let("answer")

    assert pbx.phones_ringing_or_up() == {"trunk", "101", "102"}


async def test_nothing_rings_and_nothing_is_taken(pbx: Exchange) -> None:
    await pbx.answers("101")

    await dials(pbx, "103", "*8")

    assert pbx.told(f.PickedUp) == []
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101")]}


async def test_over_the_api_his_phone_rings_beside_the_others_until_he_answers(pbx: Exchange) -> None:
    await pickup.take_with_phone(pbx.call, "103")
    await pbx.settled()
    await pbx.rings("103")
    assert pbx.phones_ringing_or_up() == {"trunk", "101", "102", "103"}

    await pbx.answers("103")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["103"]
    assert pbx.phones_ringing_or_up() == {"trunk", "103"}


async def test_over_the_api_a_colleague_is_faster_and_his_phone_falls_silent(pbx: Exchange) -> None:
    await pickup.take_with_phone(pbx.call, "103")
    await pbx.settled()
    await pbx.rings("103")

    await pbx.answers("102")
    await pbx.passes(10)

    assert pbx.phones_ringing_or_up() == {"trunk", "102"}


async def test_over_the_api_a_call_that_talks_is_refused(pbx: Exchange) -> None:
    await pbx.answers("101")

    with pytest.raises(ImpossibleMove, match="rings at nobody's phone"):
        await pickup.take_with_phone(pbx.call, "103")


async def test_who_is_rung_into_a_conversation_is_meant_and_nobody_else_joins_it(pbx: Exchange) -> None:
    await pbx.answers("101")
    conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")

    await dials(pbx, "103", "*8102")

    assert pbx.told(f.PickedUp) == []
    assert "103" not in pbx.phones_ringing_or_up()
    await pbx.answers("102")
    assert pbx.bridges == {"1.0-bridge": ["1.0", pbx.leg("101"), pbx.leg("102")]}


async def asterisk_has_103_pick_up(pbx: Exchange, whose: str, cause: int = NORMAL) -> None:
    """Seen on 22.10: the ringing leg is destroyed, then the picking channel comes with the arguments of that leg."""
    args = leg_args("1.0", Party(PartyKind.EMPLOYEE, whose)).split(",")
    await pbx.hangs_up(pbx.leg(whose), cause)
    await pbx.passes(0.2)
    name = "PJSIP/103-0000000f"
    pbx.channels["9.0"] = e.Channel(id="9.0", name=name, state="Up", dialplan=e.Dialplan(app_name="Stasis"))
    pbx.tell(e.StasisStart, channel=pbx.channels["9.0"], args=args)
    await pbx.settled()


@pytest.mark.parametrize("cause", [NORMAL, ANSWERED_ELSEWHERE])
async def test_asterisks_own_pickup_of_the_only_phone_that_rings(cause: int) -> None:
    pbx = Exchange()
    pbx.flow = rings_101
    await pbx.customer_calls()
    await pbx.rings("101")
    await asterisk_has_103_pick_up(pbx, "101", cause)

    assert [talk.party.number for talk in pbx.the_record.talks] == ["103"]
    assert pbx.phones_ringing_or_up() == {"trunk", "103"}


@pytest.mark.parametrize("cause", [NORMAL, ANSWERED_ELSEWHERE])
async def test_asterisks_own_pickup_of_the_phone_that_rings_for_who_was_left_alone(cause: int) -> None:
    pbx = Exchange()
    await pbx.customer_talks()
    conference.invite(pbx.call, Target.extension("102"))
    await pbx.settled()
    await pbx.rings("102")
    await pbx.hangs_up(pbx.leg("101"))
    await asterisk_has_103_pick_up(pbx, "102", cause)

    assert pbx.bridges == {"1.0-bridge": ["1.0", "9.0"]}


async def test_asterisks_own_pickup_the_party_is_who_picked_up(pbx: Exchange) -> None:
    await asterisk_has_103_pick_up(pbx, "101")

    assert [talk.party.number for talk in pbx.the_record.talks] == ["103"]
    assert pbx.phones_ringing_or_up() == {"trunk", "103"}


@pytest.mark.parametrize(
    ("picker", "takes"), [("101", "of sales"), ("102", "of sales"), ("103", "of service"), ("109", "of sales")]
)
async def test_without_a_name_the_call_of_ones_own_group_is_taken(picker: str, takes: str) -> None:
    pbx = Exchange()

    async def flow(call: Call) -> None:
        await call.ring([Target.extension("102" if call.id == "1.0" else "104")], seconds=20)

    pbx.flow = flow
    for channel, extension in (("1.0", "102"), ("2.0", "104")):
        await pbx.customer_calls(channel)
        await pbx.rings(extension)

    found = pickup.ringing_call(pbx.tracker.live(), GROUPS, picker)

    assert found is not None
    assert {"1.0": "of sales", "2.0": "of service"}[found.call_id] == takes
