"""The queues: where callers wait, and who is rung for them."""

from __future__ import annotations

from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.crm import WorkingDays
from stasis_app.flow import Colleagues
from stasis_app.flow.elements.queue import Queue as QueueElement
from stasis_app.queue_adapters import CallBackMaker
from stasis_app.queues import Queues
from stasis_app.queues.reach import Reach


async def know_queues(grounds: Grounds, people: People) -> Queues:
    """The queues of the plan, and what was kept of them."""
    days = WorkingDays(grounds.portal.timeman.status)
    grounds.stack.push_async_callback(days.aclose)
    queues = Queues(
        grounds.store.queues,
        engaged=lambda extension: grounds.tracker().engaged(extension),
        examine=Reach(people.phones, people.directory, days).examine,
        maker=CallBackMaker(
            grounds.tracker, Colleagues(people.phones, people.directory, grounds.numbers, grounds.plan.numbers)
        ),
    )
    await queues.load()
    grounds.stack.callback(queues.close)
    for name, element in grounds.plan.elements.items():
        if isinstance(element, QueueElement):
            queues.queue(name, element.settings())
    grounds.queues.comes(queues)
    return queues
