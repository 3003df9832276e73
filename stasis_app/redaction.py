"""What must not be read in a log: secrets, whole phone numbers, and text from outside that poses as a log line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST_SECRET = 4  # shorter ones would blot out ordinary words

# Secrets recognised by their place, whoever they belong to.
_BY_PLACE = re.compile(
    r"""(?ix)
      (?P<before>
        /rest/(?:api/)?\d+/                                   # webhook: /rest/<user>/<secret>/
      | /bitrix24/recordings/                                 # the token that opens a recording
      | \b(?:bearer|basic)\s+                                 # Authorization header
      | ["']?\b(?:access_token|refresh_token|application_token|client_secret|password|auth_id|refresh_id
                 |api_key|auth(?=\]?["']?\s*=))\]?["']?\s*[=:]\s*["']?
      )
      (?P<secret>[^\s/"'&,;)}\]]+)
    """
)

# Things that look like numbers and are none. They are tried first and left alone.
_NOT_A_NUMBER = r"""
    [0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}   # UUID
  | (?:(?<![\w.])|(?<=-))1\d{9}\.\d+(?!\w)   # Asterisk's uniqueid and linkedid, with or without a prefix
  | externalCall\.[0-9a-fA-F]+\.\d+                                             # Bitrix24's CALL_ID
  | (?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?  # ISO 8601
  | -[0-9a-f]{8}(?![0-9A-Za-z])                                                 # the tail of a channel name
  | (?<![0-9A-Za-z])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{16,}(?![0-9A-Za-z])     # hexadecimal ids
  | (?<![\w.])\d{1,6}\.\d+(?:\.\d+)*(?!\w)                                       # decimals, addresses, versions
"""
_NUMBER = r"""
    (?:\+|%2[Bb])\d(?:[ \-().\u00a0]{0,2}\d){6,14}                              # +7 (916) 123-45-67
  | (?<![\w.])(?:[78][ \-]?)?\(\d{3,5}\)[ \-]?\d{1,3}(?:[ \-]?\d{2}){2}(?!\d)   # 8 (916) 123-45-67
  | (?<![\w.])(?:[78][ \-])?\d{3}[ \-]\d{3}[ \-]\d{2}[ \-]?\d{2}(?!\w)          # 8 916 123-45-67
  | (?<![0-9A-Za-z])\d{7,15}(?![0-9A-Za-z])                                     # 79161234567
"""
_DIGITS = re.compile(f"(?x)(?P<kept>{_NOT_A_NUMBER})|(?P<number>{_NUMBER})")

# Control characters, line and paragraph separators, and marks that reverse the writing direction.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def masked(text: str) -> str:
    """`text` with all but the last four digits of every phone number left out.

    A run of seven or more digits counts as a number unless it has the form of an identifier or a time. When in doubt it
    is masked: a lost identifier costs the reader a little time, a lost number cannot be taken back.
    """
    return _DIGITS.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    if match["kept"] is not None:
        return match["kept"]
    digits = re.sub(r"\D", "", match["number"].replace("%2B", "").replace("%2b", ""))
    return f"***{digits[-4:]}"


def printable(text: str) -> str:
    """`text` on one line: what a terminal or a log reader would act upon is shown as an escape."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class Redactor:
    """Takes secrets and phone numbers out of texts. Secrets learnt later (renewed tokens) are added with `add`."""

    def __init__(self, secrets: Iterable[str] = (), *, mask_numbers: bool = True) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.mask_numbers = mask_numbers
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Never let these texts through, as they are or percent-encoded."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._secrets |= {secret, quote(secret, safe="")}
        if self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(secret) for secret in longest_first))

    def __call__(self, text: str) -> str:
        """`text` fit to be logged; line breaks stay."""
        if self._pattern:
            text = self._pattern.sub("[secret]", text)
        text = _BY_PLACE.sub(r"\g<before>[secret]", text)
        return masked(text) if self.mask_numbers else text
