"""Calls: what leads them, how they are dialled and recorded, what employees' codes do, and who is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stasis_app.adapters import RecordingsView
from stasis_app.app.grounds import Grounds
from stasis_app.app.people import People
from stasis_app.calls import AriControl, AutoAnswer, Call, CallOptions, CallRecord, Direction, NumberPlan, Tracker
from stasis_app.calls.facts import Fact, RecordingMode, WentOutside
from stasis_app.calls.features import FeatureCodes
from stasis_app.calls.feed import FactFeed
from stasis_app.calls.journal import Journal
from stasis_app.calls.listeners import FactSink
from stasis_app.calls.moves.parking import ParkingLot, ParkingOptions
from stasis_app.calls.moves.pickup import PickupGroups
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.crm import Importance, ResponsibleFinder
from stasis_app.dialled import dialled_codes, parking_by_keys
from stasis_app.flow import (
    Codes,
    FlowContext,
    PlanDestinations,
    came_back_to,
    learn_client,
    learn_client_outside,
    number_plan,
    resume_call,
    route_call,
)
from stasis_app.queue_adapters import CrmQuestions
from stasis_app.queues import Queues
from stasis_app.settings import FEATURE_CODES, FeatureSettings


@dataclass(frozen=True, slots=True)
class Story:
    """What is kept and told of calls, live and past."""

    journal: Journal
    feed: FactFeed
    recordings: RecordingsView


def keep_story(grounds: Grounds) -> Story:
    """The journal and what reads from it."""
    journal = Journal(grounds.store.journal)
    grounds.stack.push_async_callback(journal.close)
    internal_calls = grounds.settings.bitrix24.internal_calls
    return Story(journal, FactFeed(), RecordingsView(journal, grounds.store, internal_calls=internal_calls))


@dataclass(frozen=True, slots=True)
class Calls:
    """The live calls, where they are parked and the trunks they go out by."""

    tracker: Tracker
    lot: ParkingLot
    trunks: NumberPlan


def follow_calls(
    grounds: Grounds, people: People, queues: Queues, journal: Journal, listeners: Sequence[FactSink]
) -> Calls:
    """Everything about calls is wired; `listeners` (`journal` among them) are told every fact, in this order."""
    settings = grounds.settings
    lot = _parking_lot(grounds)
    codes = dialled_codes(
        settings.codes,
        extensions=people.extensions,
        groups=PickupGroups(settings.phones.pickup_groups),
        lot=lot,
        tracker=grounds.tracker,
    )
    context = _what_flows_know(grounds, people, queues, codes)
    trunks = _trunks(grounds)
    destinations = PlanDestinations(
        grounds.plan,
        context,
        ring_seconds=settings.features.transfer_seconds,
        back_seconds=settings.features.back_seconds,
        lot=lot,
    )

    async def lead(call: Call) -> None:
        if call.record.direction is not Direction.INTERNAL:
            call.spawn(learn_client(call, context))
        await route_call(grounds.plan, call, context)

    async def lead_on(call: Call) -> None:
        if call.record.parked is not None:
            await lot.keep(call)
            return
        call.spawn(learn_client(call, context))
        if (by := came_back_to(call.record)) is not None:
            await destinations.bring_back(call, by)
            return
        await resume_call(grounds.plan, call, context)

    def learn(record: CallRecord, fact: Fact) -> None:
        if isinstance(fact, WentOutside) and (call := grounds.tracker().get(record.call_id)) is not None:
            call.spawn(learn_client_outside(call, context))

    tracker = Tracker(
        AriControl(grounds.link, settings.asterisk.app, told_transfers=settings.asterisk.phone_transfers == "auto"),
        _call_options(grounds, trunks, journal),
        lead,
        [*listeners, learn],
        settings.asterisk.app,
        on_intent=grounds.recorder.intent if grounds.recorder else None,
        resume=lead_on,
        destinations=destinations,
        codes=_feature_codes(settings.features, lot),
        unlisted=lambda entry: entry.direction is Direction.INTERNAL and entry.dialled in codes,
    )
    grounds.tracker.comes(tracker)
    return Calls(tracker, lot, trunks)


def _parking_lot(grounds: Grounds) -> ParkingLot:
    parking = grounds.settings.parking
    return ParkingLot(ParkingOptions(parking.numbers, parking.seconds), calls=lambda: grounds.tracker().live())


def _what_flows_know(grounds: Grounds, people: People, queues: Queues, codes: Codes) -> FlowContext:
    return FlowContext(
        grounds.numbers,
        people.phonebook,
        people.directory,
        people.phones,
        ResponsibleFinder(people.phonebook, people.directory, people.phones),
        grounds.plan.numbers,
        codes,
        grounds.scripts,
        outbound_seconds=grounds.settings.outbound.seconds,
        queues=queues,
        importance=Importance(CrmQuestions(grounds.portal)),
    )


def _trunks(grounds: Grounds) -> NumberPlan:
    settings = grounds.settings
    return number_plan(
        settings.asterisk, settings.trunks, settings.outbound, settings.employees, grounds.plan, grounds.numbers
    )


def _call_options(grounds: Grounds, trunks: NumberPlan, journal: Journal) -> CallOptions:
    outbound, employees = grounds.settings.outbound, grounds.settings.employees
    return CallOptions(
        endpoint=grounds.settings.asterisk.endpoint,
        trunks=trunks,
        trunk_patience=outbound.trunk_patience,
        employee_seconds=outbound.employee_seconds,
        auto_answer=AutoAnswer(
            outbound.auto_answer, {e.extension: e.auto_answer for e in employees if e.auto_answer is not None}
        ),
        recording=lambda record: _recording_policy(grounds, record),
        on_disk=journal.settled,
    )


def _recording_policy(grounds: Grounds, record: CallRecord) -> RecordingPolicy:
    """How a call is recorded, as the plan and the configuration say."""
    recording = grounds.settings.recording
    if record.direction is Direction.INTERNAL and not recording.internal:
        return RecordingPolicy()
    configured = RecordingPolicy(
        RecordingMode(recording.mode) if recording.enabled else RecordingMode.OFF,
        recording.stereo,
        tuple(recording.consent),
        ConsentWhen(recording.consent_when),
        recording.longest_pause,
    )
    return grounds.plan.recording_of(record, grounds.numbers, configured)


def _feature_codes(features: FeatureSettings, lot: ParkingLot) -> FeatureCodes:
    chosen = {key: getattr(features, key) for key in FEATURE_CODES}
    park = chosen.pop("park")
    parks = park and lot.options.slots
    return FeatureCodes(**chosen, more={park: parking_by_keys(lot)} if parks else {})
