"""Trouble on demand: slowness, outages, errors, lost answers, at once or by the clock."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal[
    "delay", "down", "refuse", "reset", "timeout", "hang", "error", "expired_token", "lose_reply", "truncated",
    "garbage", "late_error", "moved", "cut",
]  # fmt: skip


class Fault(BaseModel):
    """One kind of trouble, for some methods, some time or some requests.

    delay: the work takes `seconds` longer · refuse: the connection is closed before the request is read · reset, down:
    the connection is reset · timeout: nothing happens for `seconds`, then the connection is closed · hang: nothing
    happens for `seconds`, then the work is done · error: an answer with `status` instead of work · expired_token: an
    application's token is called expired · lose_reply: the work is done, then the connection is reset · truncated,
    garbage: the work is done, the answer can't be read · late_error: the work is done, then an answer with `status` ·
    moved: 302 to the address `to` · cut: an upload is read for `after_bytes`, then the connection is reset. The method
    name of an upload is `upload`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    seconds: Annotated[float, Field(ge=0, le=3600)] = 3.0
    for_s: Annotated[float, Field(gt=0)] | None = None
    times: Annotated[int, Field(gt=0)] | None = None
    chance: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the requests that is hit."""
    seed: int | None = None
    """Makes chance repeatable."""
    methods: list[str] | None = None
    """Method names, `*` standing for anything; a batch is hit by its own name and by its commands' names."""
    status: Annotated[int, Field(ge=200, le=599)] = 500
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    body: str | None = None
    """The answer of an error as it is, such as a proxy's HTML page, instead of the portal's JSON."""
    to: str = ""
    after_bytes: Annotated[int, Field(ge=0)] = 0


class ScheduledFault(Fault):
    """Trouble that begins `at` seconds from now and comes again `every` so many; `preset` fills in the rest."""

    at: Annotated[float, Field(ge=0)] = 0.0
    every: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "preset" not in value:
            return value
        given = dict(value)
        name = given.pop("preset")
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
        return {**PRESETS[name], **given}

    @model_validator(mode="after")
    def _returns_after_its_end(self) -> ScheduledFault:
        if self.every is not None and (self.for_s is None or self.for_s > self.every):
            raise ValueError("every: needs a for_s that is not longer")
        return self


_PROXY_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"
PRESETS: dict[str, dict[str, Any]] = {
    "refuse": {"kind": "refuse"},
    "reset": {"kind": "reset"},
    "timeout": {"kind": "timeout", "seconds": 60},
    "slow": {"kind": "delay", "seconds": 5},
    "hang": {"kind": "hang", "seconds": 20},
    "500": {"kind": "error", "status": 500, "body": _PROXY_PAGE.format("500 Internal Server Error")},
    "502": {"kind": "error", "status": 502, "body": _PROXY_PAGE.format("502 Bad Gateway")},
    "504": {"kind": "error", "status": 504, "body": _PROXY_PAGE.format("504 Gateway Time-out")},
    "internal": {"kind": "error", "status": 500},
    "503": {
        "kind": "error", "status": 503, "code": "QUERY_LIMIT_EXCEEDED", "description": "Too many requests",
    },
    "429": {
        "kind": "error", "status": 429, "code": "OPERATION_TIME_LIMIT",
        "description": "Method is blocked due to operation time limit.",
    },
    "overload": {
        "kind": "error", "status": 503, "code": "OVERLOAD_LIMIT",
        "description": "REST API is blocked due to overload.",
    },
    "expired": {"kind": "expired_token"},
    "lost-reply": {"kind": "lose_reply"},
    "truncated": {"kind": "truncated"},
    "garbage": {"kind": "garbage"},
    "late-internal": {"kind": "late_error", "status": 500},
}  # fmt: skip
"""Trouble by name, as `b24-sandbox fault NAME` knows it."""


@dataclass(slots=True)
class _Active:
    fault: Fault
    chance: random.Random
    begins: float
    every: float | None
    left: float

    def on(self, now: float) -> bool:
        """Whether it is its time."""
        since = now - self.begins
        if since < 0:
            return False
        lasts = self.fault.for_s or float("inf")
        return (since % self.every if self.every else since) < lasts

    def over(self, now: float) -> bool:
        """Whether it never comes again."""
        return self.left <= 0 or (self.every is None and now - self.begins >= (self.fault.for_s or float("inf")))


class Faults:
    """The trouble that is on, and that to come."""

    def __init__(self, schedule: Iterable[ScheduledFault] = ()) -> None:
        self._active: list[_Active] = []
        for fault in schedule:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Begin trouble, or enter it into the schedule."""
        at, every = (fault.at, fault.every) if isinstance(fault, ScheduledFault) else (0.0, None)
        begins, times = time.monotonic() + at, fault.times or float("inf")
        self._active.append(_Active(fault, random.Random(fault.seed), begins, every, times))

    def clear(self) -> None:
        """End all trouble, that of the schedule too."""
        self._active.clear()

    def active(self) -> list[Fault]:
        """What is on now."""
        now = self._expire()
        return [active.fault for active in self._active if active.on(now)]

    def told(self) -> list[dict[str, Any]]:
        """All trouble for people: `on`, seconds until it begins (`in_s`), what it is."""
        now = self._expire()
        return [
            {"on": active.on(now), "in_s": round(max(0.0, active.begins - now), 1), **active.fault.model_dump()}
            for active in self._active
        ]

    def hit(self, names: list[str]) -> list[Fault]:
        """The trouble a request with these method names meets; counts it."""
        if not self._active:
            return []
        now = self._expire()
        lowered = [name.lower() for name in names]
        hits = []
        for active in self._active:
            if not active.on(now) or not _meant(active.fault, lowered):
                continue
            if active.fault.chance < 1 and active.chance.random() >= active.fault.chance:
                continue
            active.left -= 1
            hits.append(active.fault)
        return hits

    def _expire(self) -> float:
        now = time.monotonic()
        self._active = [active for active in self._active if not active.over(now)]
        return now


def _meant(fault: Fault, names: list[str]) -> bool:
    patterns = fault.methods
    return not patterns or any(fnmatchcase(name, p.lower()) for name in names for p in patterns)
