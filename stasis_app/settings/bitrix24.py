"""The portal, and the calls its forms order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from stasis_app.settings.checks import missing_file, no_tls, wrong_address
from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import Seconds, Section


class Bitrix24Settings(Section):
    """The portal: an incoming webhook, or a local application."""

    webhook: SecretStr | None = Field(default=None, description="address of an incoming webhook; a secret as a whole")
    portal: str = Field(default="", description="address of the portal, for access as an application")
    client_id: str = Field(default="", description="the application's id (client_id)")
    client_secret: SecretStr | None = Field(default=None, description="the application's key (client_secret)")
    oauth_url: str = Field(default="https://oauth.bitrix.info", description="the server that renews tokens")
    default_user: int | None = Field(default=None, gt=0, description="id of who answers for calls nobody took")
    credit: Literal["last", "longest"] = Field(
        default="last", description="whom a call is credited to: the employee who talked last, or longest in all"
    )
    lookup_budget: Seconds = Field(default=1.5, description="seconds a caller may wait for the CRM's answer")
    anonymous_number: str = Field(default="anonymous", description="PHONE_NUMBER of a call with a withheld number")
    crm_create: bool = Field(default=True, description="let the portal create a lead for an unknown number")
    internal_calls: bool = Field(default=False, description="mirror calls between extensions too")
    message_todo: str = Field(
        default="Voice message from {number}",
        max_length=200,
        description="title of what the responsible is to do about a message that was left; empty: nothing",
    )
    notes: bool = Field(
        default=True, description="comment on the client who talked with him when a call was moved, and how it was"
    )
    notes_language: Literal["en", "ru"] = Field(default="en", description="the language of these comments")
    limits: Literal["auto", "standard", "enterprise", "off"] = Field(
        default="auto",
        description="requests the portal takes: 2/s (50 at once), Enterprise 5/s (250); auto asks which; off: any",
    )
    allow_http: bool = Field(default=False, description="allow a portal without TLS (only in a closed network)")
    ca_file: Path | None = Field(default=None, description="certificate authority of an on-premise portal, PEM")

    @property
    def is_application(self) -> bool:
        """Whether the portal is reached as an installed application (OAuth) rather than by a webhook."""
        return self.webhook is None

    def problems(self) -> Iterator[ConfigProblem]:
        yield from missing_file("ca_file", self.ca_file)
        yield from wrong_address("oauth_url", self.oauth_url, "https://oauth.bitrix.info")
        if self.webhook is not None:
            yield from self._webhook_problems(self.webhook.get_secret_value())
        else:
            yield from self._application_problems()

    def _webhook_problems(self, webhook: str) -> Iterator[ConfigProblem]:
        for key in ("portal", "client_id", "client_secret"):
            if getattr(self, key):
                yield ConfigProblem(
                    key, "is given together with webhook", "Keep the webhook, or portal + client_id + client_secret."
                )
        parts = urlsplit(webhook)
        if parts.scheme not in ("http", "https") or not parts.hostname or "/rest/" not in parts.path:
            yield ConfigProblem(
                "webhook",
                "is not the address of an incoming webhook",
                "Copy it from the portal: https://example.bitrix24.ru/rest/1/code/.",
            )
        elif parts.scheme == "http" and not self.allow_http:
            yield no_tls("webhook")

    def _application_problems(self) -> Iterator[ConfigProblem]:
        if not (self.portal or self.client_id or self.client_secret):
            yield ConfigProblem(
                "webhook",
                "is missing, and so are portal, client_id and client_secret",
                "Give the address of an incoming webhook, or those three of a local application.",
            )
            return
        for key in ("portal", "client_id", "client_secret"):
            if not getattr(self, key):
                yield ConfigProblem(
                    key, "is missing", "An application needs portal, client_id and client_secret; see docs/install.md."
                )
        if self.portal:
            yield from wrong_address("portal", self.portal, "https://example.bitrix24.ru")
            if self.portal.startswith("http://") and not self.allow_http:
                yield no_tls("portal", repr(self.portal))
        if self.oauth_url.startswith("http://") and not self.portal.startswith("http://"):
            yield ConfigProblem(
                "oauth_url",
                "would send the application's secret over plain http://",
                "Use https://; http:// goes only with a portal at http:// and allow_http = true.",
                repr(self.oauth_url),
            )


class CallbackSettings(Section):
    """Calling back customers who filled in a callback form of the CRM. Their responsible employee is called first."""

    element: str = Field(
        default="",
        description="a ring element of the plan: its extensions are called in turn when the responsible can't be",
    )
    follow_forwards: bool = Field(
        default=False, description="call employees who forward all their calls where they forward them to"
    )
    attempts: int = Field(default=3, ge=1, le=20, description="how often an employee is looked for, 1 to 20")
    pause: Seconds = Field(default=60.0, description="seconds between these attempts")
    patience: Annotated[float, Field(gt=0, le=86400)] = Field(
        default=900.0, description="seconds after which a form that comes late is not called back any more"
    )
