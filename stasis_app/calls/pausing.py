"""A pause of the recording that is forgotten ends by itself; and the key code that begins and ends one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls import intents as i
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.prompts import media_uri

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

BEEP = "beep"


async def end_in_time(call: Call) -> None:
    """Go on recording when the time of the pause that is on now is over, if nobody has ended it until then."""
    pause = call.record.recording_pause
    if pause is None or pause.until is None:
        return
    left = max(0.0, (pause.until - i.now()).total_seconds())
    await call.until(lambda: call.record.recording_pause is not pause, left)
    if call.record.recording_pause is pause:
        call.log.info("The recording was paused for as long as it may be, and goes on")
        await call.recording.resume()


async def pause_or_resume(call: Call, leg: str) -> None:
    """The key code: pause, or go on. The employee who pressed it hears one beep, or two when it goes on."""
    if call.recording.policy.mode is RecordingMode.OFF:
        return
    goes_on = call.record.recording_paused
    await (call.recording.resume() if goes_on else call.recording.pause())
    try:
        # Asterisk plays them one after another, and to nobody but this party of the bridge.
        for _ in range(2 if goes_on else 1):
            await call.control.play(leg, media_uri(BEEP), f"{call.id}-{secrets.token_hex(4)}")
    except AriError as error:
        call.log.info("The beep about the recording could not be played: {}", error)
