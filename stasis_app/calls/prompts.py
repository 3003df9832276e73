"""Prompts and keys: what the caller hears and what he presses."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"^(sound|recording|number|digits|characters|tone|http|https):", re.IGNORECASE)


def media_uri(prompt: str) -> str:
    """A prompt as an ARI media URI: a plain name is a sound, anything with a scheme stays as it is."""
    return prompt if _SCHEME.match(prompt) else f"sound:{prompt}"


PLAYBACKS = 8
"""How many names the prompts of a channel go round in; one plays at a time."""


def playback_of(channel: str, number: int) -> str:
    """The id of a channel's next prompt.

    Asterisk lists no playbacks, and a channel that plays does nothing else it is asked to. So the ids are such that
    whoever comes after us (the service started again, the lifeguard) can guess and stop what plays.
    """
    return f"{channel}-prompt-{number % PLAYBACKS}"


_REMEMBERED = 16  # how many prompts that ended are


class Prompts:
    """The prompts of a call: how many were begun, and which ended last."""

    __slots__ = ("_begun", "_ended")

    def __init__(self) -> None:
        self._begun = 0
        self._ended: tuple[str, ...] = ()

    def begin(self, channel: str) -> str:
        """The id of the next prompt of a channel, which has not ended, though a former one of this name has."""
        self._begun += 1
        playback = playback_of(channel, self._begun)
        self._ended = tuple(ended for ended in self._ended if ended != playback)
        return playback

    def ended(self, playback: str) -> None:
        """A prompt has ended."""
        self._ended = (*self._ended, playback)[-_REMEMBERED:]

    def has_ended(self, playback: str) -> bool:
        """Whether it has."""
        return playback in self._ended


class Keys:
    """Keys pressed and not yet read, in order."""

    __slots__ = ("_pressed",)

    def __init__(self) -> None:
        self._pressed = ""

    def __len__(self) -> int:
        return len(self._pressed)

    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._pressed)

    def press(self, digit: str) -> None:
        """One more key. Beyond 64 unread keys somebody is playing; they are dropped."""
        if len(self._pressed) < 64:
            self._pressed += digit

    def complete(self, digits: int, terminator: str) -> bool:
        """Whether `digits` keys or the terminator are there."""
        return len(self._pressed) >= digits or bool(terminator and terminator in self._pressed)

    def take(self, digits: int, terminator: str) -> str:
        """Take up to `digits` keys, or those before the terminator (which is taken too, and not returned)."""
        end = self._pressed.find(terminator) if terminator else -1
        if 0 <= end < digits or (end == digits == 0):
            taken, self._pressed = self._pressed[:end], self._pressed[end + 1 :]
        else:
            taken, self._pressed = self._pressed[:digits], self._pressed[digits:]
            if terminator:
                # "102#" where three digits are enough: the # belongs to them, not to the next question.
                self._pressed = self._pressed.removeprefix(terminator)
        return taken
