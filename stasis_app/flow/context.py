"""What a flow needs besides the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stasis_app.crm import Directory, Importance, Numbers, Phonebook, Phones, ResponsibleFinder
from stasis_app.flow.codes import Codes
from stasis_app.flow.scripts import ScriptFunction
from stasis_app.queues import Queues


@dataclass(frozen=True, slots=True)
class FlowContext:
    """The knowledge flows ask. All seconds are ring times.

    A caller who passed `visit_limit` elements without pressing a key, or `visit_total` in all, is being led in circles.
    """

    numbers: Numbers
    phonebook: Phonebook
    directory: Directory
    phones: Phones
    responsibles: ResponsibleFinder
    plan_numbers: Mapping[str, str] = field(default_factory=dict)  # number -> the element of the plan it leads to
    codes: Codes = field(default_factory=Codes)
    scripts: Mapping[str, ScriptFunction] = field(default_factory=dict)
    queues: Queues = field(default_factory=Queues)
    importance: Importance = field(default_factory=lambda: Importance(None))
    direct_seconds: float = 25.0  # an extension the caller dialled in a menu
    outbound_seconds: float = 60.0
    internal_seconds: float = 60.0
    visit_limit: int = 50
    visit_total: int = 500
