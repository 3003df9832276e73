"""What every transition of the model is: a function of a state and an event or intent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stasis_app.calls.facts import Fact
from stasis_app.calls.state import CallState

Change = tuple[CallState, list[Fact]]
"""The next state, and what has happened."""

Transitions = Mapping[type, Callable[[CallState, Any], Change]]
"""The transition of each event and intent."""
