"""What queues need of other rooms, said in their words: put between by the composition root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from b24client import Portal, Priority
from stasis_app.calls import Tracker
from stasis_app.calls.facts import Unanswered
from stasis_app.calls.lifecycle import Order
from stasis_app.flow import Colleagues
from stasis_app.flow.forwarding import tell_of
from stasis_app.queues import AgentNotRung, CallBack, Queues


class CallBackMaker:
    """Makes the calls of call-backs; the tracker is there by the time one is due."""

    def __init__(self, tracker: Callable[[], Tracker], colleagues: Colleagues) -> None:
        self._tracker = tracker
        self._colleagues = colleagues

    async def call_back(self, order: CallBack, extension: str, *, follow_forwards: bool) -> str:
        """Ring the agent, then the customer. The story of the call says what it is for."""
        way = await self._colleagues.way_of_agent(extension, follow_forwards=follow_forwards)
        if way.target is None:
            raise AgentNotRung(way.why, away=way.unanswered is Unanswered.UNREACHABLE)
        # The agent's phone rings as for any call of the queue: he may not be at his desk.
        call = self._tracker().originate(
            Order(
                extension=way.target.party.number,
                mobile=way.target.outside_number,
                name=way.target.party.name,
                number=order.number,
                line=order.line,
                auto_answer=False,
            )
        )
        call.visit(order.queue, "call_back", f"the call-back ordered in call {order.id}")
        tell_of(call, way.hops)
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
            for state, count in Counter(agent.state.value for agent in view.agents).items():
                agents.add_metric([view.name, state], count)
        return waiting, call_backs, longest, agents
