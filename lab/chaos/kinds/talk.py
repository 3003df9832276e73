"""What is done with a call in the talk."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.aside import (
    Park,
    is_left,
    is_parked,
    is_supervised,
    is_taken,
    parks_by_keys,
    parks_by_order,
    parks_by_phone,
)
from lab.chaos.attempt import Attempt, Manner
from lab.chaos.floor import Floor
from lab.chaos.kinds.kind import Responsible
from lab.chaos.manners import (
    Move,
    answers,
    asks_by_keys,
    asks_by_phone,
    asks_queue_by_phone,
    holds,
    presses_transfer,
    refers,
    refuses,
)
from lab.chaos.orders import (
    ordered_conference,
    ordered_consultation,
    ordered_hushes,
    ordered_pause,
    ordered_swap,
    ordered_transfer,
)


class Holds(Responsible):
    """Hold and resume."""

    name = "hold"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (holds,)


class HoldsByApi(Responsible):
    """Held and muted by the API, in any order."""

    name = "hold and mute by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        ways = attempt.chance.sample(["held", "muted"], attempt.chance.randint(1, 2))
        return (ordered_hushes(floor.order_move, ways),)


class PausesRecording(Responsible):
    """The recording is paused for a while."""

    name = "recording paused"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_pause(floor.order_move),)


class RefersBlind(Responsible):
    """Blind transfer by the phone."""

    name = "blind transfer by the phone"
    weight = 1.5

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (refers(attempt.office.colleague),)


class RefersToNobody(RefersBlind):
    """Who is to take the call does not, so it comes back."""

    name = "blind transfer comes back"
    weight = 1.0

    def colleague(self, attempt: Attempt) -> Manner:
        return attempt.chance.choice([refuses(486), refuses(603, 1.0)])


class TransfersByKeys(Responsible):
    """Blind transfer by ##."""

    name = "blind transfer by keys"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (presses_transfer(attempt.office.colleague),)


class AsksByPhone(Responsible):
    """Attended transfer by the phone."""

    name = "attended transfer by the phone"
    weight = 1.5

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (asks_by_phone(floor.dial_from, attempt.office.colleague),)

    def colleague(self, attempt: Attempt) -> Manner:
        return answers(attempt.chance.uniform(0.3, 1.5), talks=False)


class AsksQueue(Responsible):
    """Attended transfer by the phone into a queue, whose agents are the group."""

    name = "attended transfer into a queue"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (asks_queue_by_phone(floor.dial_from, attempt.office.queue),)


class AsksByKeys(AsksByPhone):
    """Attended transfer by *2: given away, taken back, a conference, or the customer does not wait for it."""

    name = "attended transfer by keys"
    weight = 2.0

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        then = attempt.chance.choice(["given away", "back", "conference", "customer leaves"])
        attempt.tell(f"to be {then}")
        return (asks_by_keys(attempt.office.colleague, then),)


class TransfersByApi(Responsible):
    """Blind transfer ordered of the service."""

    name = "blind transfer by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_transfer(floor.order_move, attempt.office.colleague),)


class AsksByApi(AsksByPhone):
    """Attended transfer ordered of the service."""

    name = "attended transfer by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_consultation(floor.order_move, attempt.office.colleague),)


class SwapsByApi(AsksByPhone):
    """In an attended transfer the customer is spoken with once more; then he is given away, or not."""

    name = "swap by the API"
    weight = 1.0

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        then = attempt.chance.choice(["given away", "back"])
        attempt.tell(f"to be {then}")
        return (ordered_swap(floor.order_move, attempt.office.colleague, then),)


class Parked(Responsible):
    """Parked by keys, by the phone or by the API, and taken by a colleague."""

    name = "parked, taken"
    weight = 1.5

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (is_parked(self.way(floor, attempt), is_taken(floor.dial_from, attempt.office.colleague)),)

    def way(self, floor: Floor, attempt: Attempt) -> Park:
        """How it is parked."""
        slot = attempt.office.slot
        ways = [parks_by_keys(floor.slot_of), parks_by_phone(slot), parks_by_order(floor.order_move, slot)]
        return attempt.chance.choice(ways)


class ParkedInVain(Parked):
    """Nobody takes it: it comes back to who parked it, or the customer does not wait so long."""

    name = "parked, not taken"
    weight = 1.0

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (is_parked(self.way(floor, attempt), is_left),)


class Supervised(Responsible):
    """A supervisor listens, whispers, barges in, changes from one to another, and stays to the end or not."""

    name = "supervised"
    weight = 1.5

    async def play(self, floor: Floor, attempt: Attempt) -> None:
        attempt.manners[attempt.office.chief] = [answers(attempt.chance.uniform(0.3, 1.5), talks=False)]
        await super().play(floor, attempt)

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        modes = attempt.chance.sample(["listen", "whisper", "barge"], attempt.chance.randint(1, 3))
        return (is_supervised(floor.order_move, attempt.office.chief, modes),)


class InvitesByApi(AsksByPhone):
    """A colleague is invited into the conversation, and stays alone with the customer."""

    name = "conference by the API"

    def move(self, floor: Floor, attempt: Attempt) -> Sequence[Move]:
        return (ordered_conference(floor.order_move, attempt.office.colleague),)
