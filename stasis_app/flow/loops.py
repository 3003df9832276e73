"""Ways through a plan: what can be reached, and whether everybody gets out.

Two things make a loop a mistake. A caller who presses nothing must come to an end some time (a hang-up, the dialplan,
a script of its own end): a group that rings does not count, since nobody may ever answer. And a loop must take time:
ringing and asking for the responsible take none when every phone is off, so a loop of these alone would spin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stasis_app.flow.element import Element

Ways = Mapping[str, frozenset[str]]


def reachable(elements: Mapping[str, Element], roots: Iterable[str]) -> set[str]:
    """The elements calls can come to from the roots."""
    return _closure(_ways(elements, chosen=True), roots)


def without_way_out(elements: Mapping[str, Element]) -> tuple[set[str], set[str]]:
    """The elements no caller gets out of, and those only a caller who presses keys does."""
    ends = [name for name, element in elements.items() if element.ends]
    with_keys = _closure(_backwards(_ways(elements, chosen=True)), ends)
    without = _closure(_backwards(_ways(elements, chosen=False)), ends)
    return elements.keys() - with_keys, with_keys - without


def spinning(elements: Mapping[str, Element]) -> list[list[str]]:
    """The loops that may take no time at all, each with its elements in order of the plan."""
    instant = {name: element for name, element in elements.items() if not element.takes_time}
    ways = _ways(instant, chosen=False)
    found: list[list[str]] = []
    seen: set[str] = set()
    for name in instant:
        ahead = _closure(ways, ways[name])
        if name in ahead and name not in seen:
            loop = [other for other in instant if other in ahead and name in _closure(ways, ways[other])]
            seen.update(loop)
            found.append(loop)
    return found


def loop_through(elements: Mapping[str, Element], lost: set[str]) -> list[str]:
    """One loop among elements without a way out, to show to people."""
    ways = _ways(elements, chosen=False)
    path = [next(name for name in elements if name in lost)]
    while True:
        onwards = [name for name in elements if name in ways[path[-1]]]
        if not onwards:
            return path
        if onwards[0] in path:
            return path[path.index(onwards[0]) :]
        path.append(onwards[0])


def _ways(elements: Mapping[str, Element], *, chosen: bool) -> Ways:
    return {
        name: frozenset(e.to for e in element.exits() if e.to in elements and (chosen or not e.chosen))
        for name, element in elements.items()
    }


def _backwards(ways: Ways) -> Ways:
    return {name: frozenset(other for other, onwards in ways.items() if name in onwards) for name in ways}


def _closure(ways: Ways, roots: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    ahead = [root for root in roots if root in ways]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(ways[name])
    return seen
