"""Trouble on demand: slowness, outages, errors, lost answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One kind of trouble, for some methods, some time or some requests.

    delay: the work takes `seconds` longer · down: the connection is reset · error: an answer with `status` instead of
    work · lose_reply: the work is done, then the connection is reset · hang: nothing happens for `seconds`, then the
    work is done · moved: 302 to the address `to` · cut: an upload is read for `after_bytes`, then the connection is
    reset. The method name of an upload is `upload`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["delay", "down", "error", "lose_reply", "hang", "moved", "cut"]
    seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0
    for_s: Annotated[float, Field(gt=0)] | None = None
    times: Annotated[int, Field(gt=0)] | None = None
    methods: list[str] | None = None
    """Method names, `*` standing for anything; a batch is hit by its own name and by its commands' names."""
    status: Annotated[int, Field(ge=200, le=599)] = 500
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    body: str | None = None
    """The answer of an error as it is, such as a proxy's HTML page, instead of the portal's JSON."""
    to: str = ""
    after_bytes: Annotated[int, Field(ge=0)] = 0


@dataclass(slots=True)
class _Active:
    fault: Fault
    until: float
    left: float


class Faults:
    """The trouble that is on."""

    def __init__(self) -> None:
        self._active: list[_Active] = []

    def add(self, fault: Fault) -> None:
        """Begin trouble."""
        until = time.monotonic() + fault.for_s if fault.for_s else float("inf")
        self._active.append(_Active(fault, until, fault.times or float("inf")))

    def clear(self) -> None:
        """End all trouble."""
        self._active.clear()

    def active(self) -> list[Fault]:
        """What is on now."""
        self._expire()
        return [active.fault for active in self._active]

    def hit(self, names: list[str]) -> list[Fault]:
        """The trouble a request with these method names meets; counts it."""
        if not self._active:
            return []
        self._expire()
        lowered = [name.lower() for name in names]
        hits = []
        for active in self._active:
            patterns = active.fault.methods
            if patterns and not any(fnmatchcase(name, p.lower()) for name in lowered for p in patterns):
                continue
            active.left -= 1
            hits.append(active.fault)
        self._expire()
        return hits

    def _expire(self) -> None:
        now = time.monotonic()
        self._active = [active for active in self._active if active.until > now and active.left > 0]
