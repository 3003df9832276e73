"""The routing plan: which element a call begins with, and the elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.calls.record import CallRecord
from stasis_app.crm import Numbers
from stasis_app.flow.element import Element


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a plan or a line says about recording; None leaves it as it is."""

    record: RecordingMode | None = None
    stereo: bool | None = None
    consent: tuple[str, ...] | None = None
    consent_when: ConsentWhen | None = None

    def over(self, policy: RecordingPolicy) -> RecordingPolicy:
        """The policy with what is said here in its place."""
        return RecordingPolicy(
            policy.mode if self.record is None else self.record,
            policy.stereo if self.stereo is None else self.stereo,
            policy.consent if self.consent is None else self.consent,
            policy.consent_when if self.consent_when is None else self.consent_when,
            policy.longest_pause,
        )


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True)
class Line:
    """A line (DID) of the company: where its calls begin, what people call it, what calls out by it show."""

    did: str
    element: str
    name: str = ""
    caller_id: str = ""
    recording: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was checked.

    `lines` is by number key (see `Number.key`); `on_error` is "" for the dialplan. `numbers` are those employees dial
    and transfer to: a group's, a queue's. `on_transfer_failed` takes a call nobody wanted, "" for where it began.
    """

    path: Path
    name: str
    default: str
    elements: Mapping[str, Element]
    lines: Mapping[str, Line] = field(default_factory=dict)
    entries: tuple[str, ...] = ()
    on_error: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)
    on_transfer_failed: str = ""
    recording: Overrides = NO_OVERRIDES

    def recording_of(self, record: CallRecord, numbers: Numbers, configured: RecordingPolicy) -> RecordingPolicy:
        """How a call is recorded: as its line says, else the plan, else the configuration."""
        line = self.line(record.chosen_line, numbers)
        policy = self.recording.over(configured)
        return line.recording.over(policy) if line is not None else policy

    def line(self, did: str, numbers: Numbers) -> Line | None:
        """The line a call came in on."""
        return self.lines.get(numbers.read(did).key) if did else None

    def entry(self, element: str, did: str, numbers: Numbers) -> tuple[str, str]:
        """The element a call begins with, and why.

        The dialplan's word goes first, then the line, then the plan's default: a call is never refused because the
        dialplan names an element that is gone.
        """
        if element in self.elements:
            return element, "named by the dialplan"
        line = self.line(did, numbers)
        blame = f'the dialplan names "{element}", which is not in the plan; ' if element else ""
        if line is not None:
            return line.element, f"{blame}line {line.name or line.did}"
        return self.default, f"{blame}{'line ' + did + ' is not in the plan' if did else 'no line named'}: the default"
