"""The stories, one file per family. Each function makes a story with the numbers it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.stories import inbound, menu, outbound, portal, responsible
from lab.story import Numbers, Story

_FAMILIES: Sequence[Callable[[Numbers], Story]] = (
    *responsible.STORIES,
    *menu.STORIES,
    *inbound.STORIES,
    *outbound.STORIES,
    *portal.STORIES,
)


def all_stories() -> list[Story]:
    """Every story, each with numbers of its own."""
    return [make(Numbers(n)) for n, make in enumerate(_FAMILIES, start=1)]
