"""Which Asterisk can do what."""

from __future__ import annotations

from collections.abc import Mapping


def since(version: str, first: Mapping[int, int]) -> bool:
    """Whether a version is one of those that can do something; `first` is the first minor version of each line.

    Lines after the last one named can do it; of a version that can't be read nothing is expected.
    """
    parts = version.split("-")[0].split("~")[0].split(".")[:2]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) < 2:
        return False
    major, minor = numbers
    return major > max(first) or minor >= first.get(major, minor + 1)
