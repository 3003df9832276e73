"""The composition root: the only place where the rooms are wired together."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from loguru import logger

from b24client import B24Error, OAuthAuth, OAuthTokens, retrying
from b24client.transport import tls_context
from stasis_app.adapters import CallDesk, Figures, OutboxView, RecordingsView, health_sources
from stasis_app.ari import AriLink, World
from stasis_app.ari.events import Event
from stasis_app.ari.sign_of_life import SignOfLife
from stasis_app.calls import AriControl, AutoAnswer, Call, CallOptions, CallRecord, Direction, Tracker
from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.features import FeatureCodes
from stasis_app.calls.feed import FactFeed
from stasis_app.calls.journal import Journal
from stasis_app.calls.moves.parking import ParkingLot, ParkingOptions
from stasis_app.calls.moves.pickup import PickupGroups
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.calls.recorded import EventRecorder
from stasis_app.crm import (
    AriDialplan,
    AriEndpoints,
    Directory,
    Employee,
    Extensions,
    FreePbx,
    Importance,
    Numbers,
    Phonebook,
    Phones,
    PortalClientFinder,
    PortalEmployeeLister,
    ResponsibleFinder,
    Source,
    WorkingDays,
)
from stasis_app.desk import MoveDesk
from stasis_app.dialled import dialled_codes, parking_by_keys
from stasis_app.flow import (
    Codes,
    FlowContext,
    Plan,
    PlanDestinations,
    extensions_of,
    learn_client,
    load_plan,
    load_scripts,
    number_plan,
    resume_call,
    route_call,
)
from stasis_app.flow.elements.queue import Queue as QueueElement
from stasis_app.http import ApiDependencies, Metrics, create_http
from stasis_app.mirror import (
    AriRecordings,
    B24PortalCalls,
    FencedPortalCalls,
    Mirror,
    PortalCalls,
    Recordings,
    Responsible,
)
from stasis_app.ops import IncidentBook, Watch
from stasis_app.portal import (
    CallBackDesk,
    CallBacks,
    InstallProof,
    PortalNeeds,
    PublishedRecordings,
    add_portal,
    add_recordings,
    bind_events,
    connect,
)
from stasis_app.queue_adapters import CallBackMaker, CrmQuestions, QueueFigures
from stasis_app.queues import Queues
from stasis_app.queues.reach import Reach
from stasis_app.settings import FEATURE_CODES, Settings
from stasis_app.store import Lease, Store, open_store, read_patiently

_PORT_AGAIN = 0.3  # seconds
_PURGE_EVERY = 3600.0  # seconds; each time forgets a limited number of calls, so that it never holds up the disk


class Service:
    """The whole service: `await start()`, and `await stop()`, which leaves the calls running.

    Args:
        settings: the configuration.
        record_events: a file to write Asterisk's events to, for `stasis-app replay`.
        log_trouble: asked why the log's file takes nothing ("" when it does).
        on_secret: told each secret learnt later (renewed tokens), so that it is kept out of the log.
        lease: what makes us the one instance that serves calls; None when there is no other.
        takes_over: another instance served until now, and may hold the port of the control API for a while.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        record_events: Path | None = None,
        on_secret: Callable[[str], None] = lambda _: None,
        log_trouble: Callable[[], str] = lambda: "",
        lease: Lease | None = None,
        takes_over: bool = False,
    ) -> None:
        self.settings = settings
        self._record_events = record_events
        self._on_secret = on_secret
        self._may_act = lease.still_ours if lease else None
        self._takes_over = takes_over
        self._on_blocked = lease.end_former if lease else lambda: None
        self._log_trouble = log_trouble
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recorder: EventRecorder | None = None
        self.http_port = 0

    async def start(self) -> None:
        """Start everything. Asterisk and the portal may be away: they are waited for in the background.

        Raises:
            PlanError, ScriptError, StoreError: the plan, the scripts or the storage can't be used.
            OSError: the address of the control API can't be listened at.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, in the reverse order; calls on the PBX go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def replaced(self) -> None:
        """Wait until another instance takes over our application in Asterisk."""
        await self.link.until_replaced()

    async def step_back(self) -> None:
        """Another instance serves calls now: do and write nothing any more, not even what was begun."""
        self.link.step_back()
        self.store.writer.abandon()
        await self.stop()

    async def _start(self) -> None:
        settings = self.settings
        self.numbers = Numbers(settings.routing.country)
        scripts = await asyncio.to_thread(load_scripts, settings.routing.scripts) if settings.routing.scripts else {}
        self.plan: Plan = await asyncio.to_thread(load_plan, settings.routing.plan, self.numbers, scripts=set(scripts))
        self.store: Store = await open_store(settings.storage, patient=True, may_write=self._may_act)
        self._stack.push_async_callback(self.store.close)
        self.incidents = IncidentBook(self.store.incidents)
        await read_patiently(self.incidents.load)
        self.portal = connect(settings.bitrix24, self.store.tokens)
        await self.portal.start()
        self._stack.push_async_callback(self.portal.aclose)

        self.link = AriLink(
            settings.asterisk,
            self._on_event,
            self._on_world,
            cache=_cache_folder() / "ari",
            record_events=self._recording(),
            may_act=self._may_act,
            takes_over=self._takes_over,
            on_blocked=self._on_blocked,
        )
        await self._know_people()
        await self._know_queues()
        await self._mirror_calls()
        self._follow_calls(
            FlowContext(
                self.numbers,
                self.phonebook,
                self.directory,
                self.phones,
                ResponsibleFinder(self.phonebook, self.directory, self.phones),
                self._know_codes(),
                scripts,
                outbound_seconds=settings.outbound.seconds,
                queues=self.queues,
                importance=Importance(CrmQuestions(self.portal)),
            )
        )
        await self._serve_http()
        unfinished = await read_patiently(self.journal.unfinished)
        self.tracker.restore(unfinished)
        looked_up = [await self.journal.get(call_id) for call_id in self.queues.calls_to_look_up]
        self.queues.restore(unfinished, {record.call_id: record for record in looked_up if record is not None})
        await self.link.start()
        self._stack.push_async_callback(self.link.stop)
        sign = SignOfLife(self.link, settings.asterisk.app)
        self._stack.push_async_callback(sign.cease)
        self._do(sign.run())
        self._stack.callback(self.tracker.suspend)
        self._do(self.watch.run())
        self._do(self.directory.run())
        self._do(self._bind_events())
        self._do(self._know_limits())
        self._do(self.recordings.tell_daily())
        if self.settings.storage.keep_days is not None:
            self._do(self._forget_old_calls(self.settings.storage.keep_days))

    def _recording(self) -> Callable[[str], None] | None:
        if self._record_events is None:
            return None
        self._recorder = EventRecorder(self._record_events)
        self._stack.callback(self._recorder.close)
        return self._recorder.event

    async def _know_people(self) -> None:
        """Who calls and who answers for him, from the disk first: the portal may be away."""
        self.directory = Directory(
            PortalEmployeeLister(self.portal.users),
            self.store.employees,
            spell=self._spelt,
            overrides=[Employee(e.user_id, e.name, e.extension) for e in self.settings.employees],
        )
        await self.directory.load()
        self.phonebook = Phonebook(
            PortalClientFinder(self.portal.telephony),
            self.store.clients,
            budget=self.settings.bitrix24.lookup_budget,
        )
        await self.phonebook.load()
        self._stack.push_async_callback(self.phonebook.aclose)
        self.extensions = Extensions(self.store.meta)
        await self.extensions.load()
        self.phones = Phones(
            AriEndpoints(self.link),
            endpoint=self.settings.asterisk.endpoint,
            channels_of=self._channels_of,
            settings=self.extensions,
            call_waiting=self.settings.phones.call_waiting,
            do_not_disturb=self.settings.phones.do_not_disturb,
            kept_elsewhere=FreePbx(AriDialplan(self.link)) if self.settings.phones.freepbx_settings else None,
        )

    def _know_codes(self) -> Codes:
        """What can be dialled besides numbers; a parking slot is a code, too."""
        parking = self.settings.parking
        self.lot = ParkingLot(ParkingOptions(parking.numbers, parking.seconds), calls=self._live_calls)
        self.codes = dialled_codes(
            self.settings.codes,
            extensions=self.extensions,
            groups=PickupGroups(self.settings.phones.pickup_groups),
            lot=self.lot,
            tracker=lambda: self.tracker,
        )
        return self.codes

    async def _know_queues(self) -> None:
        """The queues of the plan, and what was kept of them."""
        days = WorkingDays(self.portal.timeman.status)
        self._stack.push_async_callback(days.aclose)
        self.queues = Queues(
            self.store.queues,
            engaged=self._is_engaged,
            examine=Reach(self.phones, self.directory, days).examine,
            maker=CallBackMaker(self._the_tracker),
        )
        await self.queues.load()
        self._stack.callback(self.queues.close)
        for name, element in self.plan.elements.items():
            if isinstance(element, QueueElement):
                self.queues.queue(name, element.settings())

    async def _mirror_calls(self) -> None:
        self.metrics = Metrics()
        self.figures = Figures(self.metrics.registry)
        recording = self.settings.recording
        source = None if recording.directory else AriRecordings(self.link)
        public_url = self.settings.http.public_url
        self.published = PublishedRecordings(public_url) if recording.deliver == "url" else None
        portal_calls: PortalCalls = B24PortalCalls(self.portal)
        if self._may_act is not None:
            portal_calls = FencedPortalCalls(portal_calls, self._may_act)
        self.mirror = Mirror(
            self.store.outbox,
            portal_calls,
            self.directory,
            Recordings(recording, source, self.published),
            self.settings.bitrix24,
            spell=self._spelt,
            observe=self.figures.observe_effect,
            responsible_of=self._responsible_of,
            incidents=self.incidents,
        )
        await read_patiently(self.mirror.start)
        self._stack.push_async_callback(self.mirror.stop)

    async def _responsible_of(self, number: str) -> Responsible | None:
        found = await self.phonebook.lookup(self.numbers.read(number))
        if found.source in (Source.TOO_SLOW, Source.FAILED) and found.client is None:
            return None
        return Responsible(found.client.user_id if found.client else None)

    def _spelt(self, number: str) -> str:
        """A number as the portal gets it; "" for one that is withheld."""
        known = self.numbers.read(number)
        return "" if known.is_withheld else known.key

    def _follow_calls(self, context: FlowContext) -> None:
        settings = self.settings
        self.journal = Journal(self.store.journal)
        self._stack.push_async_callback(self.journal.close)
        self.recordings = RecordingsView(self.journal, self.store, internal_calls=settings.bitrix24.internal_calls)
        self.feed = FactFeed()
        self.watch = Watch(
            self.incidents,
            link=lambda: self.link.state,
            writer=self.store.writer,
            mirror=lambda: self.mirror.state,
            is_known=lambda extension: self.directory.by_extension(extension) is not None,
            log_trouble=self._log_trouble,
        )

        async def flow(call: Call) -> None:
            if call.record.direction is not Direction.INTERNAL:
                call.spawn(learn_client(call, context))
            await route_call(self.plan, call, context)

        async def resume(call: Call) -> None:
            if call.record.parked is not None:
                await self.lot.keep(call)
                return
            call.spawn(learn_client(call, context))
            await resume_call(self.plan, call, context)

        self.tracker = Tracker(
            AriControl(self.link, settings.asterisk.app, told_transfers=settings.asterisk.phone_transfers == "auto"),
            self._call_options(),
            flow,
            [self.mirror.on_fact, self.journal.add, self.feed.publish, self.watch.on_fact, self.queues.on_fact],
            settings.asterisk.app,
            on_intent=self._recorder.intent if self._recorder else None,
            resume=resume,
            destinations=PlanDestinations(
                self.plan,
                context,
                ring_seconds=settings.features.transfer_seconds,
                back_seconds=settings.features.back_seconds,
                lot=self.lot,
            ),
            codes=self._feature_codes(),
            unlisted=lambda entry: entry.direction is Direction.INTERNAL and entry.dialled in self.codes,
        )
        self.figures.watch(self.link, self.tracker, self.mirror, self.store)
        self.metrics.registry.register(QueueFigures(self.queues))

    def _recording_policy(self, record: CallRecord) -> RecordingPolicy:
        """How a call is recorded, as the plan and the configuration say."""
        recording = self.settings.recording
        if record.direction is Direction.INTERNAL and not recording.internal:
            return RecordingPolicy()
        mode = RecordingMode(recording.mode) if recording.enabled else RecordingMode.OFF
        configured = RecordingPolicy(
            mode,
            recording.stereo,
            tuple(recording.consent),
            ConsentWhen(recording.consent_when),
            recording.longest_pause,
        )
        return self.plan.recording_of(record, self.numbers, configured)

    def _call_options(self) -> CallOptions:
        settings, outbound, employees = self.settings, self.settings.outbound, self.settings.employees
        self.trunks = number_plan(settings.asterisk, settings.trunks, outbound, employees, self.plan, self.numbers)
        return CallOptions(
            endpoint=settings.asterisk.endpoint,
            trunks=self.trunks,
            trunk_patience=outbound.trunk_patience,
            employee_seconds=outbound.employee_seconds,
            auto_answer=AutoAnswer(
                outbound.auto_answer, {e.extension: e.auto_answer for e in employees if e.auto_answer is not None}
            ),
            recording=self._recording_policy,
        )

    def _feature_codes(self) -> FeatureCodes:
        chosen = {key: getattr(self.settings.features, key) for key in FEATURE_CODES}
        park = chosen.pop("park")
        parks = park and self.lot.options.slots
        return FeatureCodes(**chosen, more={park: parking_by_keys(self.lot)} if parks else {})

    async def _serve_http(self) -> None:
        desk = CallDesk(self.tracker, self.link, self.mirror, self.portal, self.directory, self.numbers, self.trunks)
        moves = MoveDesk(
            self.tracker,
            self.directory,
            self.lot,
            supervisors=self.settings.phones.supervisors,
            dialled=desk.dialled,
        )
        app = create_http(
            ApiDependencies(
                settings=self.settings.http,
                calls=desk,
                journal=self.journal,
                control=desk,
                moves=moves,
                extensions=self.extensions,
                outbox=OutboxView(self.store),
                queues=self.queues,
                recordings=self.recordings,
                facts=self.feed,
                health=health_sources(self.link, self.store, self.mirror, self.directory),
                incidents=self.incidents,
                metrics=self.metrics,
            )
        )
        if self.published is not None:
            add_recordings(app, self.published)
        if isinstance(self.portal.auth, OAuthAuth):
            await self._serve_portal(app, self.portal.auth, desk)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        if self._takes_over:
            self._do(self._listen_when_free(runner))
        else:
            await self._listen(runner)

    async def _listen(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, self.settings.http.host, self.settings.http.port)
        await site.start()
        self.http_port = runner.addresses[0][1]
        logger.info("The control API listens at http://{}:{}", self.settings.http.host, self.http_port)

    async def _listen_when_free(self, runner: web.AppRunner) -> None:
        """The instance before us may hold the port until it has stopped; calls don't wait for it."""
        for attempt in itertools.count():
            try:
                await self._listen(runner)
            except OSError as error:
                if attempt % 100 == 0:
                    logger.warning("The control API can't listen yet, calls are served all the same: {}", error)
                await asyncio.sleep(_PORT_AGAIN)
            else:
                return

    async def _serve_portal(self, app: web.Application, auth: OAuthAuth, desk: CallDesk) -> None:
        bitrix24 = self.settings.bitrix24
        context = await asyncio.to_thread(tls_context, bitrix24.ca_file)
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=10))
        )
        proof = InstallProof(
            portal=bitrix24.portal, client_id=bitrix24.client_id, oauth_url=bitrix24.oauth_url, session=session
        )
        needs = PortalNeeds(
            auth=auth,
            portal=self.portal,
            proof=proof,
            control=desk,
            call_backs=self._call_backs(desk),
            public_url=self.settings.http.public_url,
            on_tokens=self._keep_secret,
            on_installed=self._learn_employees,
        )
        add_portal(app, needs)

    def _call_backs(self, desk: CallDesk) -> CallBacks:
        rules = self.settings.callbacks
        call_backs = CallBacks(
            CallBackDesk(self.tracker, self.link.connected, desk.dialled),
            self.portal,
            self.directory,
            self.phones,
            rules,
            extensions_of(self.plan, rules.element, "callbacks.element") if rules.element else (),
            self.settings.bitrix24.default_user,
        )
        self._stack.push_async_callback(call_backs.aclose)
        return call_backs

    def _keep_secret(self, tokens: OAuthTokens) -> None:
        for secret in (tokens.access_token, tokens.refresh_token):
            if secret is not None:
                self._on_secret(secret.get_secret_value())

    def _learn_employees(self) -> None:
        async def learn() -> None:
            await self.directory.refresh()

        self._do(learn())
        self._do(self._know_limits())

    async def _know_limits(self) -> None:
        """Which plan the portal has; until it is known, the narrower limits are kept to."""
        if self.settings.bitrix24.limits != "auto":
            return
        try:
            async for attempt in retrying(attempts=50, longest=300):
                with attempt:
                    await self.portal.recognise_limits()
        except B24Error as error:  # not installed yet, mostly: the installation asks again
            logger.info("The portal's plan is not known, its narrower limits are kept to: {}", error)

    async def _bind_events(self) -> None:
        await bind_events(self.portal, self.settings.http.public_url)

    async def _forget_old_calls(self, keep_days: int) -> None:
        while True:
            await self.store.purge(keep_days)
            await asyncio.sleep(_PURGE_EVERY)

    # The tracker comes after the link it sends its requests over, so the link finds it here.

    def _on_event(self, event: Event) -> None:
        self.tracker.on_event(event)

    def _channels_of(self, extension: str) -> Collection[str]:
        return self.tracker.channels_of(extension)

    def _live_calls(self) -> Sequence[CallRecord]:
        return self.tracker.live()

    def _is_engaged(self, extension: str) -> bool:
        return self.tracker.engaged(extension)

    def _the_tracker(self) -> Tracker:
        return self.tracker

    def _on_world(self, world: World) -> None:
        self.tracker.on_world(world)
        self.queues.linked()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_told(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _cache_folder() -> Path:
    """Where things are kept that can be had again: systemd's CacheDirectory, else the user's cache (XDG)."""
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.split(":")[0])
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "stasis-app"


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        logger.exception("Something in the background failed")
