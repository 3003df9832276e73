"""What every part of the service stands on: the plan, the store, the portal and the link to Asterisk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from b24client import Portal
from stasis_app.app.duties import Duties
from stasis_app.ari import AriLink, World
from stasis_app.calls import Tracker
from stasis_app.calls.recorded import EventRecorder
from stasis_app.crm import Numbers
from stasis_app.flow import Plan, load_plan, load_scripts
from stasis_app.flow.scripts import ScriptFunction
from stasis_app.ops import IncidentBook
from stasis_app.portal import connect
from stasis_app.queues import Queues
from stasis_app.settings import RoutingSettings, Settings
from stasis_app.store import Lease, Store, open_store, read_patiently

T = TypeVar("T")


class Late(Generic[T]):
    """Something that comes after those who ask for it; called, it gives it."""

    def __init__(self) -> None:
        self._it: T | None = None

    def comes(self, it: T) -> None:
        """From now on it is there."""
        self._it = it

    def __call__(self) -> T:
        assert self._it is not None, "asked for before it was there"
        return self._it


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """This instance of the service among others that could serve the same calls.

    Args:
        lease: what makes it the one that serves; None when there is no other.
        takes_over: another served until now, and may hold the port of the control API for a while.
    """

    lease: Lease | None = None
    takes_over: bool = False

    @property
    def may_act(self) -> Callable[[], Awaitable[bool]] | None:
        """Asked before anything is done outside; None: nobody else could do it."""
        return self.lease.still_ours if self.lease else None

    def end_former(self) -> None:
        """The one before us holds something up."""
        if self.lease:
            self.lease.end_former()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """All of it. What is opened on the way goes onto `stack`, which closes it, the last first."""

    settings: Settings
    instance: Instance
    numbers: Numbers
    scripts: Mapping[str, ScriptFunction]
    plan: Plan
    store: Store
    incidents: IncidentBook
    portal: Portal
    recorder: EventRecorder | None
    link: AriLink
    stack: AsyncExitStack
    duties: Duties
    tracker: Late[Tracker]  # they send requests over the link, so they come after it
    queues: Late[Queues]

    def spelt(self, number: str) -> str:
        """A number as the portal gets it; "" for one that is withheld."""
        return self.numbers.read(number).key


async def lay_grounds(
    settings: Settings, instance: Instance, stack: AsyncExitStack, duties: Duties, *, record_events: Path | None
) -> Grounds:
    """Read and open it all. Neither Asterisk nor the portal is asked for anything yet.

    Raises:
        PlanError, ScriptError, StoreError: the plan, the scripts or the storage can't be used.
    """
    numbers = Numbers(settings.routing.country)
    scripts, plan = await asyncio.to_thread(_read, settings.routing, numbers)
    store = await open_store(settings.storage, patient=True, may_write=instance.may_act)
    stack.push_async_callback(store.close)
    incidents = IncidentBook(store.incidents)
    await read_patiently(incidents.load)
    portal = connect(settings.bitrix24, store.tokens, may_send=instance.may_act)
    await portal.start()
    stack.push_async_callback(portal.aclose)
    recorder = EventRecorder(record_events) if record_events else None
    if recorder is not None:
        stack.callback(recorder.close)
    tracker, queues = Late[Tracker](), Late[Queues]()

    def on_world(world: World) -> None:
        tracker().on_world(world)
        queues().linked()

    link = AriLink(
        settings.asterisk,
        lambda event: tracker().on_event(event),
        on_world,
        known=lambda: tracker().channels(),
        cache=_cache_folder() / "ari",
        record_events=recorder.event if recorder else None,
        may_act=instance.may_act,
        takes_over=instance.takes_over,
        on_blocked=instance.end_former,
    )
    return Grounds(
        settings=settings,
        instance=instance,
        numbers=numbers,
        scripts=scripts,
        plan=plan,
        store=store,
        incidents=incidents,
        portal=portal,
        recorder=recorder,
        link=link,
        stack=stack,
        duties=duties,
        tracker=tracker,
        queues=queues,
    )


def _read(routing: RoutingSettings, numbers: Numbers) -> tuple[Mapping[str, ScriptFunction], Plan]:
    scripts = load_scripts(routing.scripts) if routing.scripts else {}
    return scripts, load_plan(routing.plan, numbers, scripts=set(scripts))


def _cache_folder() -> Path:
    """Where things are kept that can be had again: systemd's CacheDirectory, else the user's cache (XDG)."""
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "stasis-app"
