"""An office whose employees can transfer: Anna talks with a customer, Boris and Vera are there too."""

from calls_fakes import Exchange, rings_101

from stasis_app.ari import events as e
from stasis_app.calls.call import Call
from stasis_app.calls.facts import Party, PartyKind, TransferResult, Unanswered
from stasis_app.calls.features import FeatureCodes
from stasis_app.calls.moves.consultation import Happening
from stasis_app.calls.moves.consulting import start_consultation
from stasis_app.calls.moves.destination import Destination
from stasis_app.calls.moves.giving import give_away
from stasis_app.calls.moves.parking import ParkingLot
from stasis_app.calls.moves.transfer_story import tell_ended
from stasis_app.calls.options import CallOptions
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import Target

ANNA, BORIS, VERA = "101", "102", "103"
TO_BORIS = Destination(BORIS, Party(PartyKind.EMPLOYEE, BORIS))


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
        self.lot: ParkingLot | None = None

    async def find(self, to: str) -> Destination | None:
        if self.lot is not None and self.lot.is_slot(to):
            return Destination(to)
        return Destination(to, Party(PartyKind.EMPLOYEE, to)) if to in (ANNA, BORIS, VERA) else None

    def following(self, call: Call, party: Party) -> Rung:
        chain = self.forwards.get(party.number, (party.number,))
        return Rung([Target.outside(n) if len(n) > 6 else Target.extension(n) for n in chain if n not in self.busy])

    async def lead(self, call: Call, destination: Destination, by: Party | None) -> None:
        if destination.party is None:
            assert self.lot is not None
            assert by is not None
            await self.lot.park_given(call, call.record.transfers[-1].leg, by, destination.name)
            return
        result = await call.ring([Target(destination.party)], seconds=20)
        if result.answered_by:
            self.story.append(f"{result.answered_by.number} took it")
            tell_ended(call, TransferResult.COMPLETED, result.answered_by)
            await call.talk()
        elif by is not None:
            await self.bring_back(call, by)

    async def bring_back(self, call: Call, by: Party) -> None:
        self.story.append(f"back to {by.number}")
        tell_ended(call, TransferResult.UNANSWERED)
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
        self.flow = rings_101

    async def talks_with_anna(self) -> None:
        await self.customer_calls()
        await self.answers(ANNA)
        await self.passes(10)

    async def anna_asks(self, whom: str = BORIS, leg: str = "") -> None:
        """`leg` is hers where she began the call."""
        target = await self.plan.find(whom)
        assert target is not None
        start_consultation(self.call, leg or self.leg(ANNA), target)
        await self.settled()

    async def anna_gives_to_boris(self) -> None:
        """Blindly, and she is gone."""
        self.call.spawn(give_away(self.call, self.leg(ANNA), TO_BORIS))
        await self.settled()

    async def orders(self, happening: Happening) -> None:
        """Somebody orders how the consultation goes on."""
        assert self.call.consultation is not None
        assert self.call.consultation.order(happening)
        await self.settled()

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


async def restarted(before: Office, seconds: float = 0.5) -> Office:
    """The same exchange so many seconds after a new service came, which knows of the calls that had not ended."""
    before.lose_events()
    after = Office()
    after.asked, after.channels, after.bridges = list(before.asked), before.channels, before.bridges
    after.tracker.restore(record for record in before.records.values() if record.ended_at is None)
    await after.link_is_back()
    await after.passes(seconds)
    return after


async def local_half(
    pbx: Office, half: int, *args: str, replaces: str = "", apart: bool = False, to: str = BORIS
) -> str:
    """One half of the Local channel an older server makes for a transfer enters the application."""
    name = f"Local/{to}@from-internal-00000000;{half}"
    channel = e.Channel(id=f"9.{half}", name=name, state="Ring" if half == 2 else "Down")
    pbx.channels[channel.id] = channel.model_copy(
        update={"dialplan": e.Dialplan(app_name="Stasis", app_data="stasis-app")}
    )
    replaced = {"replace_channel": pbx.channels[replaces]} if replaces else {}
    pbx.tell(e.StasisStart, channel=pbx.channels[channel.id], args=args, **replaced)
    if replaces:
        if apart:
            await pbx.settled()
        pbx._leaves_bridge(pbx.channels[replaces])
        if apart:
            await pbx.settled()
        if channel.id in pbx.channels:  # not hung up meanwhile
            pbx.bridges["1.0-bridge"].append(channel.id)
            pbx.tell(e.ChannelEnteredBridge, channel=channel, bridge=e.Bridge(id="1.0-bridge"))
    if apart:
        await pbx.settled()
    return channel.id
