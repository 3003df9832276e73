"""Replay: a recorded event stream through the model, and the story it tells.

Nothing is sent anywhere and nothing is waited for; `stasis-app replay` prints the result, tests compare it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stasis_app.ari import events as e
from stasis_app.calls import facts as f
from stasis_app.calls import intents as i
from stasis_app.calls import model
from stasis_app.calls.entry import Entry, LegEntry, begin_call, party_of_leg, read_entry, transferred_to
from stasis_app.calls.record import CallRecord, after, begin
from stasis_app.calls.recorded import clock, read_recording
from stasis_app.calls.routing import call_of_event, channel_of_event, dialling_channel
from stasis_app.calls.state import CallState
from stasis_app.calls.transition import Change
from stasis_app.calls.wire import fact_to_json


@dataclass(slots=True)
class Story:
    """One call of a recording: its facts in order, and what they add up to."""

    state: CallState
    record: CallRecord
    facts: list[f.Fact] = field(default_factory=list)

    def add(self, change: Change) -> None:
        """Take over what an event changed."""
        self.state, facts = change
        for fact in facts:
            self.record = after(self.record, fact)
            self.facts.append(fact)

    def lines(self) -> list[str]:
        """The story, a line for each fact."""
        return [f"{clock(fact.at)}  {_told(fact)}" for fact in self.facts]

    def to_json(self) -> dict[str, Any]:
        """The story as JSON values."""
        return {"call_id": self.record.call_id, "facts": [fact_to_json(fact) for fact in self.facts]}


def replay(path: Path, endpoint: str = "PJSIP/{extension}") -> list[Story]:
    """The stories in a recording made by `stasis-app run --record-events`.

    Raises:
        OSError, ValueError: the file can't be read, or is no recording.
    """
    with path.open(encoding="utf-8") as lines:
        return replay_lines(lines, endpoint)


def replay_lines(lines: Iterable[str], endpoint: str = "PJSIP/{extension}") -> list[Story]:
    """The stories in the lines of a recording."""
    stories: dict[str, Story] = {}
    by_channel: dict[str, Story] = {}
    for call_id, item in read_recording(lines):
        if isinstance(item, i.Intent):
            story = stories.get(call_id)
            if isinstance(item, i.Dialling) and story is not None:
                by_channel[item.leg] = story
        else:
            story = _story_of(item, stories, by_channel, endpoint)
        if story is not None:
            story.add(model.apply(story.state, item))
    return list(stories.values())


def _story_of(event: e.Event, stories: dict[str, Story], by_channel: dict[str, Story], endpoint: str) -> Story | None:
    if not isinstance(event, e.StasisStart) or event.channel.id in by_channel:
        return (
            by_channel.get(channel_of_event(event))
            or by_channel.get(dialling_channel(event))
            or stories.get(call_of_event(event))
        )
    replaced = by_channel.get(event.replace_channel.id) if event.replace_channel else None
    if replaced is not None:
        return _with_leg(replaced, event, transferred_to(event.channel), by_channel)
    match read_entry(event.args):
        case LegEntry() as leg if leg.call_id in stories:
            return _with_leg(stories[leg.call_id], event, party_of_leg(event.channel, leg, endpoint), by_channel)
        case Entry() as entry:
            state, facts = begin_call(event.channel, entry, event.timestamp, endpoint)
            started = facts[0]
            assert isinstance(started, f.Started)
            story = stories[state.call_id] = by_channel[event.channel.id] = Story(state, begin(started), list(facts))
            return story
        case _:
            return None


def _with_leg(story: Story, event: e.StasisStart, party: f.Party, by_channel: dict[str, Story]) -> Story:
    story.add(model.apply(story.state, i.Dialling(event.timestamp, event.channel.id, party)))
    by_channel[event.channel.id] = story
    return story


def _told(fact: f.Fact) -> str:
    """A fact in words."""
    who = f"{fact.party.kind} {fact.party.number or 'without number'}" if isinstance(fact, f.LegFact) else ""
    match fact:
        case f.Started():
            caller = fact.caller.number or "withheld"
            to = fact.dialled or fact.line or fact.element
            return f"{fact.direction} call {fact.call_id} from {caller} to {to}"
        case f.WentOutside():
            return f"goes on to {fact.number} as an outgoing call of {fact.by.number}"
        case f.Identified():
            return f"the CRM knows {fact.entity_type} {fact.entity_id} {fact.name}".rstrip()
        case f.Visited():
            return f"came to {fact.element} ({fact.kind})" + (f": {fact.why}" if fact.why else "")
        case f.Pressed():
            return f"pressed {fact.digit}"
        case f.NotAnswered():
            return f"{who}: {fact.why} (cause {fact.cause}, SIP {fact.tech_cause or '-'})"
        case f.LegEnded():
            return f"{who} left the call (cause {fact.cause})"
        case f.LegFact():
            return f"{who}: {type(fact).__name__.lower()}"
        case f.Recorded():
            return f"recorded {fact.seconds} s as {fact.name}.{fact.format}"
        case f.HandedOver():
            return f"handed over to the dialplan at {fact.to or 'its next step'}"
        case f.Ended():
            return f"ended by the {fact.by} (cause {fact.cause}, SIP {fact.tech_cause or '-'})"
        case _:
            return type(fact).__name__
