"""Who calls, who answers for him and at which phone."""

from __future__ import annotations

from dataclasses import dataclass

from stasis_app.app.grounds import Grounds
from stasis_app.crm import (
    AriDialplan,
    AriEndpoints,
    Directory,
    Employee,
    Extensions,
    FreePbx,
    Phonebook,
    Phones,
    PortalClientFinder,
    PortalEmployeeLister,
)


@dataclass(frozen=True, slots=True)
class People:
    """Employees, clients, and what is set for and known of the phones."""

    directory: Directory
    phonebook: Phonebook
    extensions: Extensions
    phones: Phones


async def know_people(grounds: Grounds) -> People:
    """All of them, from the disk first: the portal may be away."""
    settings, store = grounds.settings, grounds.store
    directory = Directory(
        PortalEmployeeLister(grounds.portal.users),
        store.employees,
        spell=grounds.spelt,
        overrides=[Employee(e.user_id, e.name, e.extension) for e in settings.employees],
    )
    await directory.load()
    phonebook = Phonebook(
        PortalClientFinder(grounds.portal.telephony), store.clients, budget=settings.bitrix24.lookup_budget
    )
    await phonebook.load()
    grounds.stack.push_async_callback(phonebook.aclose)
    extensions = Extensions(store.meta)
    await extensions.load()
    phones = Phones(
        AriEndpoints(grounds.link),
        endpoint=settings.asterisk.endpoint,
        channels_of=lambda extension: grounds.tracker().channels_of(extension),
        settings=extensions,
        call_waiting=settings.phones.call_waiting,
        do_not_disturb=settings.phones.do_not_disturb,
        kept_elsewhere=FreePbx(AriDialplan(grounds.link)) if settings.phones.freepbx_settings else None,
    )
    return People(directory, phonebook, extensions, phones)
