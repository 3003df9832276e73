"""What somebody in a waiting line is told, with the prompts of Asterisk's core sounds."""

from __future__ import annotations

import math

NEXT = "queue-youarenext"
POSITION = ("queue-thereare", "queue-callswaiting")
WAIT, MINUTES, LESS_THAN = "queue-holdtime", "queue-minutes", "queue-less-than"
THANKS = "queue-thankyou"


def position_prompts(position: int) -> tuple[str, ...]:
    """Where he stands."""
    if position <= 1:
        return (NEXT,)
    return (POSITION[0], f"number:{position}", POSITION[1])


def wait_prompts(seconds: float | None) -> tuple[str, ...]:
    """How long he will wait, in minutes rounded up; nothing when nobody knows."""
    if seconds is None:
        return ()
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return (WAIT, LESS_THAN, "number:2", MINUTES)
    return (WAIT, f"number:{minutes}", MINUTES)
