"""What a monitoring system reads: figures of the service, in a registry of its own."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from stasis_app import __version__
from stasis_app.calls import facts as f
from stasis_app.calls.record import CallRecord
from stasis_app.incidents import KINDS, Incident

_RING = (1, 2, 5, 10, 15, 20, 30, 45, 60, 120)
_TALK = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Metrics:
    """The figures. Rooms with figures of their own register them in `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        build = Gauge("stasis_build", "Always 1; the label is the version", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self.live = Gauge("stasis_calls_live", "Calls going on", registry=self.registry)
        self.started = Counter("stasis_calls_started", "Calls begun", ["direction"], registry=self.registry)
        self.ended = Counter("stasis_calls_ended", "Calls over", ["direction", "answered"], registry=self.registry)
        self.unanswered = Counter(
            "stasis_rings_unanswered", "Phones that rang in vain, by reason", ["why"], registry=self.registry
        )
        self.to_answer = Histogram(
            "stasis_seconds_to_answer",
            "From the start of an answered call to the conversation",
            ["direction"],
            buckets=_RING,
            registry=self.registry,
        )
        self.talk = Histogram(
            "stasis_talk_seconds", "Length of conversations", ["direction"], buckets=_TALK, registry=self.registry
        )
        self.component = Gauge(
            "stasis_component_up", "1 well, 0.5 degraded, 0 down", ["component"], registry=self.registry
        )
        self.outbox = Gauge(
            "stasis_outbox_waiting", "Operations not yet accepted by the portal", registry=self.registry
        )
        self.incidents = Gauge(
            "stasis_incidents_open", "Incidents going on", ["code", "severity"], registry=self.registry
        )
        self.requests = Counter(
            "stasis_http_requests", "Requests to this service", ["method", "route", "status"], registry=self.registry
        )

    def observe(self, fact: f.Fact, record: CallRecord) -> None:
        """Count a fact; `record` is the call after it."""
        direction = record.direction.value
        match fact:
            case f.Started():
                self.started.labels(direction).inc()
            case f.NotAnswered():
                self.unanswered.labels(fact.why.value).inc()
            case f.Ended():
                self.ended.labels(direction, "yes" if record.answered else "no").inc()
                if record.talks:
                    self.to_answer.labels(direction).observe(
                        max(0.0, (record.talks[0].began_at - record.started_at).total_seconds())
                    )
                    self.talk.labels(direction).observe(record.talk_seconds)

    def count_incidents(self, incidents: Sequence[Incident]) -> None:
        """Take over how many are open; 0 for each kind that is not, so that an alarm finds its figure."""
        for kind in KINDS.values():
            still = sum(1 for incident in incidents if incident.is_open and incident.kind.code == kind.code)
            self.incidents.labels(kind.code, kind.severity).set(still)

    def text(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self.registry)
