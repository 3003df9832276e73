"""Waiting lines and the agents who serve them: who waits in which order, who is offered to whom, and what is kept.

Nothing here touches a channel. A flow enters a line, is told whom to ring, and tells what came of it; the dispatcher of
each line works on what it is told (a caller enters, an agent gets free) and waits for nobody.
"""

from stasis_app.queues.call_backs import AgentNotRung, CallBack
from stasis_app.queues.line import Place
from stasis_app.queues.queue import Queue, QueueSettings
from stasis_app.queues.queues import Queues
from stasis_app.queues.staff import Agent, Staff
from stasis_app.queues.stores import MemoryQueueStore, QueueStore
from stasis_app.queues.strategy import Strategy
from stasis_app.queues.view import AgentState, AgentView, QueueView, WaitingView

__all__ = [
    "Agent",
    "AgentNotRung",
    "AgentState",
    "AgentView",
    "CallBack",
    "MemoryQueueStore",
    "Place",
    "Queue",
    "QueueSettings",
    "QueueStore",
    "QueueView",
    "Queues",
    "Staff",
    "Strategy",
    "WaitingView",
]
