"""Playing prompts to the caller and reading the keys he presses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from stasis_app.ari.errors import Rejected, ServerFailed
from stasis_app.calls.prompts import media_uri

if TYPE_CHECKING:
    from stasis_app.calls.call import Call


async def say(call: Call, prompts: Sequence[str]) -> None:
    """Play prompts to their end, one after another."""
    for prompt in prompts:
        playback = await _start(call, prompt)
        if playback:
            with _stopped_on_the_way(call, playback):
                await call.until(_ended(call, playback))


async def read(
    call: Call, prompts: Sequence[str], *, digits: int, seconds: float, between: float, terminator: str
) -> str:
    """Play prompts until the first key, and read keys until there are enough or nothing more comes."""
    for prompt in prompts:
        if call.keys.any():
            break
        playback = await _start(call, prompt)
        if not playback:
            continue
        with _stopped_on_the_way(call, playback):
            await call.until(_ended(call, playback, call.keys.any))
        if call.keys.any():
            await call.control.stop_playing(playback)
            await call.until(_ended(call, playback), 1)
    wait = seconds
    while not call.keys.complete(digits, terminator):
        if not await _another_key(call, wait):
            break
        wait = between
    return call.keys.take(digits, terminator)


async def _start(call: Call, prompt: str) -> str:
    """Begin to play; "" when Asterisk would not: a missing prompt is no reason to lose the caller."""
    playback = call.prompts.begin(call.state.anchor_leg)
    try:
        await call.asking_caller(call.control.play(call.state.anchor_leg, media_uri(prompt), playback))
    except (Rejected, ServerFailed) as error:
        call.log.warning("The prompt {!r} could not be played: {}", prompt, error)
        return ""
    return playback


@contextlib.contextmanager
def _stopped_on_the_way(call: Call, playback: str) -> Iterator[None]:
    """When something else leads the call from here, the prompt does not go on beside it."""
    try:
        yield
    except asyncio.CancelledError:
        call.spawn(call.control.stop_playing(playback))
        raise


def _ended(call: Call, playback: str, otherwise: Callable[[], bool] = lambda: False) -> Callable[[], bool]:
    """Whether a prompt has ended. After a gap in the events its end may have been missed: then it has."""
    gaps = call.gaps
    return lambda: call.prompts.has_ended(playback) or call.gaps != gaps or otherwise()


async def _another_key(call: Call, seconds: float) -> bool:
    seen = len(call.keys)
    return bool(await call.until(lambda: len(call.keys) > seen, seconds))
