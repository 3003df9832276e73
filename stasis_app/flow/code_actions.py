"""The codes by which an employee sets his own extension: do not disturb, call waiting, forwarding.

Each says what it did with the prompts of Asterisk's English core sounds; one that is missing is passed over.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from stasis_app.flow.codes import CodeAction, Codes
from stasis_app.flow.step import Step

_FORWARD_TO = re.compile(r"\+?\d{2,20}")
_PROMPTS = {
    "forward_always": "call-fwd-unconditional",
    "forward_busy": "call-fwd-on-busy",
    "forward_no_answer": "call-fwd-no-ans",
}


class ChosenCodes(Protocol):
    """What the codes are ([codes] of the configuration); "" for one that is switched off."""

    @property
    def do_not_disturb_on(self) -> str: ...
    @property
    def do_not_disturb_off(self) -> str: ...
    @property
    def call_waiting_on(self) -> str: ...
    @property
    def call_waiting_off(self) -> str: ...
    @property
    def forward_always_on(self) -> str: ...
    @property
    def forward_always_off(self) -> str: ...
    @property
    def forward_busy_on(self) -> str: ...
    @property
    def forward_busy_off(self) -> str: ...
    @property
    def forward_no_answer_on(self) -> str: ...
    @property
    def forward_no_answer_off(self) -> str: ...


class ExtensionBook(Protocol):
    """Where the settings are kept (`stasis_app.crm.Extensions`)."""

    async def change(self, number: str, /, **changes: Any) -> bool: ...


def add_extension_codes(codes: Codes, chosen: ChosenCodes, extensions: ExtensionBook) -> None:
    """Add these codes to the table. Raises `ValueError` for a code that is given twice."""
    codes.add(chosen.do_not_disturb_on, _switch(extensions, "do_not_disturb", True, "do-not-disturb"))
    codes.add(chosen.do_not_disturb_off, _switch(extensions, "do_not_disturb", False, "do-not-disturb"))
    codes.add(chosen.call_waiting_on, _switch(extensions, "call_waiting", True, "call-waiting"))
    codes.add(chosen.call_waiting_off, _switch(extensions, "call_waiting", False, "call-waiting"))
    for field, on, off in (
        ("forward_always", chosen.forward_always_on, chosen.forward_always_off),
        ("forward_busy", chosen.forward_busy_on, chosen.forward_busy_off),
        ("forward_no_answer", chosen.forward_no_answer_on, chosen.forward_no_answer_off),
    ):
        codes.add(on, _forward(extensions, field), digits=True)
        codes.add(off, _switch(extensions, field, "", _PROMPTS[field]))


def _switch(extensions: ExtensionBook, field: str, value: object, prompt: str) -> CodeAction:
    async def act(step: Step, digits: str) -> None:
        await extensions.change(step.call.record.caller.number, **{field: value})
        await step.call.say(prompt, "activated" if value else "de-activated")

    return act


def _forward(extensions: ExtensionBook, field: str) -> CodeAction:
    async def act(step: Step, digits: str) -> None:
        await step.call.answer()
        to = digits or await step.read(_PROMPTS[field], digits=20, seconds=7.0, between=4.0)
        if not _FORWARD_TO.fullmatch(to):
            await step.call.say("pbx-invalid")
            return
        try:
            await extensions.change(step.call.record.caller.number, **{field: to})
        except ValueError:
            await step.call.say("pbx-invalid")
            return
        await step.call.say(_PROMPTS[field], "is-set-to", f"digits:{to.removeprefix('+')}")

    return act
