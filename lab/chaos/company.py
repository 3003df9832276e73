"""The company of a chaos run: offices of a few phones, each with lines of its own, so that a call has them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.company import Company, table
from lab.phones import Manner
from lab.story import HANG_UP, Client, Story, Table

RECEPTION = "2991"  # rung by the dialplan when the service is away
OVERFLOW = "2992"  # rung by the plan for a client whose responsible the CRM could not tell in time
RING_S = 8.0  # how long a plan's element rings
PARKED_S = 6.0  # how long a parked call waits before it goes back
CALL_BACK_KEY = "5"  # in a queue, for being called back
FIRST_SLOT = 600  # of those the service chooses
LINES = ("responsible", "menu", "group", "turn", "queue", "voicemail", "call_back")


@dataclass(frozen=True)
class Office:
    """Six phones and a line for each way into the plan. One call at a time has it."""

    n: int
    clients: tuple[str, ...]

    @property
    def manager(self) -> str:
        """Responsible for the clients of this office."""
        return self.phone(1)

    @property
    def group(self) -> list[str]:
        """Rung together, or in turn."""
        return [self.phone(which) for which in (2, 3, 4)]

    @property
    def colleague(self) -> str:
        """Rung by nobody but whoever transfers to him."""
        return self.phone(5)

    @property
    def chief(self) -> str:
        """Supervises; rung when he is to follow a call."""
        return self.phone(6)

    @property
    def slot(self) -> str:
        """Where calls of this office are parked, unless the service chooses the slot."""
        return f"7{self.n:02d}"

    @property
    def queue(self) -> str:
        """What employees dial to come to the queue of this office."""
        return f"9{self.n:02d}"

    @property
    def phones(self) -> list[str]:
        """All extensions."""
        return [self.phone(which) for which in range(1, 7)]

    def phone(self, which: int) -> str:
        """An extension, from 1 to 6."""
        return f"2{self.n:02d}{which}"

    def line(self, name: str) -> str:
        """The number customers dial to come to the element of that name (`LINES`)."""
        return f"7495{self.n:02d}0000{LINES.index(name)}"

    def element(self, name: str) -> str:
        """An element of the plan."""
        return f"o{self.n:02d}_{name}"

    def elements(self) -> Mapping[str, Table]:
        """What happens on the lines."""
        end = {"on_no_answer": self.element("end")}
        return {
            self.element("responsible"): {
                "type": "responsible",
                "seconds": RING_S,
                "on_unknown": "overflow",
                "on_no_answer": self.element("group"),
            },
            self.element("menu"): {
                "type": "menu",
                "prompts": ["hello-world"],
                "seconds": 1.5,
                "repeat": 1,
                "keys": {"1": self.element("group"), "2": self.element("turn")},
                "on_timeout": self.element("group"),
            },
            self.element("group"): {"type": "ring", "targets": self.group, "seconds": RING_S, **end},
            self.element("turn"): {
                "type": "ring",
                "targets": self.group,
                "strategy": "in_turn",
                "seconds": RING_S / 2,
                **end,
            },
            self.element("queue"): {
                "type": "queue",
                "agents": self.group,
                "ring_seconds": RING_S,
                "retry": 2,
                "timeout": 25,
                "announce_position": False,
                "announce_wait": False,
                "on_timeout": self.element("end"),
            },
            self.element("call_back"): {
                "type": "queue",
                "agents": self.group,
                "ring_seconds": RING_S,
                "retry": 2,
                "timeout": 25,
                "announce_position": False,
                "announce_wait": False,
                "call_back_key": CALL_BACK_KEY,
                "call_back_attempts": 1,
                "on_timeout": self.element("end"),
            },
            self.element("voicemail"): {"type": "voicemail", "prompts": ["hello-world"], "least": 1},
            self.element("end"): HANG_UP,
        }


@dataclass
class Offices:
    """All offices, and the files programs read about them.

    Args:
        number: how many, from 1 to 98.
        clients: how many of each office's customers the CRM knows.
    """

    number: int
    clients: int
    offices: list[Office] = field(init=False)
    company: Company = field(init=False)

    def __post_init__(self) -> None:
        self.offices = [
            Office(n, tuple(f"7916{n:02d}{k:05d}" for k in range(self.clients))) for n in range(self.number)
        ]
        phones = [*(phone for office in self.offices for phone in office.phones), RECEPTION, OVERFLOW]
        story = Story(
            name="chaos",
            calls=(),
            phones=tuple(Manner(phone) for phone in phones),
            clients=tuple(
                Client(number, office.manager, f"Client {number}")
                for office in self.offices
                for number in office.clients
            ),
            lines={office.line(name): office.element(name) for office in self.offices for name in LINES},
            elements={
                **{name: element for office in self.offices for name, element in office.elements().items()},
                "overflow": {
                    "type": "ring",
                    "targets": [OVERFLOW],
                    "seconds": 20,
                    "skip_unavailable": False,
                    "on_no_answer": self.offices[0].element("end"),
                },
            },
        )
        self.company = Company([story])

    @property
    def configuration(self) -> str:
        """What stasis.toml says besides: who supervises, and where calls are parked.

        The service takes the first free slot where none is named, so those named by an office are the last.
        """
        supervisors = [office.chief for office in self.offices]
        parking = {"slots": f"{FIRST_SLOT}-799", "seconds": PARKED_S}
        return table("phones", {"supervisors": supervisors}) + table("parking", parking)

    @property
    def numbers(self) -> str:
        """What plan.toml says besides: the numbers employees dial."""
        return table("numbers", {office.queue: office.element("queue") for office in self.offices})

    @staticmethod
    def tone_of(number: str) -> int:
        """What a phone of ours says, Hz: multiples of 50, told apart within 20 ms; no two of an office are alike."""
        if number == RECEPTION:
            return 2400
        if number == OVERFLOW:
            return 2500
        return 800 + 50 * (int(number[1:3]) % 5) + 250 * (int(number[3]) - 1)
