"""The number plan of the configuration, and what it does with a number (`stasis-app plan explain --outbound`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape

from stasis_app.calls import Attempt, NumberPlan, Rewrite, Trunk
from stasis_app.crm import Numbers
from stasis_app.flow.plan import Plan
from stasis_app.settings import AsteriskSettings, EmployeeSettings, OutboundSettings, TrunkSettings


def number_plan(
    asterisk: AsteriskSettings,
    trunks: Sequence[TrunkSettings],
    outbound: OutboundSettings,
    employees: Sequence[EmployeeSettings],
    plan: Plan,
    numbers: Numbers,
) -> NumberPlan:
    """What configuration and plan say about outside numbers. Without [[trunks]] there is one trunk, asterisk.trunk."""
    return NumberPlan(
        tuple(_trunk(trunk) for trunk in trunks) or (Trunk("trunk", asterisk.trunk),),
        international=lambda number: numbers.read(number).e164,
        employees={e.extension: e.caller_id for e in employees if e.caller_id},
        lines={key: line.caller_id or line.did for key, line in plan.lines.items()},
        emergency=frozenset(outbound.emergency),
    )


def _trunk(trunk: TrunkSettings) -> Trunk:
    return Trunk(
        trunk.name,
        trunk.endpoint,
        trunk.caller_id,
        tuple(trunk.caller_ids),
        tuple(trunk.prefixes),
        tuple(Rewrite(rule.prefix, rule.strip, rule.prepend) for rule in trunk.rewrite),
        tuple(trunk.lines),
        trunk.shows_callers,
    )


@dataclass(frozen=True, slots=True)
class ExplainedNumber:
    """How an outside number would be dialled now."""

    number: str
    international: str
    extension: str
    line: str
    line_is_known: bool
    attempts: tuple[Attempt, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data for programs."""
        return asdict(self)

    def lines(self) -> list[str]:
        """As lines with rich markup for people."""
        spelt = f" ({self.international})" if self.international not in ("", self.number) else ""
        said = [f"[bold]Number[/] {escape(self.number)}{spelt}"]
        if self.line and not self.line_is_known:
            nowhere = f"Line {self.line} is neither in the plan nor in [[trunks]]: it changes nothing"
            said.append(f"[yellow]{escape(nowhere)}[/]")
        if not self.attempts:
            return [*said, "[red]No trunk serves this number[/]: the caller hears that there is no way there"]
        for at, attempt in enumerate(self.attempts, 1):
            shown = f"showing {attempt.caller_id}" if attempt.caller_id else "showing what Asterisk says of the caller"
            said.append(
                f"{at}. trunk [cyan]{escape(attempt.trunk)}[/] dials {escape(attempt.number)}, {shown}"
                f" [dim]({escape(attempt.endpoint)})[/]"
            )
        return said


def explain_number(plan: NumberPlan, number: str, *, extension: str = "", line: str = "") -> ExplainedNumber:
    """Foretell how a number would be dialled by this extension on this line. Nobody is called."""
    return ExplainedNumber(
        number,
        plan.international(number),
        extension,
        line,
        plan.knows_line(line),
        plan.attempts(number, line=line, extension=extension),
    )
