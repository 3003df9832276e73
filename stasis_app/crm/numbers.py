"""Reading phone numbers as they arrive from SIP, from people and from the portal.

Everything that is looked up or compared goes through `Numbers.read`, so that `8 (916) 123-45-67`, `79161234567` and
`sip:+79161234567@trunk` are one caller. It never raises: a caller id is whatever the other side cared to send.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers

MAX_LENGTH = 64
"""Characters of a caller id that are kept; the rest is junk (E.164 has 15 digits)."""

REMEMBERED = 2000
"""Spellings whose reading is kept."""

# How exchanges, gateways and phones write "the caller does not show his number" (RFC 3323 section 4.1 for
# "anonymous"; "asterisk" is what Asterisk itself sends when it was given no caller id). Compared without punctuation.
_WITHHELD = frozenset(
    {
        *("anonymous", "unknown", "restricted", "unavailable", "hidden", "private", "withheld", "blocked", "invalid"),
        *("nonumber", "notavailable", "outofarea", "callerunknown", "anonym", "asterisk", "null", "none", "clir"),
        *("скрыт", "скрытыйномер", "аноним", "неизвестно", "неизвестный"),
    }
)

_ADDRESS = re.compile(r"^\s*(?:[^<]*<)?\s*(?:sips?|tel):([^@;>]*)", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")
_DIRECT_EXTENSION = re.compile(r"\s*(?:;ext=|,|;|#|ext\.?|доб\.?|x)\s*[\d\s.]*$", re.IGNORECASE)
_EXTENSION = re.compile(r"[0-9]{1,11}")


class NumberKind(StrEnum):
    """What a caller id turned out to be."""

    PUBLIC = "public"  # has an E.164 form
    INTERNAL = "internal"  # an extension by its length
    WITHHELD = "withheld"  # the caller does not show his number
    OTHER = "other"  # digits of no known numbering plan, or a SIP user name


@dataclass(frozen=True, slots=True)
class Number:
    """A phone number that was read. `raw` is the cleaned input: printable, no SIP wrapping, at most 64 characters."""

    raw: str
    kind: NumberKind
    e164: str = ""

    @property
    def is_withheld(self) -> bool:
        """Whether the caller hides his number."""
        return self.kind is NumberKind.WITHHELD

    @property
    def is_public(self) -> bool:
        """Whether it is a number of the public network, the only kind a client can have."""
        return self.kind is NumberKind.PUBLIC

    @property
    def key(self) -> str:
        """What numbers are compared by: two spellings of one number have one key. "" when withheld."""
        return "" if self.is_withheld else self.e164 or self.raw

    def __str__(self) -> str:
        return self.key or "withheld"


class Numbers:
    """Reads numbers for one country.

    `country` is the ISO 3166 region that numbers without a country code belong to; `internal_digits` is the greatest
    length of a number that is taken for an extension.
    """

    def __init__(self, country: str, *, internal_digits: int = 5) -> None:
        self.country = country
        self.internal_digits = internal_digits
        # Every room that hears of a call reads its number anew.
        self._remembered = lru_cache(REMEMBERED)(self._read)

    def read(self, text: str) -> Number:
        """Read a number in any spelling. Never raises."""
        spelling = str(text)
        return self._remembered(spelling) if len(spelling) <= 2 * MAX_LENGTH else self._read(spelling)

    def _read(self, text: str) -> Number:
        raw = _clean(text)
        if _is_withheld(raw):
            return Number(raw, NumberKind.WITHHELD)
        bare = _DIRECT_EXTENSION.sub("", raw) or raw
        if any(c.isalpha() or c in "*#" for c in bare):
            return Number(raw, NumberKind.OTHER)
        digits = "".join(str(unicodedata.decimal(c)) for c in bare if c.isdecimal())
        if not digits:
            return Number(raw, NumberKind.OTHER)
        if not set(digits) - {"0"}:
            return Number(raw, NumberKind.WITHHELD)  # 0, 000000: how some exchanges fill in a missing number
        # A plus that a gateway put before a national number ("+8916…") leads nowhere: then the digits alone are read.
        spelling = f"+{digits}" if bare.lstrip().startswith(("+", "＋")) else digits
        if len(digits) <= self.internal_digits:
            return Number(digits, NumberKind.INTERNAL) if spelling == digits else Number(spelling, NumberKind.OTHER)
        e164 = self._e164(spelling) or self._e164(digits)
        return Number(raw, NumberKind.PUBLIC, e164) if e164 else Number(digits, NumberKind.OTHER)

    def _e164(self, digits: str) -> str:
        try:
            parsed = phonenumbers.parse(digits, self.country)
        except phonenumbers.NumberParseException:
            return ""
        if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
            return ""
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def extension_of(value: object) -> str:
    """An extension as a plain string of 1 to 11 digits, "" when `value` is none.

    People write it with spaces and dashes, and the portal sends null, numbers and text alike.
    """
    if value is None or isinstance(value, bool | float):
        return ""
    text = re.sub(r"[\s\-.()]", "", str(value))
    return text if _EXTENSION.fullmatch(text) and text.isascii() else ""


def _clean(text: str) -> str:
    """Printable, without SIP wrapping, short; cleaning twice changes nothing."""
    shown = "".join(c for c in str(text) if c.isprintable()).strip()
    # Until nothing changes: `"Ivan" <sip:+7…@host>` is wrapped twice. Each round makes it shorter.
    while (inner := _unwrapped(shown)) != shown:
        shown = inner
    return shown[:MAX_LENGTH].strip()


def _unwrapped(shown: str) -> str:
    found = _ADDRESS.match(shown) or _IN_BRACKETS.search(shown)
    return (found[1] if found else shown).split("@", 1)[0].strip()


def _is_withheld(raw: str) -> bool:
    letters = "".join(c for c in raw.casefold() if c.isalnum())
    return (not letters and not raw.strip("+-_.<>\"' ")) or letters in _WITHHELD
