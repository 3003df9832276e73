"""What one room asks of another, said in the asking room's words: small classes the composition root puts between."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from loguru import logger
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from b24client import B24Error, FinishCall, Portal, Priority
from stasis_app.ari import AriLink, LinkState
from stasis_app.calls import CallRecord, Tracker
from stasis_app.crm import Directory, Numbers
from stasis_app.http import Component, HealthSource, NotPossibleError, OutboxItem, State, UnavailableError
from stasis_app.mirror import Mirror
from stasis_app.portal import ClickOrder
from stasis_app.queues import CallBack, Queues
from stasis_app.store import OPEN, REFUSED, Store

# Seconds without the portal after which the service calls itself degraded.
_PORTAL_PATIENCE = 30.0


class CallDesk:
    """Live calls for the control API, and calls ordered there or in the portal."""

    def __init__(
        self, tracker: Tracker, link: AriLink, mirror: Mirror, portal: Portal, directory: Directory, numbers: Numbers
    ) -> None:
        self._tracker = tracker
        self._link = link
        self._mirror = mirror
        self._portal = portal
        self._directory = directory
        self._numbers = numbers

    def live(self) -> Sequence[CallRecord]:
        """The calls going on, oldest first."""
        return self._tracker.live()

    def get(self, call_id: str) -> CallRecord | None:
        """A live call."""
        call = self._tracker.get(call_id)
        return call.record if call else None

    async def originate(self, extension: str, number: str) -> str:
        """Ring the employee, then the number; the id of the call."""
        self._ready_to_call(number)
        return self._tracker.originate(extension, self._dialled(number)).id

    async def hang_up(self, call_id: str) -> bool:
        """End a live call; False if there is none of this id."""
        call = self._tracker.get(call_id)
        if call is None:
            return False
        await call.hang_up()
        return True

    async def click_to_call(self, order: ClickOrder) -> None:
        """Ring the employee who clicked, then the number; the portal has registered the call already."""
        employee = self._directory.by_user(order.user_id)
        try:
            if employee is None or not employee.extension:
                raise NotPossibleError(f"user {order.user_id} has no extension")
            self._ready_to_call(order.number)
        except (NotPossibleError, UnavailableError) as error:
            logger.warning("A call ordered in the portal can't be made: {}", error)
            await self._finish_failed(order, str(error))
            return
        call = self._tracker.originate(employee.extension, self._dialled(order.number), line=order.line)
        self._mirror.registered_by_portal(call.id, order.portal_call_id, order.user_id)

    async def _finish_failed(self, order: ClickOrder, why: str) -> None:
        failed = FinishCall(
            call_id=order.portal_call_id, user_id=order.user_id, duration=0, status_code="503", failed_reason=why
        )
        try:
            await self._portal.telephony.finish(failed)
        except B24Error as error:
            logger.warning("The portal's call {} could not be finished: {}", order.portal_call_id, error)

    def _ready_to_call(self, number: str) -> None:
        if self._link.state is not LinkState.CONNECTED:
            raise UnavailableError("Asterisk is out of reach; try again when the link is up")
        if not any(c.isdigit() for c in number):
            raise NotPossibleError("the number has no digits")

    def _dialled(self, number: str) -> str:
        """A number as the trunk takes it: digits, and the + of an international one if it was given."""
        known = self._numbers.read(number)
        return known.e164 or "".join(c for c in number if c.isdigit() or c in "*#")


class CallBackMaker:
    """Makes the calls of call-backs; the tracker is there by the time one is due."""

    def __init__(self, tracker: Callable[[], Tracker]) -> None:
        self._tracker = tracker

    def call_back(self, order: CallBack, extension: str) -> str:
        """Ring the agent, then the customer. The story of the call says what it is for."""
        call = self._tracker().originate(extension, order.number, line=order.line)
        call.visit(order.queue, "call_back", f"the call-back ordered in call {order.id}")
        return call.id


class CrmQuestions:
    """What makes a client important, asked of the portal's CRM.

    Source: crm.contact.get and its like, crm.deal.list (https://apidocs.bitrix24.com/api-reference/crm/index.html).
    """

    def __init__(self, portal: Portal) -> None:
        self._crm = portal.crm

    async def fields(self, entity_type: str, entity_id: int) -> Mapping[str, Any]:
        """The fields of a contact, company or lead as the portal names them."""
        match entity_type:
            case "CONTACT":
                contact = await self._crm.contacts.get(entity_id, priority=Priority.LOOKUP)
                return contact.fields
            case "COMPANY":
                company = await self._crm.companies.get(entity_id, priority=Priority.LOOKUP)
                return company.fields
            case "LEAD":
                lead = await self._crm.leads.get(entity_id, priority=Priority.LOOKUP)
                return lead.fields
            case _:
                return {}

    async def has_open_deal(self, entity_type: str, entity_id: int) -> bool:
        """Whether a deal with a contact or company is not closed; leads have no deals yet."""
        if entity_type not in ("CONTACT", "COMPANY"):
            return False
        wanted = {f"{entity_type}_ID": entity_id, "CLOSED": "N"}
        return bool(await self._crm.deals.list(wanted, ["ID"], priority=Priority.LOOKUP))


class OutboxView:
    """The outbox for the control API."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def items(self, limit: int) -> Sequence[OutboxItem]:
        """What the portal has not accepted yet or refused for good, newest first."""
        rows = await self._store.outbox.listing((OPEN, REFUSED), limit=limit)
        return [
            OutboxItem(
                id=f"{row.call_id}/{row.seq}",
                call_id=row.call_id,
                operation=row.kind,
                state=row.state,
                attempts=row.attempts,
                created_at=datetime.fromtimestamp(row.opened_at, UTC),
                error=row.reason,
            )
            for row in rows
        ]

    async def waiting_count(self) -> int:
        """How many operations wait."""
        return (await self._store.outbox.summary()).counts.get(OPEN, 0)


def health_sources(link: AriLink, store: Store, mirror: Mirror, directory: Directory) -> list[HealthSource]:
    """How the components do. Calls can be served without the portal and without the disk, not without Asterisk."""

    async def asterisk() -> Component:
        well = link.state is LinkState.CONNECTED
        return Component("asterisk", State.OK if well else State.DOWN, f"link {link.state}", essential=True)

    async def storage() -> Component:
        return Component("storage", State.OK if store.healthy else State.DEGRADED, store.last_error)

    async def portal() -> Component:
        state = mirror.state
        away = state.portal_down_for is not None and state.portal_down_for > _PORTAL_PATIENCE
        detail = f"away for {state.portal_down_for:.0f} s: {state.last_error}" if state.portal_down_for else ""
        return Component("portal", State.DEGRADED if away else State.OK, detail)

    async def employees() -> Component:
        known = State.OK if directory.ready else State.DEGRADED
        return Component("employees", known, "" if directory.ready else "the portal has not told them yet: no cards")

    return [
        HealthSource("asterisk", asterisk, essential=True),
        HealthSource("storage", storage),
        HealthSource("portal", portal),
        HealthSource("employees", employees),
    ]


class Figures:
    """Figures of the wire, the calls and the mirror, beside those of the control API."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.portal_effect = Histogram(
            "stasis_portal_effect_seconds",
            "From a fact to its effect at the portal",
            ["operation"],
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 600, 3600),
            registry=registry,
        )
        self.connections = self._gauge("stasis_ari_connections", "Connections made to Asterisk since the start")
        self.waiting = self._gauge("stasis_portal_calls_waiting", "Calls with something the portal was not told yet")
        self.stray = self._gauge("stasis_ari_events_stray", "Events that belonged to no call")
        self.lost = self._gauge("stasis_storage_lost", "Pieces of work the database refused or there was no room for")
        self.unreadable = Counter(
            "stasis_ari_events_unreadable", "Events of a kind or shape nobody here knows", registry=registry
        )

    def observe_effect(self, kind: str, seconds: float) -> None:
        """An operation took effect at the portal."""
        self.portal_effect.labels(kind).observe(max(0.0, seconds))

    def watch(self, link: AriLink, tracker: Tracker, mirror: Mirror, store: Store) -> None:
        """Read these whenever the figures are asked for."""
        self.connections.set_function(lambda: link.connections)
        self.waiting.set_function(lambda: mirror.state.waiting)
        self.stray.set_function(tracker.stray.total)
        self.lost.set_function(lambda: store.writer.lost + store.writer.rejected)
        link.on_unreadable = self.unreadable.inc

    def watch_queues(self, queues: Queues) -> None:
        """Read these, too."""
        self._registry.register(QueueFigures(queues))

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)


class QueueFigures(Collector):
    """Who waits in each queue and what its agents do, counted whenever the figures are asked for."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The figures of this moment."""
        waiting = GaugeMetricFamily("stasis_queue_waiting", "Callers in the line", labels=["queue"])
        call_backs = GaugeMetricFamily("stasis_queue_call_backs", "Call-backs in the line", labels=["queue"])
        longest = GaugeMetricFamily("stasis_queue_longest_wait_seconds", "Wait of who came first", labels=["queue"])
        agents = GaugeMetricFamily("stasis_queue_agents", "Agents by what they do", labels=["queue", "state"])
        now = self._queues.clock()
        for view in self._queues.views():
            callers = [place for place in view.waiting if not place.call_back]
            waiting.add_metric([view.name], len(callers))
            call_backs.add_metric([view.name], len(view.waiting) - len(callers))
            longest.add_metric([view.name], max((now - place.since for place in callers), default=0.0))
            for state, count in Tally(agent.state.value for agent in view.agents).items():
                agents.add_metric([view.name, state], count)
        return waiting, call_backs, longest, agents
