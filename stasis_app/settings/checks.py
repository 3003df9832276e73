"""What is wrong with a value beyond its type: checks that several sections make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from stasis_app.settings.problems import ConfigProblem


def wrong_address(key: str, value: str, example: str) -> Iterator[ConfigProblem]:
    """Complain unless `value` is scheme://host[:port][/path]."""
    remedy = f"Write it like {example}."
    try:
        parts = urlsplit(value)
        port_is_wrong = parts.port == 0
    except ValueError as error:
        yield ConfigProblem(key, f"is not an address ({error})", remedy, repr(value))
        return
    if parts.username or parts.password:
        yield ConfigProblem(key, "has a user name or a password in it", f"{remedy} Secrets have keys of their own.")
    elif parts.scheme not in ("http", "https") or not parts.hostname or port_is_wrong:
        yield ConfigProblem(key, "is not an http:// or https:// address", remedy, repr(value))
    elif parts.query or parts.fragment:
        yield ConfigProblem(key, "has a ? or # part", remedy, repr(value.split("?")[0].split("#")[0] + "…"))


def no_tls(key: str, value: str | None = None) -> ConfigProblem:
    """The complaint about an address without TLS; `value` is left out when it is a secret."""
    return ConfigProblem(
        key,
        "would send tokens and customers' data over plain http://",
        "Use https://, or set allow_http = true if the network is closed.",
        value,
    )


def wrong_dial_string(key: str, text: str, part: str, example: str) -> Iterator[ConfigProblem]:
    """Complain unless `part` is in the dial string, and nothing else in braces."""
    remedy = f"Write it like {example}."
    if part not in text:
        yield ConfigProblem(key, f"has no {part} in it", remedy, repr(text))
    elif set("{}") & set(text.replace(part, "")):
        yield ConfigProblem(key, f"has braces besides {part}", remedy, repr(text))


def missing_file(key: str, path: Path | None) -> Iterator[ConfigProblem]:
    """Complain when a file is named and not there."""
    if path is not None and not path.is_file():
        yield ConfigProblem(
            key, "no such file", "Relative paths start at the folder of the configuration file.", repr(str(path))
        )
