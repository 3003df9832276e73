"""Steps that are worth taking whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from stasis_app.ari.errors import AriError, Gone
from stasis_app.calls.verbs import CallGone

if TYPE_CHECKING:
    from loguru import Logger


async def try_to(request: Awaitable[object], log: Logger) -> None:
    """Take one step, and go on whether or not it succeeds.

    That somebody is gone shows in the events. Any other failure is said in the log, and leaves nobody half done.
    """
    try:
        await request
    except (Gone, CallGone):
        pass
    except AriError as error:
        log.warning("A step failed, the next is taken all the same: {}", error)
