"""The figures of a bridge by their Prometheus names: one table for the bridge's own port and the server's `/metrics`.

Names follow Prometheus's conventions: base units (seconds, bytes), `_total` for what only rises, `_timestamp_seconds`
for instants. A figure that is not known has no sample. `exposition` writes the text format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from standards.lineside.health_v1 import BridgeHealth, EndpointHealth, EndpointState

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric. `name` without the `_total` of a counter."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str


@dataclass(slots=True)
class Figures:
    """Samples by metric, in the order they were first given."""

    samples: dict[Figure, list[tuple[Labels, float]]] = field(default_factory=dict)

    def add(self, figure: Figure, value: float | None, labels: Mapping[str, str]) -> None:
        """A sample; None: not known, no sample."""
        if value is not None:
            self.samples.setdefault(figure, []).append((tuple(labels.items()), float(value)))


def _gauge(name: str, text: str) -> Figure:
    return Figure(f"lineside_{name}", "gauge", text)


def _counter(name: str, text: str) -> Figure:
    return Figure(f"lineside_{name}", "counter", text)


STARTED: Final = _gauge("bridge_start_timestamp_seconds", "When the bridge was started.")
OBSERVE_ONLY: Final = _gauge("bridge_observe_only", "1 if the bridge writes nothing to any machine.")
JOURNAL_ITEMS: Final = _gauge("bridge_journal_items", "Items that wait for the server.")
JOURNAL_BYTES: Final = _gauge("bridge_journal_bytes", "Bytes that wait for the server.")
JOURNAL_LIMIT: Final = _gauge("bridge_journal_limit_bytes", "Bound of the journal.")
JOURNAL_OLDEST: Final = _gauge("bridge_journal_oldest_timestamp_seconds", "When the oldest item that waits was seen.")
DROPPED: Final = _gauge("bridge_dropped_measurements", "Measurements dropped for want of room, gap not written yet.")
UPLINK_UP: Final = _gauge("bridge_uplink_up", "1 if the server takes what the bridge sends.")
UPLINK_DELAY: Final = _gauge("bridge_uplink_delay_seconds", "From journaled to held by the server.")
SENT: Final = _counter("bridge_sent_items", "Items the server has taken.")
DUPLICATES: Final = _counter("bridge_duplicate_items", "Items sent that the server had already.")
QUARANTINED: Final = _counter("bridge_quarantined_items", "Items the server could not use.")
SERVER_SKEW: Final = _gauge("bridge_server_clock_skew_seconds", "Server's clock minus the bridge's.")
OWN_CERTIFICATE: Final = _gauge("bridge_certificate_expiry_timestamp_seconds", "End of the bridge's own certificate.")
UP: Final = _gauge("endpoint_up", "1 if the bridge is connected to the endpoint; 0 if it is not or nobody knows.")
SINCE: Final = _gauge("endpoint_state_since_timestamp_seconds", "When the present state began.")
HEARD: Final = _gauge("endpoint_heard_timestamp_seconds", "When the machine's server was last heard.")
VALUES: Final = _counter("endpoint_values", "Values journaled since the bridge was started.")
TAGS: Final = _gauge("endpoint_tags", "Tags in the tag map.")
REFUSED: Final = _gauge("endpoint_refused_nodes", "Nodes the machine's server does not monitor.")
SKEW: Final = _gauge("endpoint_clock_skew_seconds", "Machine's clock minus the bridge's.")
RECONNECTS: Final = _counter("endpoint_reconnects", "Connections lost since the bridge was started.")
GAPS: Final = _counter("endpoint_gaps", "Gaps journaled since the bridge was started.")
HISTORY: Final = _counter("endpoint_history_values", "Values read from the machine's own history after gaps.")
CERTIFICATE: Final = _gauge("endpoint_certificate_expiry_timestamp_seconds", "End of the machine's certificate.")
INTERVAL: Final = _gauge("endpoint_publishing_interval_seconds", "Publishing interval as the server revised it.")
RIDE_THROUGH: Final = _gauge("endpoint_ride_through_seconds", "How long the bridge may be away; the worst tag.")
SHORT_TAGS: Final = _gauge("endpoint_short_tags", "Tags whose ride-through is below the target.")


def add_bridge(figures: Figures, health: BridgeHealth, labels: Mapping[str, str]) -> None:
    """Everything a bridge says of itself. `labels` name the bridge where there may be several."""
    journal, uplink = health.journal, health.uplink
    for figure, value in (
        (STARTED, _seconds(health.started_at_us)),
        (OBSERVE_ONLY, health.observe_only),
        (JOURNAL_ITEMS, journal.depth),
        (JOURNAL_BYTES, journal.bytes),
        (JOURNAL_LIMIT, journal.max_bytes or None),
        (JOURNAL_OLDEST, _seconds(journal.oldest_at_us)),
        (DROPPED, journal.dropped),
        (UPLINK_UP, not uplink.error),
        (UPLINK_DELAY, uplink.delay_s),
        (SENT, uplink.sent_items),
        (DUPLICATES, uplink.duplicates),
        (QUARANTINED, uplink.quarantined),
        (SERVER_SKEW, health.server_skew_s),
        (OWN_CERTIFICATE, _seconds(health.certificate_ends_us)),
    ):
        figures.add(figure, value, labels)
    for endpoint in health.endpoints:
        add_endpoint(figures, endpoint, {**labels, "endpoint": endpoint.name})


def add_endpoint(figures: Figures, endpoint: EndpointHealth, labels: Mapping[str, str]) -> None:
    publishing, ride = endpoint.publishing, endpoint.ride_through
    interval_ms = None if publishing is None else publishing.interval_ms
    for figure, value in (
        (UP, endpoint.state is EndpointState.connected),
        (SINCE, _seconds(endpoint.since_us)),
        (HEARD, _seconds(endpoint.heard_at_us)),
        (VALUES, endpoint.values),
        (TAGS, endpoint.tags),
        (REFUSED, endpoint.refused),
        (SKEW, endpoint.clock_skew_s),
        (RECONNECTS, endpoint.reconnects),
        (GAPS, endpoint.gaps),
        (HISTORY, 0 if endpoint.history is None else endpoint.history.values),
        (CERTIFICATE, _seconds(endpoint.certificate_ends_us)),
        (INTERVAL, None if interval_ms is None else interval_ms / 1000),
        (RIDE_THROUGH, None if ride is None else ride.minimum_s),
        (SHORT_TAGS, None if ride is None else ride.below),
    ):
        figures.add(figure, value, labels)


def _seconds(at_us: int | None) -> float | None:
    return at_us / 1_000_000 if at_us else None


class FiguresCollector(Collector):
    """Figures as prometheus_client reads them, asked for anew at every scrape."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        for figure, samples in self._figures().samples.items():
            metric = Metric(figure.name, figure.help, figure.kind)
            suffix = "_total" if figure.kind == "counter" else ""
            for labels, value in samples:
                metric.add_sample(figure.name + suffix, dict(labels), value)
            yield metric


def exposition(figures: Figures) -> bytes:
    """Prometheus's text format (CONTENT_TYPE), escaping what labels may hold."""
    return generate_latest(FiguresCollector(lambda: figures))
