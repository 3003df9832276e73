"""Robots an application offers to the portal's automation (https://apidocs.bitrix24.com/api-reference/bizproc/).

The portal posts a form to a robot's handler when a document reaches it; `RobotRequest.from_form` reads it. Only an
installed application, acting for an administrator, may register robots.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import Refused
from b24client.forms import decode_form
from b24client.php import as_list, as_map, texts
from b24client.tokens import OAuthTokens

Localized = str | Mapping[str, str]
"""A text, or one by language."""


class RobotProperty(BaseModel):
    """A parameter or result of a robot. `type`: string, text, int, double, bool, date, datetime, user, select."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Localized
    type: str = "string"
    description: Localized = ""
    required: bool = False
    multiple: bool = False
    default: Any = None
    options: Mapping[str, str] = Field(default_factory=dict)
    """What may be chosen, for a select: titles by value."""

    def to_params(self) -> dict[str, Any]:
        """The portal's description of it."""
        told: dict[str, Any] = {"Name": self.name, "Type": self.type, "Description": self.description}
        told |= {"Required": "Y" if self.required else "N", "Multiple": "Y" if self.multiple else "N"}
        told |= {"Default": self.default, "Options": dict(self.options)}
        return {key: value for key, value in told.items() if value not in (None, "", {})}


class Robot(BaseModel):
    """A robot. `subscribed`: its process waits until `Robots.answer` is called with the results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    handler: str = Field(pattern=r"^https?://")
    name: Localized
    description: Localized = ""
    auth_user_id: int | None = None
    """Whose token the handler gets."""
    subscribed: bool = False
    properties: Mapping[str, RobotProperty] = Field(default_factory=dict)
    return_properties: Mapping[str, RobotProperty] = Field(default_factory=dict)
    document_types: tuple[tuple[str, ...], ...] = ()
    """Where it is offered, such as ("crm", "CCrmDocumentDeal"); everywhere without any."""

    def to_fields(self) -> dict[str, Any]:
        """The portal's fields, but for the code."""
        fields: dict[str, Any] = {
            "HANDLER": self.handler,
            "NAME": self.name,
            "DESCRIPTION": self.description,
            "AUTH_USER_ID": self.auth_user_id,
            "USE_SUBSCRIPTION": "Y" if self.subscribed else "N",
            "PROPERTIES": {key: about.to_params() for key, about in self.properties.items()},
            "RETURN_PROPERTIES": {key: about.to_params() for key, about in self.return_properties.items()},
            "FILTER": {"INCLUDE": [list(kind) for kind in self.document_types]} if self.document_types else None,
        }
        return {key: value for key, value in fields.items() if value not in (None, "", {})}


class RobotRequest(BaseModel):
    """What a portal posts to a robot's handler. Trust it only if `application_token` is the one of the installation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str = Field(min_length=1)
    workflow_id: str = ""
    event_token: SecretStr
    """Goes back with the answer."""
    document_id: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    """Module, kind and name of the document: ("crm", "CCrmDocumentDeal", "DEAL_10")."""
    document_type: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    properties: Annotated[dict[str, Any], BeforeValidator(as_map)] = Field(default_factory=dict)
    use_subscription: bool = False
    timeout_duration: int = 0
    """How long the process waits for the answer, seconds."""
    ts: datetime | None = None
    member_id: str = ""
    application_token: SecretStr = SecretStr("")
    tokens: OAuthTokens | None = None
    """To act for the user the robot was registered for, where the portal hands them over."""

    @classmethod
    def from_form(cls, form: Mapping[str, Any]) -> RobotRequest:
        """Read the posted form, its fields flat (`document_id[2]`) or nested already.

        Raises ValueError naming the first field that is missing or not of its kind.
        """
        nested = decode_form((key, value) for key, value in form.items() if isinstance(value, str))
        nested |= {key: value for key, value in form.items() if not isinstance(value, str)}
        auth = nested.get("auth")
        auth = auth if isinstance(auth, Mapping) else {}
        told = {key: value for key, value in nested.items() if value not in ("", None)}
        stamp = str(told.pop("ts", ""))
        if stamp.isdecimal() and len(stamp) < 12:
            told["ts"] = datetime.fromtimestamp(int(stamp), UTC)
        told |= {key: str(auth[key]) for key in ("member_id", "application_token") if auth.get(key)}
        try:
            told["tokens"] = OAuthTokens.from_token_reply(auth) if auth.get("access_token") else None
            return cls.model_validate(told)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise ValueError(f"robot request: {'.'.join(map(str, first['loc']))}: {first['type']}") from None
        except TypeError as error:
            raise ValueError(f"robot request: {error}") from None


class Robots:
    """`bizproc.robot.*` and `bizproc.event.send`; scope `bizproc`. A webhook gets AccessDenied."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def codes(self) -> builtins.list[str]:
        """The codes of the robots we have registered."""
        method = "bizproc.robot.list"
        return texts(method, await self._portal.call(method, priority=Priority.SYNC))

    async def offer(self, robot: Robot) -> bool:
        """Register a robot, or bring the one with its code up to date; whether it is new."""
        if robot.code in await self.codes():
            params = {"CODE": robot.code, "FIELDS": robot.to_fields()}
            await self._portal.call("bizproc.robot.update", params, priority=Priority.SYNC)
            return False
        params = {"CODE": robot.code, **robot.to_fields()}
        await self._portal.call("bizproc.robot.add", params, priority=Priority.SYNC)
        return True

    async def withdraw(self, code: str) -> bool:
        """Remove a robot; False when there was none."""
        try:
            await self._portal.call("bizproc.robot.delete", {"CODE": code}, priority=Priority.SYNC)
        except Refused as error:
            if error.code.upper() != "ERROR_ACTIVITY_NOT_FOUND":
                raise
            return False
        return True

    async def answer(
        self,
        request: RobotRequest,
        values: Mapping[str, Any] | None = None,
        *,
        log: str = "",
        priority: Priority = Priority.FINISH,
    ) -> None:
        """Let the process that waits go on with these results. AccessDenied when none waits (any more)."""
        params: dict[str, Any] = {"EVENT_TOKEN": request.event_token.get_secret_value()}
        params |= {"RETURN_VALUES": dict(values or {})} | ({"LOG_MESSAGE": log} if log else {})
        await self._portal.call("bizproc.event.send", params, priority=priority)

    async def log(self, request: RobotRequest, message: str) -> None:
        """Write a line into the log of the process that waits."""
        params = {"EVENT_TOKEN": request.event_token.get_secret_value(), "LOG_MESSAGE": message}
        await self._portal.call("bizproc.activity.log", params, priority=Priority.SYNC)
