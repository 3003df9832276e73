"""What a call is: legs, parties, bridges; ARI events in, facts out; the verbs that act on a call.

`model` is pure and turns events into facts; `record` adds facts up; `Call` is a live call with its mailbox and verbs;
`Tracker` brings every event to its call.
"""

from stasis_app.calls.auto_answer import AutoAnswer
from stasis_app.calls.call import Call
from stasis_app.calls.control import AriControl
from stasis_app.calls.facts import Direction, Fact, Party, PartyKind
from stasis_app.calls.lifecycle import Order
from stasis_app.calls.number_plan import Attempt, NumberPlan, Rewrite, Trunk
from stasis_app.calls.options import CallOptions
from stasis_app.calls.record import CallRecord
from stasis_app.calls.tracker import Tracker
from stasis_app.calls.verbs import CallGone, CallHandle, RingResult, Strategy, Target

__all__ = [
    "AriControl",
    "Attempt",
    "AutoAnswer",
    "Call",
    "CallGone",
    "CallHandle",
    "CallOptions",
    "CallRecord",
    "Direction",
    "Fact",
    "NumberPlan",
    "Order",
    "Party",
    "PartyKind",
    "Rewrite",
    "RingResult",
    "Strategy",
    "Target",
    "Tracker",
    "Trunk",
]
