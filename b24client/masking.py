"""Keeping secrets out of anything a person may read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_MASK = "***"
_SCANNED = 65_536
_PATTERNS = (
    (re.compile(r"(\\?/rest\\?/\d+\\?/)[^\\/\s\"'<>?&]+"), rf"\1{_MASK}"),
    (
        re.compile(
            r"((?:auth|auth_id|refresh_id|access_token|refresh_token|client_secret|application_token|token)"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&<>,}]+",
            re.IGNORECASE,
        ),
        rf"\1{_MASK}",
    ),
)


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without the given secrets and without anything that looks like a token or a webhook address."""
    text = text[:_SCANNED]
    for secret in sorted({form for s in secrets if s for form in (s, quote(s, safe=""))}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def excerpt(body: bytes | str, secrets: Iterable[str], length: int = 160) -> str:
    """The beginning of an answer, fit for an error text: one line, printable, masked, at most `length` characters."""
    text = body[: _SCANNED * 4].decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = " ".join("".join(c if c.isprintable() else " " for c in masked(text, secrets)).split())
    return text if len(text) <= length else text[: length - 1] + "…"
