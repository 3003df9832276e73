"""`telephony.call.attachTranscription`: what was said in a call.

https://apidocs.bitrix24.com/api-reference/telephony/telephony-call-attach-transcription.html
"""

from __future__ import annotations

from typing import Any

from b24client.sandbox.calls import Transcript
from b24client.sandbox.methods.registry import Context, method
from b24client.sandbox.wire import core_error, php_int

_SIDES = ("Client", "User")


@method("telephony.call.attachTranscription", "telephony")
async def attach_transcription(context: Context) -> Any:
    """Give a finished call its transcript, instead of an earlier one."""
    params, sandbox = context.params, context.sandbox
    context.call_id = params.text("CALL_ID")
    if not context.call_id:
        raise core_error("CALL_ID should be set")
    messages = params.get("MESSAGES")
    if isinstance(messages, dict):
        messages = list(messages.values())
    if not isinstance(messages, list):
        raise core_error("MESSAGES should be an array")
    lines = [_line(number, message) for number, message in enumerate(messages)]
    call = sandbox.calls.get(context.call_id)
    if call is None or call.finish is None:
        raise core_error(f"Call {context.call_id} is not found. Is it finished?")
    transcript = Transcript(sandbox.calls.next_transcript(), lines, params.amount("COST"), params.text("COST_CURRENCY"))
    call.transcript = transcript
    sandbox.calls.changed(call)
    return {"TRANSCRIPT_ID": transcript.id}


def _line(number: int, message: Any) -> dict[str, Any]:
    given = {str(key).upper(): value for key, value in message.items()} if isinstance(message, dict) else {}
    place = f"MESSAGES[{number}]"
    start, stop, text = php_int(given.get("START_TIME"), -1), php_int(given.get("STOP_TIME"), 0), given.get("MESSAGE")
    if given.get("SIDE") not in _SIDES:
        raise core_error(f"{place}[SIDE] should be either Client or User")
    if start < 0:
        raise core_error(f"{place}[START_TIME] should be greater or equal to zero")
    if stop <= 0:
        raise core_error(f"{place}[STOP_TIME] should be greater than zero")
    if not str(text or "").strip():
        raise core_error(f"{place}[MESSAGE] is empty")
    return {"SIDE": given["SIDE"], "START_TIME": start, "STOP_TIME": stop, "MESSAGE": str(text)}
