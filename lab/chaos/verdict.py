"""What a run comes to: the table, and the deviations it counts."""

from __future__ import annotations

from dataclasses import dataclass, field

COLUMNS = ("lost", "doubled", "wrong_credit", "cards_open", "recordings_missing", "silent", "dropped")
REQUIRED = tuple(column for column in COLUMNS if column != "silent")


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that should not be."""

    column: str  # one of COLUMNS, "" for a remark that is not counted
    serial: int
    text: str


@dataclass
class Verdict:
    """The table, and everything that led to it."""

    calls: int
    talks: int = 0
    deviations: list[Deviation] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The table: calls, then each column with the number of calls concerned."""
        serials = {column: {(d.serial, d.text) for d in self.deviations if d.column == column} for column in COLUMNS}
        return {"calls": self.calls, **{column: len(found) for column, found in serials.items()}}

    @property
    def is_clean(self) -> bool:
        """Whether every column is zero that has to be."""
        counts = self.counts()
        return not any(counts[column] for column in REQUIRED)
