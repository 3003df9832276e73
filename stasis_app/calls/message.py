"""Taking a message: what the caller says after a beep is recorded from his own channel."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError
from stasis_app.calls import intents as i
from stasis_app.calls.facts import RecordingKind

if TYPE_CHECKING:
    from stasis_app.calls.call import Call

_MARK = "m"
_LATE = 5.0
"""Seconds after which a recording that should have ended is stopped: Asterisk counts only sound that arrives, and some
phones send none while nobody speaks."""
_FORMAT = "wav"


async def take_message(call: Call, *, seconds: float, silence: float, least: float, terminator: str) -> float:
    """Record the caller until he is silent, presses the terminator or has said enough; the seconds that are kept.

    Raises:
        CallGone: he hung up, which is how most messages end. What he said is kept all the same.
        AriError: his channel can't be recorded.
    """
    await _end_former(call)
    name = call.recording.next_name(_MARK)
    call.intend(i.Taping(i.now(), name, RecordingKind.MESSAGE, call.state.anchor_leg, least=max(0, round(least))))
    try:
        await call.asking_caller(
            call.control.record(
                call.state.anchor_leg,
                name,
                _FORMAT,
                maxDurationSeconds=round(seconds),
                maxSilenceSeconds=round(silence),
                beep=True,
                terminateOn=terminator or "none",
            )
        )
    except AriError as error:
        call.intend(i.TapingFailed(i.now(), name, str(error)))
        raise
    await _until_said(call, name, seconds + _LATE)
    await _end(call, name)
    call.keys.take(len(call.keys), "")  # the one that ended the message is no answer to the next question
    return next((float(recorded.seconds) for recorded in call.record.recordings if recorded.name == name), 0.0)


async def _until_said(call: Call, name: str, seconds: float) -> None:
    """Wait for the end of the message; its event may be lost in a gap, so after each one it is asked for."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (left := deadline - asyncio.get_running_loop().time()) > 0:
        gaps = call.gaps
        await call.until(partial(_changed, call, name, gaps), left)
        if name not in call.state.tapes or not await call.control.is_recording(name):
            return


def _changed(call: Call, name: str, gaps: int) -> bool:
    return name not in call.state.tapes or call.gaps != gaps


async def _end_former(call: Call) -> None:
    """A message that was being left when the service was restarted is one by itself."""
    for tape in list(call.state.tapes.values()):
        if tape.kind is RecordingKind.MESSAGE:
            await _end(call, tape.name)


async def _end(call: Call, name: str) -> None:
    if name not in call.state.tapes:
        return
    await call.control.stop_recording(name)
    if not await call.until(lambda: name not in call.state.tapes, 2):
        call.intend(i.RecordingOver(i.now(), name, _FORMAT))
