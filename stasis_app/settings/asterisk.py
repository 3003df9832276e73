"""The wire to Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stasis_app.settings.checks import missing_file, wrong_address, wrong_dial_string
from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import Seconds, Section


class AsteriskSettings(Section):
    """How to reach Asterisk's ARI and how its endpoints are named."""

    url: str = Field(default="http://127.0.0.1:8088", description="where Asterisk's HTTP server listens, without /ari")
    username: str = Field(min_length=1, description="the user in ari.conf")
    password: SecretStr = Field(description="that user's password")
    app: str = Field(
        default="stasis-app",
        pattern=r"^[A-Za-z0-9_.-]{1,73}$",
        description="the name in Stasis() of the dialplan",
    )
    endpoint: str = Field(default="PJSIP/{extension}", description="dial string of an extension")
    trunk: str = Field(default="PJSIP/{number}@trunk", description="dial string of an outside number")
    phone_transfers: Literal["auto", "server"] = Field(
        default="auto",
        description="who carries out transfers made on a phone: we, where Asterisk can tell us (22.7+, 20.17+), or it",
    )
    ca_file: Path | None = Field(default=None, description="certificate authority of an https:// address, PEM")
    connect: Literal["inbound", "outbound"] = Field(
        default="inbound",
        description="who opens the event websocket: inbound, we connect to Asterisk; outbound, Asterisk to us (22.5+)",
    )
    listen_host: str = Field(default="127.0.0.1", description="with outbound: address to await Asterisk at")
    listen_port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8098, description="with outbound: the port")
    listen_path: str = Field(
        default="/ari", pattern=r"^/[A-Za-z0-9_./-]*$", description="with outbound: the path in websocket_client.conf"
    )
    listen_username: str = Field(default="asterisk", description="with outbound: the user in websocket_client.conf")
    listen_password: SecretStr | None = Field(default=None, description="with outbound: that user's password")
    heartbeat: Seconds = Field(default=5.0, description="seconds between pings of the event websocket")
    request_timeout: Seconds = Field(default=5.0, description="seconds an ARI request may take")
    rest_over_websocket: bool | None = Field(
        default=None, description="send requests over the event websocket; unset: when the server has it"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        yield from wrong_address("url", self.url, "http://127.0.0.1:8088")
        yield from missing_file("ca_file", self.ca_file)
        password = self.listen_password.get_secret_value() if self.listen_password else ""
        if self.connect == "outbound" and len(password) < 8:
            yield ConfigProblem(
                "listen_password",
                "is missing or has fewer than 8 characters, but Asterisk shall connect to us",
                "Choose one, and put it into websocket_client.conf too: openssl rand -hex 16.",
            )
        yield from wrong_dial_string("endpoint", self.endpoint, "{extension}", "PJSIP/{extension}")
        yield from wrong_dial_string("trunk", self.trunk, "{number}", "PJSIP/{number}@trunk")
