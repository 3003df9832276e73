"""The service itself: where it listens, what it keeps and what it logs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stasis_app.settings.checks import wrong_address
from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import Section

SHORTEST_TOKEN = 16


class HttpSettings(Section):
    """The control API, the pages and the portal's handlers."""

    host: str = Field(default="127.0.0.1", description="address to listen at")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8099, description="port to listen at; 0: any free one")
    public_url: str = Field(
        default="", description="how the portal reaches this service (https://pbx.example.com); empty: not at all"
    )
    tokens: list[SecretStr] = Field(
        default_factory=list, description="bearer tokens of the control API; may be empty on a loopback address only"
    )
    supervisor_tokens: list[SecretStr] = Field(
        default_factory=list, description="tokens that may let somebody listen to calls, too; empty: all of tokens may"
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def problems(self) -> Iterator[ConfigProblem]:
        remedy = "Make one with: openssl rand -hex 24."
        if not self.is_loopback and not self.tokens:
            yield ConfigProblem(
                "tokens", f"is empty, but host {self.host!r} can be reached from other machines", remedy
            )
        given = [(f"tokens.{at}", token) for at, token in enumerate(self.tokens)]
        given += [(f"supervisor_tokens.{at}", token) for at, token in enumerate(self.supervisor_tokens)]
        for key, token in given:
            if not token.get_secret_value().strip():
                yield ConfigProblem(key, "is empty", remedy)
            elif not self.is_loopback and len(token.get_secret_value()) < SHORTEST_TOKEN:
                yield ConfigProblem(key, f"has fewer than {SHORTEST_TOKEN} characters", remedy)
        if self.public_url:
            yield from wrong_address("public_url", self.public_url, "https://pbx.example.com")


class StorageSettings(Section):
    """Where calls, facts and the outbox are kept."""

    url: str = Field(default="sqlite+aiosqlite:///stasis.sqlite", description="an async SQLAlchemy database address")
    keep_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="days ended calls stay in the journal; unset: for ever"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        if not self.url.startswith(("sqlite+aiosqlite://", "mysql+asyncmy://", "mariadb+asyncmy://")):
            yield ConfigProblem(
                "url",
                "is not the address of a database this service can use",
                "Write sqlite+aiosqlite:///stasis.sqlite or mysql+asyncmy://user:password@host/database.",
            )


class LoggingSettings(Section):
    """What is logged and where."""

    level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least severity")
    file: Path | None = Field(default=None, description="log file beside the console; rotated")
    as_json: bool = Field(default=False, description="JSON lines instead of text")
    mask_numbers: bool = Field(default=True, description="show only the last four digits of phone numbers")
    rotate_megabytes: Annotated[int, Field(ge=1)] = Field(default=50, description="size at which the file is rotated")
    keep_days: Annotated[int, Field(ge=1)] = Field(default=14, description="days rotated files are kept")
