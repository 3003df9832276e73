"""Transfers: who talks with the customer, who hears what, whom the call is credited to, whoever leaves when."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from calls_fakes import Exchange

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls.call import Call, CallOptions
from stasis_app.calls.facts import Direction, EndedBy, Party, PartyKind, TransferResult, Unanswered
from stasis_app.calls.features import FeatureCodes
from stasis_app.calls.moves.attended import start_consultation
from stasis_app.calls.moves.blind import transfer_blind
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.number_plan import NumberPlan, Trunk
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target

ANNA, BORIS, VERA = "101", "102", "103"


class Rung:
    """Rings these one after another."""

    def __init__(self, targets: list[Target]) -> None:
        self.targets = targets
        self.refused = None if targets else Unanswered.BUSY

    async def next(self, why: Unanswered | None = None) -> Target | None:
        return self.targets.pop(0) if self.targets else None


class Plan:
    """Leads to phones; what nobody takes goes back, then ends."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.forwards: dict[str, tuple[str, ...]] = {}  # who is rung in the place of an extension, one after another
        self.busy: set[str] = set()

    async def find(self, to: str) -> Destination | None:
        return Destination(to, Party(PartyKind.EMPLOYEE, to)) if to in (ANNA, BORIS, VERA) else None

    def following(self, call: Call, party: Party) -> Rung:
        chain = self.forwards.get(party.number, (party.number,))
        return Rung([Target.outside(n) if len(n) > 6 else Target.extension(n) for n in chain if n not in self.busy])

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        assert destination.party is not None
        result = await call.ring([Target(destination.party)], seconds=20)
        if result.answered_by:
            self.story.append(f"{result.answered_by.number} took it")
            await call.talk()
        elif by is not None:
            await self.bring_back(call, by)

    async def bring_back(self, call: Call, by: Party) -> None:
        self.story.append(f"back to {by.number}")
        result = await call.ring([Target(by)], seconds=20)
        if result.answered_by:
            await call.talk()


class Office(Exchange):
    """An exchange whose employees can transfer."""

    def __init__(self, options: CallOptions | None = None) -> None:
        super().__init__(options=options)
        self.plan = Plan()
        self.tracker = Tracker(
            self, self.call_options, self._run, [self._told], "stasis-app", destinations=self.plan, codes=FeatureCodes()
        )
        self.flow = anna_takes_it

    async def talks_with_anna(self) -> None:
        await self.customer_calls()
        await self.answers(ANNA)
        await self.passes(10)

    async def anna_asks(self, whom: str = BORIS) -> None:
        target = await self.plan.find(whom)
        assert target is not None
        start_consultation(self.call, self.leg(ANNA), target)
        await self.settled()

    def orders(self, happening: Happening) -> bool:
        assert self.call.consultation is not None
        return self.call.consultation.order(happening)

    def together(self) -> list[set[str]]:
        """Who is in a bridge with whom."""
        names = {"1.0": "customer"} | {leg.id: leg.party.number for leg in self.the_legs()}
        return [{names[member] for member in members} for members in self.bridges.values() if members]

    def the_legs(self):
        return [leg for leg in self.call.state.legs.values() if leg.id != "1.0"]

    def talked(self) -> list[tuple[str, int]]:
        return [(talk.party.number, round(talk.seconds())) for talk in self.the_record.talks]

    def results(self) -> list[TransferResult | None]:
        return [transfer.result for transfer in self.the_record.transfers]


async def anna_takes_it(call: Call) -> None:
    if (await call.ring([Target.extension(ANNA)], seconds=20)).answered_by:
        await call.talk()


@pytest.fixture
async def pbx() -> Office:
    return Office()


# Blind


async def test_a_blind_transfer_goes_on_without_the_transferrer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    pbx.call.spawn(transfer_blind(pbx.call, anna, Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))))
    await pbx.settled()
    assert anna not in pbx.channels
    await pbx.rings(BORIS)
    await pbx.passes(3)
    await pbx.answers(BORIS)
    assert pbx.together() == [{"customer", BORIS}]
    await pbx.passes(20)
    await pbx.hangs_up("1.0")

    assert pbx.talked() == [(ANNA, 10), (BORIS, 20)]
    assert pbx.plan.story == ["102 took it"]
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert len(pbx.told(f.Ended)) == 1
    assert pbx.tracker.live() == []


async def test_nobody_takes_it_and_it_comes_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.spawn(transfer_blind(pbx.call, pbx.leg(ANNA), Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))))
    await pbx.settled()
    await pbx.rings(BORIS)
    await pbx.declines(BORIS)
    await pbx.answers(ANNA)
    assert pbx.together() == [{"customer", ANNA}]
    await pbx.passes(5)
    await pbx.hangs_up(pbx.leg(ANNA))

    assert pbx.plan.story == ["back to 101"]
    assert pbx.talked() == [(ANNA, 10), (ANNA, 5)]
    assert pbx.channels == {}


async def test_the_customer_gives_up_while_it_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.spawn(transfer_blind(pbx.call, pbx.leg(ANNA), Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))))
    await pbx.settled()
    await pbx.rings(BORIS)
    await pbx.hangs_up("1.0")

    assert pbx.channels == {}
    assert pbx.talked() == [(ANNA, 10)]
    assert pbx.tracker.live() == []


async def test_an_employee_who_placed_the_call_gives_it_away(pbx: Office) -> None:
    async def dials(call: Call) -> None:
        if (await call.ring([Target.outside("79161112233")], seconds=30)).answered_by:
            await call.talk()

    pbx.flow = dials
    await pbx.arrives("outbound", "79161112233", name="PJSIP/101-00000001", number=ANNA)
    await pbx.answers("79161112233")
    await pbx.passes(10)
    pbx.call.spawn(transfer_blind(pbx.call, "1.0", Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))))
    await pbx.settled()
    assert "1.0" not in pbx.channels
    assert not pbx.told(f.Ended)
    await pbx.answers(BORIS)
    await pbx.passes(7)
    await pbx.hangs_up(pbx.leg("79161112233"))

    assert pbx.the_record.direction is Direction.OUTBOUND
    assert pbx.talked() == [(ANNA, 10), (BORIS, 7)]
    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert len(pbx.told(f.Ended)) == 1


# Attended


async def test_the_customer_hears_music_while_anna_asks(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    assert ("start_music", "1.0") in pbx.asked
    assert ("ring", pbx.leg(ANNA)) in pbx.asked
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    assert pbx.the_record.talking_now == ()


LEAVING = [
    ("she hangs up", lambda pbx: pbx.hangs_up(pbx.leg(ANNA))),
    ("she orders it", lambda pbx: _ordered(pbx, Happening.COMPLETE)),
]


async def _ordered(pbx: Office, happening: Happening) -> None:
    assert pbx.orders(happening)
    await pbx.settled()


@pytest.mark.parametrize("leaves", [way for _, way in LEAVING], ids=[name for name, _ in LEAVING])
async def test_completed_once_they_talked(pbx: Office, leaves: Callable[[Office], Awaitable[None]]) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await pbx.passes(5)
    await leaves(pbx)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.leg(ANNA) not in pbx.channels
    await pbx.passes(20)
    await pbx.hangs_up("1.0")
    assert pbx.results() == [TransferResult.COMPLETED]
    assert [who for who, _ in pbx.talked()] == [ANNA, BORIS]
    assert pbx.bridges == {}
    assert pbx.channels == {}


@pytest.mark.parametrize("leaves", [way for _, way in LEAVING], ids=[name for name, _ in LEAVING])
async def test_completed_before_the_answer(pbx: Office, leaves: Callable[[Office], Awaitable[None]]) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await leaves(pbx)
    assert not pbx.told(f.Ended)
    await pbx.answers(BORIS)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_left_early_and_nobody_answers_it_comes_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.declines(BORIS)
    await pbx.answers(ANNA)

    assert pbx.plan.story == ["back to 101"]
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]


@pytest.mark.parametrize("answered", [False, True])
async def test_cancelled(pbx: Office, answered: bool) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    if answered:
        await pbx.answers(BORIS)
    await _ordered(pbx, Happening.CANCEL)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.leg(BORIS) not in pbx.channels
    assert pbx.results() == [TransferResult.CANCELLED]
    await pbx.hangs_up(pbx.leg(ANNA))
    assert pbx.channels == {}


async def test_refused_it_is_annas_again(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.declines(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("stop_music", "1.0") in pbx.asked
    assert pbx.results() == [TransferResult.UNANSWERED]


async def test_a_conference(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await _ordered(pbx, Happening.CONFERENCE)
    await pbx.passes(10)
    assert pbx.together() == [{"customer", ANNA, BORIS}]
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(5)
    await pbx.hangs_up("1.0")

    assert pbx.results() == [TransferResult.CONFERENCE]
    assert [who for who, _ in pbx.talked()] == [ANNA, ANNA, BORIS]
    assert pbx.channels == {}


async def test_from_one_to_the_other_and_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    await _ordered(pbx, Happening.SWAP)
    await pbx.passes(2)
    assert sorted(map(sorted, pbx.together())) == [[ANNA, "customer"], [BORIS]]
    await _ordered(pbx, Happening.SWAP)
    await pbx.passes(2)

    assert sorted(map(sorted, pbx.together())) == [[ANNA, BORIS], ["customer"]]


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_customer_leaves_and_the_two_talk_on(pbx: Office, swapped: bool) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    if swapped:
        await _ordered(pbx, Happening.SWAP)
    anna, boris = pbx.leg(ANNA), pbx.leg(BORIS)
    await pbx.hangs_up("1.0")
    await pbx.passes(20)

    assert pbx.the_record.ended_by is EndedBy.CUSTOMER
    assert [sorted(members) for members in pbx.bridges.values() if members] == [sorted([anna, boris])]
    await pbx.hangs_up(anna)
    await pbx.passes(1)
    assert pbx.channels == {}
    assert pbx.bridges == {}
    assert pbx.tracker.live() == []


async def test_the_customer_leaves_while_boris_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    await pbx.hangs_up("1.0")
    await pbx.passes(1)

    assert pbx.channels == {}
    assert pbx.tracker.live() == []


# By keys


async def test_anna_presses_the_codes(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("*", "2", channel=anna)
    await pbx.presses("1", "0", "2", "#", channel=anna)
    await pbx.answers(BORIS)
    assert {ANNA, BORIS} in pbx.together()
    await pbx.presses("*", "3", channel=anna)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", ANNA, BORIS}]
    assert not pbx.told(f.Pressed)


async def test_anna_transfers_blindly_by_keys(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses("1", "0", "2", channel=anna)
    await pbx.passes(4)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert anna not in pbx.channels


async def test_anna_pauses_the_recording_by_keys_and_goes_on(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.recording.start()
    await pbx.settled()
    anna = pbx.leg(ANNA)
    await pbx.presses("*", "5", channel=anna)
    await pbx.settled()
    assert pbx.the_record.recording_paused
    assert pbx.muted == {pbx.the_record.recording}
    assert pbx.asked.count(("play", anna, "sound:beep")) == 1

    await pbx.presses("*", "5", channel=anna)
    await pbx.settled()
    assert not pbx.the_record.recording_paused
    assert pbx.muted == set()
    assert pbx.asked.count(("play", anna, "sound:beep")) == 3
    assert pbx.together() == [{"customer", ANNA}]


async def test_what_is_not_recorded_is_not_paused(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.presses("*", "5", channel=pbx.leg(ANNA))
    await pbx.settled()

    assert not pbx.the_record.recording_paused


async def test_a_number_that_leads_nowhere_brings_her_back(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    await pbx.presses("9", "9", "#", channel=anna)
    await pbx.passes(1)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("play", anna, "sound:pbx-invalid") in pbx.asked


async def test_keys_that_come_slowly_are_no_code_and_the_customers_are_none(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.presses("#", channel=pbx.leg(ANNA))
    await pbx.passes(3)
    await pbx.presses("#", channel=pbx.leg(ANNA))
    await pbx.presses("#", "#", channel="1.0")

    assert pbx.together() == [{"customer", ANNA}]


# By the phone itself


def referred(pbx: Office, source: str, to: str = "", second: str = "") -> None:
    refer_to = {"requested_destination": {"destination": to}}
    if second:
        refer_to["destination_channel"] = {"id": second}
    event = {"refer_to": refer_to, "referred_by": {"source_channel": {"id": source}}}
    pbx.tell(e.ChannelTransfer, **event)


async def test_a_blind_refer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    referred(pbx, anna, BORIS)
    await pbx.settled()
    assert ("tell_transferrer", anna, "channel_answered") in pbx.asked
    await pbx.answers(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert anna not in pbx.channels


async def test_a_refer_that_leads_nowhere_changes_nothing(pbx: Office) -> None:
    await pbx.talks_with_anna()
    referred(pbx, pbx.leg(ANNA), "999")
    await pbx.settled()

    assert ("tell_transferrer", pbx.leg(ANNA), "channel_declined") in pbx.asked
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.REFUSED]


async def anna_calls_boris(pbx: Office) -> None:
    async def rings_boris(call: Call) -> None:
        if (await call.ring([Target.extension(BORIS)], seconds=20)).answered_by:
            await call.talk()

    pbx.flow = rings_boris
    await pbx.arrives("internal", BORIS, channel="2.0", name="PJSIP/101-00000002", number=ANNA, state="Up")


async def test_an_attended_refer_brings_two_calls_together(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    boris = pbx.leg(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(2)

    assert pbx.bridges["1.0-bridge"] == ["1.0", boris]
    assert {anna, "2.0"} & set(pbx.channels) == set()
    assert [record.call_id for record in pbx.tracker.live()] == ["1.0"]
    await pbx.passes(20)
    await pbx.hangs_up(boris)
    talks = pbx.records["1.0"].talks
    assert [talk.party.number for talk in talks] == [ANNA, BORIS]
    assert pbx.records["1.0"].transfers[0].result is TransferResult.COMPLETED
    assert len([fact for fact in pbx.told(f.Ended) if fact.call_id == "2.0"]) == 1
    assert pbx.channels == {}
    assert not pbx.tracker.engaged(BORIS)


async def test_a_colleague_who_went_over_is_not_hung_up_by_the_call_he_left(pbx: Office) -> None:
    """The reply to the request that rang him comes last of all."""
    await pbx.talks_with_anna()
    anna, replies, do = pbx.leg(ANNA), asyncio.Event(), pbx.originate

    async def originate(channel: str, endpoint: str, **options: object) -> None:
        await do(channel, endpoint, **options)
        await replies.wait()

    pbx.originate = originate  # type: ignore[method-assign]
    await anna_calls_boris(pbx)
    await pbx.answers(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(2)
    replies.set()
    await pbx.settled()

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg(BORIS)]


async def test_an_attended_refer_while_the_colleague_rings(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await anna_calls_boris(pbx)
    await pbx.rings(BORIS)
    referred(pbx, anna, BORIS, second="2.0")
    await pbx.passes(1)
    await pbx.answers(BORIS)

    assert pbx.bridges["1.0-bridge"] == ["1.0", pbx.leg(BORIS)]
    assert pbx.plan.story == ["102 took it"]


async def local_half(pbx: Office, half: int, *args: str, replaces: str = "") -> str:
    name = f"Local/102@from-internal-00000000;{half}"
    channel = e.Channel(id=f"9.{half}", name=name, state="Ring" if half == 2 else "Down")
    pbx.channels[channel.id] = channel.model_copy(
        update={"dialplan": e.Dialplan(app_name="Stasis", app_data="stasis-app")}
    )
    replaced = {"replace_channel": pbx.channels[replaces]} if replaces else {}
    pbx.tell(e.StasisStart, channel=pbx.channels[channel.id], args=args, **replaced)
    if replaces:
        pbx._leaves_bridge(pbx.channels[replaces])
        pbx.bridges["1.0-bridge"].append(channel.id)
        pbx.tell(e.ChannelEnteredBridge, channel=channel, bridge=e.Bridge(id="1.0-bridge"))
    return channel.id


@pytest.mark.parametrize("second_first", [False, True])
async def test_an_older_server_carries_out_a_blind_refer_that_leads_back_to_us(pbx: Office, second_first: bool) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    if second_first:
        await local_half(pbx, 2, "internal", BORIS)
    await local_half(pbx, 1, replaces=anna)
    if not second_first:
        await local_half(pbx, 2, "internal", BORIS)
    pbx.tell(e.BridgeBlindTransfer, channel=pbx.channels[anna], exten=BORIS, result="Success")
    await pbx.passes(2)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert {anna, "9.1", "9.2"} & set(pbx.channels) == set()
    assert [record.call_id for record in pbx.tracker.live()] == ["1.0"]
    assert [transfer.to for transfer in pbx.the_record.transfers] == [BORIS]


# The service is restarted in the middle


async def restarted(before: Office) -> Office:
    """The same exchange with a new service that knows what the journal knows."""
    before.lose_events()
    after = Office()
    after.asked, after.channels, after.bridges = list(before.asked), before.channels, before.bridges
    after.tracker.restore(before.records.values())
    await after.link_is_back()
    await after.passes(0.5)
    return after


async def test_a_consultation_goes_on_after_a_restart(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx = await restarted(pbx)
    assert pbx.together() == [{"customer"}, {ANNA, BORIS}]
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.results() == [TransferResult.COMPLETED]


async def test_a_colleague_who_rang_before_the_restart_is_asked_after_it(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.rings(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(BORIS)
    await pbx.passes(1)
    assert {ANNA, BORIS} in pbx.together()
    await _ordered(pbx, Happening.CANCEL)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]


async def test_who_transferred_left_while_the_service_was_away(pbx: Office) -> None:
    await pbx.talks_with_anna()
    await pbx.anna_asks()
    await pbx.answers(BORIS)
    pbx.lose_events()
    await pbx.hangs_up(pbx.leg(ANNA))
    pbx = await restarted(pbx)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", BORIS}]


async def test_a_blind_transfer_rings_on_after_a_restart(pbx: Office) -> None:
    await pbx.talks_with_anna()
    pbx.call.spawn(transfer_blind(pbx.call, pbx.leg(ANNA), Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))))
    await pbx.settled()
    await pbx.rings(BORIS)
    pbx = await restarted(pbx)
    await pbx.answers(BORIS)

    assert pbx.together() == [{"customer", BORIS}]
    assert pbx.plan.story == ["102 took it"]


async def test_who_was_between_two_bridges_at_the_restart_is_back_with_the_customer(pbx: Office) -> None:
    await pbx.talks_with_anna()
    anna = pbx.leg(ANNA)
    await pbx.presses("#", "#", channel=anna)
    assert pbx.together() == [{"customer"}]
    pbx = await restarted(pbx)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert ("stop_music", "1.0") in pbx.asked


# Whom the one who is asked forwards to, and outside numbers


async def test_who_is_asked_has_forwarded_his_calls(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (VERA,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.answers(VERA)
    await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.passes(2)

    assert pbx.together() == [{"customer", VERA}]
    assert pbx.results() == [TransferResult.COMPLETED]
    assert pbx.the_record.transfers[0].to_party == Party(PartyKind.EMPLOYEE, VERA)


@pytest.mark.parametrize("anna_waits", [True, False])
async def test_he_does_not_answer_and_whom_he_forwards_to_is_rung(pbx: Office, anna_waits: bool) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.rings(BORIS)
    if not anna_waits:
        await pbx.hangs_up(pbx.leg(ANNA))
    await pbx.declines(BORIS)
    await pbx.answers(VERA)
    await pbx.passes(2)

    assert pbx.together() == ([{"customer"}, {ANNA, VERA}] if anna_waits else [{"customer", VERA}])


async def test_cancelled_nobody_else_is_rung(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.rings(BORIS)
    await _ordered(pbx, Happening.CANCEL)
    await pbx.passes(3)

    assert pbx.together() == [{"customer", ANNA}]
    assert not [request for request in pbx.requests("originate") if VERA in request[2]]


async def test_who_may_not_be_rung_is_told_as_busy_and_anna_has_the_customer_back(pbx: Office) -> None:
    pbx.plan.busy.add(BORIS)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.passes(2)

    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]
    assert [(ring.party.number, ring.why) for ring in pbx.the_record.rings][-1] == (BORIS, Unanswered.BUSY)


async def test_whom_he_forwards_to_is_found_after_a_restart(pbx: Office) -> None:
    pbx.plan.forwards[BORIS] = (BORIS, VERA)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.declines(BORIS)
    await pbx.rings(VERA)
    pbx = await restarted(pbx)
    await pbx.answers(VERA)
    await pbx.passes(1)

    assert {ANNA, VERA} in pbx.together()


OUTSIDE = "89161112233"
TWO_TRUNKS = NumberPlan(
    (Trunk("main", "PJSIP/{number}@main"), Trunk("spare", "PJSIP/{number}@spare", "78123330000")),
    employees={ANNA: "74951112201"},
)


async def test_an_outside_number_is_asked_over_the_next_trunk_when_the_first_fails() -> None:
    pbx = Office(CallOptions(trunks=TWO_TRUNKS))
    pbx.plan.forwards[BORIS] = (OUTSIDE,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    first = pbx.leg(OUTSIDE)
    await pbx.hangs_up(first, 34, 503)
    assert pbx.the_record.transfers[0].target_leg == pbx.leg(OUTSIDE) != first
    await pbx.rings(OUTSIDE)
    await pbx.answers(OUTSIDE)
    await pbx.passes(1)

    assert [request[2] for request in pbx.requests("originate")][1:] == [
        f"PJSIP/{OUTSIDE}@{t}" for t in ("main", "spare")
    ]
    # It is Anna who calls, so her number is shown and not the customer's.
    assert {request[3] for request in pbx.requests("originate")[1:]} == {'"74951112201" <74951112201>'}
    assert pbx.together() == [{"customer"}, {ANNA, OUTSIDE}]


async def test_busy_is_the_other_sides_answer_and_no_other_trunk_is_asked() -> None:
    pbx = Office(CallOptions(trunks=TWO_TRUNKS))
    pbx.plan.forwards[BORIS] = (OUTSIDE,)
    await pbx.talks_with_anna()
    await pbx.anna_asks(BORIS)
    await pbx.hangs_up(pbx.leg(OUTSIDE), 17, 486)
    await pbx.passes(2)

    assert len(pbx.requests("originate")) == 2
    assert pbx.together() == [{"customer", ANNA}]
    assert pbx.results() == [TransferResult.UNANSWERED]
