"""The number plan: through which trunks an outside number is dialled, in which spelling, and which number is shown.

Pure: a number in, attempts out, the first to be tried first. A prefix that begins with + is compared with the number in
its international spelling, any other with the number as it was dialled; so "+7" finds 8 916 123-45-67, and "8" finds
only what was really dialled with an 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How a trunk wants numbers that begin with `prefix`: `strip` characters less, `prepend` before the rest."""

    prefix: str
    strip: int = 0
    prepend: str = ""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way into the public network.

    Args:
        name: what people call it.
        endpoint: its dial string, with {number}.
        caller_id: the number it shows when nobody wishes another one it may show; "" leaves that to Asterisk.
        caller_ids: the only other numbers it may show; empty: any.
        prefixes: what the numbers it serves begin with; empty: all.
        rewrite: spellings; the first whose prefix fits is used.
        lines: the lines that go out by it before any other trunk.
        shows_callers: whether a customer's call sent on to an outside number may show the customer's number.
    """

    name: str
    endpoint: str
    caller_id: str = ""
    caller_ids: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    rewrite: tuple[Rewrite, ...] = ()
    lines: tuple[str, ...] = ()
    shows_callers: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to dial: `number` is as the trunk gets it, `caller_id` is "" when the caller's own is to be shown."""

    trunk: str
    endpoint: str
    number: str
    caller_id: str = ""


def _unknown(number: str) -> str:
    return number if number.startswith("+") else ""


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """All trunks, in the order they are tried.

    Args:
        trunks: the trunks.
        international: a number's spelling with + and country code, "" when it has none.
        employees: the numbers employees show, by extension.
        lines: the numbers lines show, by line.
        emergency: numbers every trunk is tried for, dialled as they are.
    """

    trunks: tuple[Trunk, ...]
    international: Callable[[str], str] = _unknown
    employees: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    emergency: frozenset[str] = frozenset()

    def attempts(
        self, number: str, *, line: str = "", extension: str = "", caller_id: str = "", sent_on: bool = False
    ) -> tuple[Attempt, ...]:
        """The ways to dial a number, the best first; none when no trunk serves it.

        `line` is the line chosen for the call, or the one it came in on; `extension` who dials; `caller_id` a number to
        show before all others. `sent_on`: it is a customer's call that goes on to this number.
        """
        line = self._line(line)
        wishes = (caller_id, self.lines.get(line, ""), self.employees.get(extension, ""))
        first = sorted(self.trunks, key=lambda trunk: not self._is_of(trunk, line))  # a stable sort: the order stays
        return tuple(
            Attempt(
                trunk.name,
                trunk.endpoint.format(number=dialled),
                dialled,
                self._shown(trunk, wishes, sent_on=sent_on),
            )
            for trunk in first
            if (dialled := self._dialled(trunk, number)) is not None
        )

    def knows_line(self, line: str) -> bool:
        """Whether a line says anything about how a call goes out."""
        line = self._line(line)
        return line in self.lines or any(self._is_of(trunk, line) for trunk in self.trunks)

    def line_of(self, number: str, *, line: str = "", extension: str = "", caller_id: str = "") -> str:
        """The line a call to a number goes out by: the one chosen, else the number the first trunk shows.

        "" when nobody can tell: Asterisk or the carrier then puts the number in.
        """
        named = next((trunk for trunk in self.trunks if trunk.name == line), None)
        if line and named is None:
            return line
        first = next(iter(self.attempts(number, line=line, extension=extension, caller_id=caller_id)), None)
        if first is None or first.caller_id:
            return first.caller_id if first else ""
        lines = next(trunk.lines for trunk in self.trunks if trunk.name == first.trunk)
        return lines[0] if lines else ""

    def may_show(self, number: str) -> bool:
        """Whether a number is one of the company's own that calls may show."""
        own = {*self.employees.values(), *self.lines.values()}
        for trunk in self.trunks:
            own |= {trunk.caller_id, *trunk.caller_ids}
        return any(self._same(number, one) for one in own if one)

    def _dialled(self, trunk: Trunk, number: str) -> str | None:
        """The number as a trunk gets it, None when the trunk does not serve it."""
        if number in self.emergency:
            return number
        if trunk.prefixes and not any(self._spelt(number, prefix) for prefix in trunk.prefixes):
            return None
        for rule in trunk.rewrite:
            if spelt := self._spelt(number, rule.prefix):
                return rule.prepend + spelt[rule.strip :]
        return number

    def _spelt(self, number: str, prefix: str) -> str:
        """The number in the spelling that begins with a prefix, "" when none does."""
        spelt = self.international(number) if prefix.startswith("+") else number
        return spelt if spelt.startswith(prefix) else ""

    def _shown(self, trunk: Trunk, wishes: Sequence[str], *, sent_on: bool) -> str:
        if sent_on and trunk.shows_callers:
            return ""
        return next((wish for wish in wishes if wish and self._allowed(trunk, wish)), trunk.caller_id)

    def _allowed(self, trunk: Trunk, number: str) -> bool:
        own = (trunk.caller_id, *trunk.caller_ids)
        return not trunk.caller_ids or any(self._same(number, one) for one in own)

    def _is_of(self, trunk: Trunk, line: str) -> bool:
        return bool(line) and (trunk.name == line or any(self._line(one) == line for one in trunk.lines))

    def _line(self, line: str) -> str:
        """What lines are compared by: two spellings of a number are one line."""
        return self.international(line) or line

    def _same(self, one: str, other: str) -> bool:
        return self._line(one) == self._line(other)


def one_trunk(endpoint: str) -> NumberPlan:
    """The plan of a company with one trunk that takes every number as it is dialled."""
    return NumberPlan((Trunk("trunk", endpoint),))
