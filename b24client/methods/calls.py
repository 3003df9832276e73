"""What is said to a portal about a call, and what it answers.

https://apidocs.bitrix24.com/api-reference/telephony/index.html; requests are frozen models whose `to_params()` gives
the parameters as the portal wants them, for a call or for a batch command.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from b24client.php import Identifier, Moment, Number, Reply, Text


class CallType(IntEnum):
    """Direction of a call."""

    OUTGOING = 1
    INCOMING = 2
    INCOMING_REDIRECTED = 3
    CALLBACK = 4
    INFORMATIONAL = 5


class StatusCode(StrEnum):
    """How a call ended, in the portal's words."""

    SUCCESS = "200"
    MISSED = "304"
    DECLINED = "603"
    CANCELLED = "603-S"
    FORBIDDEN = "403"
    BAD_NUMBER = "404"
    BUSY = "486"
    UNAVAILABLE_DIRECTION = "484"
    SERVICE_UNAVAILABLE = "503"
    TEMPORARILY_UNAVAILABLE = "480"
    NO_FUNDS = "402"
    BLOCKED = "423"
    OTHER = "OTHER"


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: int | str | None = None
    """The employee; a string only for a batch reference."""
    user_phone_inner: str | None = None
    """The employee's extension, where his id is not known."""

    @model_validator(mode="after")
    def _somebody(self) -> _Request:
        if self.user_id is None and not self.user_phone_inner:
            raise ValueError("one of user_id and user_phone_inner is needed")
        return self

    def to_params(self) -> dict[str, Any]:
        """The parameters in the portal's names and notation; what is not set is left to the portal."""
        params: dict[str, Any] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None or value == "":
                continue
            if isinstance(value, bool):
                value = int(value)
            elif isinstance(value, IntEnum | StrEnum):
                value = value.value
            elif hasattr(value, "isoformat"):
                value = value.isoformat(timespec="seconds")
            params[name.upper()] = value
        return params


class RegisterCall(_Request):
    """A call that begins: `telephony.externalCall.register`.

    Always give `external_call_id`: without it two calls of one number at the same time become one in the portal, and a
    request whose answer got lost can't be repeated.
    """

    phone_number: str
    type: CallType
    call_start_date: AwareDatetime | None = None
    crm_create: bool = False
    crm_source: str | None = None
    crm_entity_type: str | None = None
    crm_entity_id: int | None = None
    show: bool = False
    """Open the card of `user_id` right away."""
    add_to_chat: bool = False
    call_list_id: int | None = None
    line_number: str | None = None
    external_call_id: str | None = None


class FinishCall(_Request):
    """A call that ended: `telephony.externalCall.finish`. `duration` in seconds of talk; only the first one counts."""

    call_id: str
    duration: Annotated[int, Field(ge=0)] = 0
    status_code: StatusCode
    failed_reason: str | None = None
    cost: float | None = None
    cost_currency: str | None = None
    vote: Annotated[int, Field(ge=0, le=5)] | None = None
    add_to_chat: bool = False


class Utterance(BaseModel):
    """Something said in a call. `start` and `stop` in seconds from the beginning of the call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Literal["User", "Client"]
    """Who said it: the portal's user or his client."""
    start: Annotated[int, Field(ge=0)]
    stop: Annotated[int, Field(ge=1)]
    message: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Utterance:
        if self.stop < self.start:
            raise ValueError(f"start {self.start} comes after stop {self.stop}")
        return self

    def to_params(self) -> dict[str, Any]:
        """The utterance as the portal wants it."""
        return {"SIDE": self.side, "START_TIME": self.start, "STOP_TIME": self.stop, "MESSAGE": self.message}


class CreatedEntity(Reply):
    """Something the portal created for a call."""

    entity_type: Text = ""
    entity_id: Identifier = None


class RegisteredCall(Reply):
    """The portal's name of a call, and whom it belongs to."""

    call_id: str = Field(min_length=1)
    crm_created_lead: Identifier = None
    crm_created_entities: list[CreatedEntity] = Field(default_factory=list)
    crm_entity_type: Text = ""
    crm_entity_id: Identifier = None
    lead_creation_error: Text = ""


class FinishedCall(Reply):
    """What the portal wrote down. `id` is the row of the statistics."""

    call_id: str
    id: Identifier = None
    external_call_id: Text = ""
    portal_user_id: Identifier = None
    phone_number: Text = ""
    portal_number: Text = ""
    call_type: Number = Field(default=0, alias="INCOMING")
    call_duration: Number = 0
    call_failed_code: Text = ""
    call_failed_reason: Text = ""
    crm_activity_id: Identifier = None
    crm_entity_type: Text = ""
    crm_entity_id: Identifier = None

    @classmethod
    def of(cls, row: CallStatistic) -> FinishedCall:
        """The same out of the statistics."""
        return cls(**row.model_dump(include=set(cls.model_fields)))


class _Responsible(Reply):
    id: Identifier = None
    timeman_status: Text = ""
    user_phone_inner: Text = ""
    personal_mobile: Text = ""


class CrmEntity(Reply):
    """A client with a number, and the employee responsible for him."""

    entity_type: Text = Field(default="", alias="CRM_ENTITY_TYPE")
    """CONTACT, COMPANY or LEAD."""
    entity_id: int = Field(alias="CRM_ENTITY_ID")
    name: Text = ""
    assigned_by_id: Identifier = None
    responsible: _Responsible | None = Field(default=None, alias="ASSIGNED_BY")

    @model_validator(mode="before")
    @classmethod
    def _without_nobody(cls, value: Any) -> Any:
        """An empty ASSIGNED_BY is `[]`."""
        if isinstance(value, dict) and not value.get("ASSIGNED_BY"):
            return {key: item for key, item in value.items() if key != "ASSIGNED_BY"}
        return value

    @property
    def assigned_by_extension(self) -> str:
        """The responsible employee's extension, "" when he has none."""
        return self.responsible.user_phone_inner.strip() if self.responsible else ""

    @property
    def assigned_by_mobile(self) -> str:
        """The responsible employee's mobile number."""
        return self.responsible.personal_mobile if self.responsible else ""

    @property
    def timeman_status(self) -> str:
        """His working day: OPENED, CLOSED, PAUSED, EXPIRED, UNAVAILABLE, NOT_INSTALLED; "" if not told."""
        return self.responsible.timeman_status if self.responsible else ""


class CallStatistic(Reply):
    """A row of the call statistics: a finished call (`voximplant.statistic.get`)."""

    id: int
    call_id: Text = ""
    external_call_id: Text = ""
    portal_user_id: Identifier = None
    portal_number: Text = ""
    phone_number: Text = ""
    call_type: Number = 0
    call_duration: Number = 0
    call_start_date: Moment = None
    call_failed_code: Text = ""
    call_failed_reason: Text = ""
    call_record_url: Text = ""
    crm_entity_type: Text = ""
    crm_entity_id: Identifier = None
    crm_activity_id: Identifier = None
    record_file_id: Identifier = None
    record_duration: Number = 0
