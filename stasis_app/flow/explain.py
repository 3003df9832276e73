"""Foretelling a caller's way through the plan (`stasis-app plan explain`), and the result of checking one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape

from stasis_app.crm import Numbers, Responsible
from stasis_app.flow.context import FlowContext
from stasis_app.flow.element import Foretold, Outcome
from stasis_app.flow.load import KnownPrompts, examine_plan
from stasis_app.flow.plan import Plan
from stasis_app.flow.problems import Problem, Severity
from stasis_app.flow.prospect import Prospect


@dataclass(frozen=True, slots=True)
class ExplainedElement:
    """An element on the way: what it does, what may come of it, and (when that is known) what will."""

    name: str
    kind: str
    foretold: Foretold
    certain: bool  # whether the caller surely comes here, if he stays on the line

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "element": self.name,
            "type": self.kind,
            "certain": self.certain,
            "does": self.foretold.does,
            "notes": list(self.foretold.notes),
            "settings": [asdict(setting) for setting in self.foretold.settings],
            "outcomes": [asdict(o) for o in self.foretold.outcomes],
            "takes": asdict(self.foretold.takes) if self.foretold.takes else None,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way a caller would take if he called now."""

    plan: str
    number: str
    line: str
    entry: str
    why: str
    caller: Responsible
    path: tuple[ExplainedElement, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data for programs."""
        client, employee, phone = self.caller.client, self.caller.employee, self.caller.availability
        return {
            "plan": self.plan,
            "number": self.number,
            "line": self.line,
            "entry": {"element": self.entry, "why": self.why},
            "client": asdict(client) if client else None,
            "responsible": {
                "user_id": employee.user_id if employee else None,
                "name": employee.name if employee else "",
                "extension": self.caller.extension,
                "phone": phone.state.value if phone else None,
                "ringable": self.caller.ringable,
                "why": self.caller.why,
            },
            "path": [element.to_json() for element in self.path],
        }

    def lines(self) -> list[str]:
        """As lines with rich markup for people."""
        client = self.caller.client
        who = f"{client.name or 'unnamed'} ({client.entity_type.lower()} {client.entity_id})" if client else "no client"
        lines = [
            f"[bold]Caller[/]      {escape(self.number)}: {escape(who)}",
            f"[bold]Responsible[/] {escape(self.caller.why)}",
            f"[bold]Begins at[/]   [cyan]{escape(self.entry)}[/] ({escape(self.why)})",
        ]
        for element in self.path:
            lines += ["", *_element_lines(element)]
        return lines


async def explain(plan: Plan, context: FlowContext, number: str, *, line: str = "", element: str = "") -> Explanation:
    """Foretell the way of a caller with this number on this line, as phones and CRM are now. Never raises.

    `element` is what the dialplan would name. Nobody is rung; the portal may be asked whose number this is.
    """
    entry, why = plan.entry(element, line, context.numbers)
    read = context.numbers.read(number)
    prospect = Prospect(read, context)
    caller = await prospect.responsible()
    path = await _path(plan, prospect, entry)
    return Explanation(plan.name or plan.path.name, str(read), line, entry, why, caller, path)


async def _path(plan: Plan, prospect: Prospect, entry: str) -> tuple[ExplainedElement, ...]:
    """Breadth first: what he surely meets comes before what he may meet. Ways known not to be taken are left out."""
    met: dict[str, ExplainedElement] = {}
    ahead = [(entry, True)]
    while ahead:
        name, certain = ahead.pop(0)
        if name in met:
            continue
        element = plan.elements[name]
        prospect.element = name
        foretold = await element.foretell(prospect)
        met[name] = ExplainedElement(name, element.kind, foretold, certain)
        possible = (foretold.takes,) if foretold.takes else foretold.outcomes
        ahead += [(way.then, certain and foretold.takes is not None) for way in possible if way.then]
    return tuple(met.values())


def _element_lines(element: ExplainedElement) -> list[str]:
    foretold = element.foretold
    mark = "" if element.certain else " [dim](perhaps)[/]"
    lines = [f"[cyan]{escape(element.name)}[/] [dim]{element.kind}[/]{mark}: {escape(foretold.does)}"]
    lines += [f"    {escape(note)}" for note in foretold.notes]
    lines += [f"    {escape(setting.text)}" for setting in foretold.settings]
    for outcome in foretold.outcomes:
        arrow = "[green]->[/]" if outcome == foretold.takes else "[dim]->[/]" if foretold.takes else "->"
        lines.append(f"  {arrow} {_outcome(outcome)}")
    return lines


def _outcome(outcome: Outcome) -> str:
    return escape(outcome.when) + (f": [cyan]{escape(outcome.then)}[/]" if outcome.then else "")


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """What checking a plan found. `plan` is None when it can't be used."""

    path: Path
    plan: Plan | None
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether the plan can be used; it may still have warnings."""
        return self.plan is not None

    def to_json(self) -> dict[str, Any]:
        """As plain data for programs."""
        elements = len(self.plan.elements) if self.plan else 0
        problems = [p.to_json() for p in self.problems]
        return {"file": str(self.path), "ok": self.ok, "elements": elements, "problems": problems}

    def lines(self) -> list[str]:
        """As lines with rich markup for people."""
        said = [
            f"[{'red' if p.severity is Severity.ERROR else 'yellow'}]{p.severity}[/] {escape(p.text(self.path))}"
            for p in self.problems
        ]
        if self.plan is None:
            return said
        size = f"{len(self.plan.elements)} elements, {len(self.plan.lines)} lines"
        return [*said, f"[green]fine[/] {escape(str(self.path))}: {size}"]


def check_plan(
    path: Path,
    numbers: Numbers,
    *,
    known_prompts: KnownPrompts | None = None,
    scripts: Collection[str] | None = None,
    extensions: Collection[str] | None = None,
) -> PlanCheck:
    """Check a plan file as `load_plan` does, without raising."""
    plan, problems = examine_plan(path, numbers, known_prompts=known_prompts, scripts=scripts, extensions=extensions)
    return PlanCheck(path, plan, tuple(problems))
