"""Employees and their phones: who may do what, and what their keys do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stasis_app.settings.problems import ConfigProblem
from stasis_app.settings.section import OWN_NUMBER, AutoAnswerStyle, Seconds, Section

Dialled = Annotated[str, Field(pattern=r"^([*#][0-9*#]{1,9})?$")]
Code = Annotated[str, Field(pattern=r"^([0-9*#]{1,8})?$")]
FEATURE_CODES = ("blind", "attended", "cancel", "conference", "swap", "complete", "park", "record_pause")


class PhoneSettings(Section):
    """Desk phones and who may do what with them."""

    freepbx_settings: bool = Field(
        default=False,
        description="follow the forwarding, do-not-disturb and call waiting FreePBX keeps (context stasis-extension)",
    )
    call_waiting: bool = Field(
        default=False, description="ring a phone that is in a call already, where its employee did not choose otherwise"
    )
    do_not_disturb: str = Field(
        default="Custom:DND{extension}", description="device state another system keeps do-not-disturb in (FreePBX's)"
    )
    pickup_groups: dict[str, list[str]] = Field(
        default_factory=dict, description="groups whose members take each other's calls; none: everybody does"
    )
    supervisors: list[str] = Field(
        default_factory=list, description="extensions that may listen to calls, whisper and barge in; none: nobody"
    )


class CodeSettings(Section):
    """Codes dialled at a phone. An empty one is switched off."""

    pickup: Dialled = Field(
        default="*8", description="take a call that rings at a colleague's; *8101: at extension 101"
    )
    do_not_disturb_on: Dialled = Field(default="*78", description="do not disturb")
    do_not_disturb_off: Dialled = Field(default="*79", description="disturb again")
    call_waiting_on: Dialled = Field(default="*70", description="ring me while I am in a call")
    call_waiting_off: Dialled = Field(default="*71", description="do not")
    forward_always_on: Dialled = Field(
        default="*72", description="forward all calls; the number follows, or is asked for"
    )
    forward_always_off: Dialled = Field(default="*73", description="forward no longer")
    forward_busy_on: Dialled = Field(default="*90", description="forward calls while I am busy or not to be disturbed")
    forward_busy_off: Dialled = Field(default="*91", description="forward no longer")
    forward_no_answer_on: Dialled = Field(
        default="*52", description="forward calls I do not answer, or my phone is off"
    )
    forward_no_answer_off: Dialled = Field(default="*53", description="forward no longer")
    queue_sign_in: Dialled = Field(default="*45", description="sign into my queues, or out of them")
    queue_pause: Dialled = Field(default="*46", description="pause in my queues, or go on")

    def problems(self) -> Iterator[ConfigProblem]:
        given: dict[str, str] = {}
        for key in type(self).model_fields:
            code = getattr(self, key)
            if code and code in given:
                yield ConfigProblem(key, f"is the code of {given[code]} too", "Give each its own.", repr(code))
            given[code] = key


class FeatureSettings(Section):
    """What employees can do by pressing keys in a conversation, and how transfers ring."""

    blind: Code = Field(default="##", description="transfer at once; empty switches a code off")
    attended: Code = Field(default="*2", description="ask a colleague first, the customer hears music")
    cancel: Code = Field(default="*1", description="while asking: back to the customer")
    conference: Code = Field(default="*3", description="while asking: all three talk")
    swap: Code = Field(default="*4", description="while asking: change between customer and colleague")
    complete: Code = Field(default="", description="while asking: transfer (hanging up does the same)")
    park: Code = Field(default="#7", description="park the call in a free slot, whose number is said first")
    record_pause: Code = Field(default="*5", description="pause the recording, or go on with it")
    transfer_seconds: Seconds = Field(default=30.0, description="seconds the phone of who is to take a call rings")
    back_seconds: Seconds = Field(
        default=20.0, description="seconds the phone of who transferred rings when nobody took the call"
    )

    def problems(self) -> Iterator[ConfigProblem]:
        codes = {key: getattr(self, key) for key in FEATURE_CODES if getattr(self, key)}
        for key, code in codes.items():
            for other, longer in codes.items():
                if key != other and longer.endswith(code):
                    what = f"is also how {other} ({longer!r}) ends"
                    yield ConfigProblem(key, what, "Choose codes none of which ends like another.", repr(code))


class EmployeeSettings(Section):
    """An employee the portal does not tell rightly."""

    extension: str = Field(pattern=r"^\d{1,11}$", description="his extension on the PBX")
    user_id: int = Field(gt=0, description="his id in the portal")
    name: str = Field(default="", description="his name, for logs and the script API")
    caller_id: str = Field(default="", pattern=OWN_NUMBER, description="the number he shows when he calls outside")
    auto_answer: AutoAnswerStyle | None = Field(
        default=None, description="have his phone answer calls he orders by itself; unset: as in [outbound]"
    )
