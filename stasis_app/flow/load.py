"""Loading a plan and checking it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from loguru import logger

from stasis_app.crm import NumberKind, Numbers
from stasis_app.flow.element import Element
from stasis_app.flow.elements.queue import Queue
from stasis_app.flow.elements.ring import Ring
from stasis_app.flow.elements.script import Script
from stasis_app.flow.loops import loop_through, reachable, spinning, without_way_out
from stasis_app.flow.plan import Line, Overrides, Plan
from stasis_app.flow.problems import PlanError, Problem, Severity, choose_from, shown
from stasis_app.flow.reading import PlanFile, RecordingKeys
from stasis_app.flow.whom import is_outside

KnownPrompts = Collection[str] | Callable[[str], bool]
"""The sounds Asterisk has (ARI `GET /sounds`), by name without `sound:`."""

_MEDIA = ("sound", "recording", "number", "digits", "characters", "tone")


def load_plan(
    path: Path,
    numbers: Numbers,
    *,
    known_prompts: KnownPrompts | None = None,
    scripts: Collection[str] | None = None,
    extensions: Collection[str] | None = None,
) -> Plan:
    """Read and check a plan; its warnings go to the log.

    What is not given is not checked: `known_prompts`, `scripts` (names of functions; none without a scripts file) and
    `extensions` (of employees). Raises PlanError with everything that is wrong.
    """
    plan, problems = examine_plan(path, numbers, known_prompts=known_prompts, scripts=scripts, extensions=extensions)
    if plan is None:
        raise PlanError(path, problems)
    for problem in problems:
        logger.warning("{}", problem.text(path))
    return plan


def examine_plan(
    path: Path,
    numbers: Numbers,
    *,
    known_prompts: KnownPrompts | None = None,
    scripts: Collection[str] | None = None,
    extensions: Collection[str] | None = None,
) -> tuple[Plan | None, list[Problem]]:
    """The plan (None when it can't be used) and everything that is wrong with it, warnings last."""
    file = PlanFile(path)
    problems = list(file.problems)
    lines: dict[str, Line] = {}
    problems += _lines(file, numbers, lines)
    problems += _missing_targets(file)
    problems += _consent(file, known_prompts)
    for name, element in file.elements.items():
        problems += _prompts(name, element, known_prompts)
        problems += _script(name, element, scripts)
        problems += _extensions(name, element, extensions)
    if not problems or all(p.severity is Severity.WARNING for p in problems):
        problems += _loops(file.elements)  # ways are only followed in a plan whose ways all lead somewhere
        problems += _unreachable(file)
    problems.sort(key=lambda p: p.severity is Severity.WARNING)
    if file.plan is None or any(p.severity is Severity.ERROR for p in problems):
        return None, problems
    table = file.plan
    plan = Plan(
        path,
        table.name,
        table.default,
        file.elements,
        lines,
        table.entries,
        table.on_error,
        file.numbers,
        table.on_transfer_failed,
        _overrides(table),
    )
    return plan, problems


def _lines(file: PlanFile, numbers: Numbers, lines: dict[str, Line]) -> Iterator[Problem]:
    """Fill `lines`; two spellings of one DID are one line."""
    for did, table in file.lines.items():
        where = f'lines."{did}"'
        number = numbers.read(did)
        if number.kind is NumberKind.WITHHELD or not any(c.isdigit() for c in number.key):
            yield Problem(where, "", "", "is no number of a line", "Write the DID as the trunk sends it, with digits.")
        elif number.key in lines:
            twice = lines[number.key].did
            yield Problem(where, "", "", f'is the same line as "{twice}"', "Keep one of the two.")
        else:
            lines[number.key] = Line(did, table.element, table.name, table.caller_id, _overrides(table))


def _overrides(table: RecordingKeys) -> Overrides:
    return Overrides(table.record, table.stereo, table.consent, table.consent_when)


def _missing_targets(file: PlanFile) -> Iterator[Problem]:
    for where, key, to in _references(file):
        if to not in file.named:
            remedy = choose_from(to, file.named, "The elements")
            yield Problem(where, key, shown(to), "names an element that is not in the plan", remedy)


def _references(file: PlanFile) -> Iterator[tuple[str, str, str]]:
    """Everything that names an element."""
    if file.plan is not None:
        yield "plan", "default", file.plan.default
        if file.plan.on_error:
            yield "plan", "on_error", file.plan.on_error
        if file.plan.on_transfer_failed:
            yield "plan", "on_transfer_failed", file.plan.on_transfer_failed
        for entry in file.plan.entries:
            yield "plan", "entries", entry
    for did, line in file.lines.items():
        yield f'lines."{did}"', "element", line.element
    for number, to in file.numbers.items():
        yield "numbers", number, to
    for where, way in file.ways:
        yield where, way.key, way.to


def _prompts(name: str, element: Element, known: KnownPrompts | None) -> Iterator[Problem]:
    for key, prompt in element.prompts_named():
        yield from _prompt(f"elements.{name}", key, prompt, known)


def _consent(file: PlanFile, known: KnownPrompts | None) -> Iterator[Problem]:
    """The prompts that tell people of the recording."""
    tables: list[tuple[str, RecordingKeys]] = [(f'lines."{did}"', table) for did, table in file.lines.items()]
    if file.plan is not None:
        tables.append(("plan", file.plan))
    for where, table in tables:
        for prompt in table.consent or ():
            yield from _prompt(where, "consent", prompt, known)


def _prompt(where: str, key: str, prompt: str, known: KnownPrompts | None) -> Iterator[Problem]:
    scheme, colon, rest = prompt.partition(":")
    sound = rest if colon else prompt
    if colon and scheme not in _MEDIA:
        remedy = choose_from(scheme, _MEDIA, "Before the colon stands one of")
        yield Problem(where, key, shown(prompt), "is no kind of media Asterisk plays", remedy)
    elif not sound or any(c.isspace() or c == "," for c in sound):
        remedy = "Give the sound's name without its ending, for example hello or sound:custom/hello."
        yield Problem(where, key, shown(prompt), "is no name of a prompt", remedy)
    elif known is not None and scheme in ("sound", sound) and not _has(known, sound):
        remedy = "Put the file into Asterisk's sounds folder."
        if not callable(known):
            remedy += f" {choose_from(sound, known, 'It has')}"
        yield Problem(where, key, shown(prompt), "is a prompt Asterisk does not have", remedy)


def _has(known: KnownPrompts, sound: str) -> bool:
    """Files named with their whole path are not among the sounds Asterisk lists: they are taken on trust."""
    return sound.startswith(("/", "http://", "https://")) or (known(sound) if callable(known) else sound in known)


def _script(name: str, element: Element, scripts: Collection[str] | None) -> Iterator[Problem]:
    if isinstance(element, Script) and scripts is not None and element.function not in scripts:
        remedy = choose_from(element.function, scripts, "The async functions of the file in [routing] scripts")
        what = "is no function of the scripts file"
        yield Problem(f"elements.{name}", "function", shown(element.function), what, remedy)


def _extensions(name: str, element: Element, extensions: Collection[str] | None) -> Iterator[Problem]:
    match element:
        case Ring():
            key, named = "targets", element.targets
        case Queue():
            key, named = "agents", element.agents
        case _:
            return
    for target in dict.fromkeys(named):
        if named.count(target) > 1:
            what, remedy = "is in the list twice", "Keep one."
            yield Problem(f"elements.{name}", key, shown(target), what, remedy, Severity.WARNING)
        if extensions is not None and not is_outside(target) and target not in extensions:
            what, remedy = "is no employee's extension", "Its calls will be credited to nobody: enter it in the portal."
            yield Problem(f"elements.{name}", key, shown(target), what, remedy, Severity.WARNING)


def _loops(elements: Mapping[str, Element]) -> Iterator[Problem]:
    stuck, silent = without_way_out(elements)
    if stuck:
        loop = loop_through(elements, stuck)
        remedy = "Let one of them lead to an element that ends the call: hangup or dialplan."
        yield Problem(f"elements.{loop[0]}", "", "", f"is in a loop with no way out: {_arrows(loop)}", remedy)
    if silent:
        loop = loop_through(elements, silent)
        what = f"holds a caller who presses nothing for ever: {_arrows(loop)}"
        remedy = "Let on_timeout or on_no_answer of one of them lead to an element that ends the call."
        yield Problem(f"elements.{loop[0]}", "", "", what, remedy)
    for loop in spinning(elements):
        what = f"is in a loop that takes no time when no phone is free: {_arrows(loop)}"
        yield Problem(
            f"elements.{loop[0]}", "", "", what, "Put a say or menu element into the loop, or lead out of it."
        )


def _arrows(loop: list[str]) -> str:
    return " -> ".join([*loop, loop[0]])


def _unreachable(file: PlanFile) -> Iterator[Problem]:
    if file.plan is None:
        return
    table = file.plan
    roots = [
        table.default,
        table.on_error,
        table.on_transfer_failed,
        *table.entries,
        *(line.element for line in file.lines.values()),
        *file.numbers.values(),
    ]
    came = reachable(file.elements, roots)
    for name in file.elements:
        if name not in came:
            what = "can't be reached from a line or the default"
            remedy = "Remove it, or add it to entries of [plan] if the dialplan names it."
            yield Problem(f"elements.{name}", "", "", what, remedy, Severity.WARNING)


def extensions_of(plan: Plan, element: str, key: str) -> tuple[str, ...]:
    """The extensions a ring element rings.

    `key` is the setting that names the element. Raises PlanError when the plan has no such ring element.
    """
    ring = plan.elements.get(element)
    if isinstance(ring, Ring):
        return tuple(target for target in ring.targets if not is_outside(target))
    rings = [name for name, other in plan.elements.items() if isinstance(other, Ring)]
    problem = "is no ring element of the plan"
    raise PlanError(
        plan.path, [Problem("", key, shown(element), problem, choose_from(element, rings, "Ring elements"))]
    )
