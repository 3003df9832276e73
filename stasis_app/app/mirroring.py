"""The mirror: calls as the portal sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.crm import Number, Phonebook, Source
from stasis_app.mirror import (
    AriRecordings,
    B24PortalCalls,
    Mirror,
    Recordings,
    Responsible,
)
from stasis_app.portal import PublishedRecordings
from stasis_app.settings import Settings
from stasis_app.store import read_patiently

WHOSE_PATIENCE = 5.0
"""Seconds a missed call waits for one answer to the question whose it is."""


def published_recordings(settings: Settings) -> PublishedRecordings | None:
    """What the portal fetches from us; None when recordings are sent to it."""
    return PublishedRecordings(settings.http.public_url) if settings.recording.deliver == "url" else None


async def whose(phonebook: Phonebook, number: Number) -> Responsible | None:
    """Who answers for a number in the CRM; None: the portal has not said so within `WHOSE_PATIENCE`.

    It is asked even while callers do not wait for the portal any more: this call is over.
    """
    try:
        async with asyncio.timeout(WHOSE_PATIENCE):
            found = await phonebook.lookup(number, beside=True)
    except TimeoutError:
        return None
    if found.source in (Source.TOO_SLOW, Source.FAILED) and found.client is None:
        return None
    return Responsible(found.client.user_id if found.client else None)


async def mirror_calls(
    grounds: Grounds, people: People, published: PublishedRecordings | None, observe: Callable[[str, float], None]
) -> Mirror:
    """The mirror at work, with what it had not told the portal when it ended; `observe` is told of each effect."""
    recording = grounds.settings.recording

    async def responsible_of(number: str) -> Responsible | None:
        return await whose(people.phonebook, grounds.numbers.read(number))

    mirror = Mirror(
        grounds.store.outbox,
        B24PortalCalls(grounds.portal),
        people.directory,
        Recordings(recording, None if recording.directory else AriRecordings(grounds.link), published),
        grounds.settings.bitrix24,
        spell=grounds.spelt,
        observe=observe,
        responsible_of=responsible_of,
        incidents=grounds.incidents,
    )
    await read_patiently(mirror.start)
    grounds.stack.push_async_callback(mirror.stop)
    return mirror
