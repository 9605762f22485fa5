"""The health document as a person reads it in a terminal. Pure: document and instant in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from opcua_bridge.health import is_revised, verdict
from standards.lineside.health_v1 import (
    STALE_AFTER_S,
    Basis,
    BridgeHealth,
    EndpointHealth,
    EndpointState,
    HistoryNote,
    JournalHealth,
    Publishing,
    RideThrough,
    TagRideThrough,
    Trouble,
    certificate_days,
    certificate_level,
    is_skewed,
)

WORDS: Final[Mapping[Trouble, str]] = {
    Trouble.refused: "connection refused",
    Trouble.unreachable: "the network does not lead there",
    Trouble.no_such_host: "the host name is not known",
    Trouble.timeout: "no answer in time",
    Trouble.silent: "connected, but nothing is heard",
    Trouble.closed: "the connection was cut",
    Trouble.untrusted: "the server's certificate is not approved",
    Trouble.security: "certificate, user or security policy is not accepted",
    Trouble.server_restarted: "the machine's server was restarted",
    Trouble.subscription_lost: "the machine's server dropped the subscription",
    Trouble.journal_full: "the journal is full",
    Trouble.other: "an unexpected error",
}
US: Final = 1_000_000


def health_lines(health: BridgeHealth, age_s: float) -> Iterator[str]:
    """Everything, the verdict first. Instants are UTC, as in the log; what is stale says so."""
    well, words = verdict(health, age_s)
    yield f"{'well' if well else 'NOT WELL'}: {words.removeprefix('well; ')}"
    if age_s > STALE_AFTER_S:
        yield f"  all below is of {age_s:.0f} s ago: how it is now is not known"
    yield f"bridge  {health.version or '?'}, started {instant(health.started_at_us)}, said {age(age_s)} ago"
    if health.observe_only:
        yield "  observe-only: nothing is written to any machine"
    yield from _journal_lines(health.journal, health.at_us)
    yield from _uplink_lines(health)
    yield from _certificate_lines("own certificate", health.certificate_ends_us, health.at_us)
    for thumbprint in health.certificates_waiting:
        yield f"  certificate {thumbprint} waits for a decision  ! lineside-bridge trust list"
    for endpoint in health.endpoints:
        yield ""
        yield from endpoint_lines(endpoint, health.at_us)
    if health.endpoints_total > len(health.endpoints):
        yield f"… and {health.endpoints_total - len(health.endpoints)} more endpoints"


def _journal_lines(journal: JournalHealth, now_us: int) -> Iterator[str]:
    share = f" of {journal.max_bytes // 1024} KiB" if journal.max_bytes else ""
    oldest = "" if journal.oldest_at_us is None else f", the oldest {age((now_us - journal.oldest_at_us) / US)} old"
    yield f"journal {journal.depth} items wait, {journal.bytes // 1024} KiB{share}{oldest}"
    if journal.dropped:
        yield f"  {journal.dropped} measurements dropped for want of room"


def _uplink_lines(health: BridgeHealth) -> Iterator[str]:
    uplink = health.uplink
    delay = "" if uplink.delay_s is None else f", held by the server after {uplink.delay_s:.2f} s"
    yield f"uplink  acknowledged up to {uplink.acknowledged_seq}{delay}; {uplink.quarantined} in quarantine"
    if uplink.error:
        yield f"  {uplink.error}, since {instant(uplink.error_at_us)}"
    if health.commands_error:
        yield f"  commands: {health.commands_error}"
    yield from _skew_lines("server's clock", health.server_skew_s)


def _skew_lines(whose: str, skew_s: float | None) -> Iterator[str]:
    if skew_s is None:
        yield f"  {whose}: not known"
        return
    side = "ahead of" if skew_s > 0 else "behind"
    mark = "  ! WRONG TIMES" if is_skewed(skew_s) else ""
    yield f"  {whose}: {abs(skew_s):.2f} s {side} the bridge's{mark}"


def _certificate_lines(what: str, ends_us: int | None, now_us: int) -> Iterator[str]:
    if ends_us is None:
        return
    days = certificate_days(ends_us, now_us)
    mark = "" if certificate_level(days) == "well" else "  ! RENEW IT"
    yield f"  {what}: {days} days left{mark}"


def endpoint_lines(endpoint: EndpointHealth, now_us: int) -> Iterator[str]:
    """One endpoint."""
    yield f"{endpoint.name}  {endpoint.url}"
    yield f"  {standing(endpoint)}"
    if endpoint.error and endpoint.state is EndpointState.connected:
        yield f"  last error {instant(endpoint.error_at_us)}: {because(endpoint)}"
    rates = f"{endpoint.values_10s:.1f} values/s (10 s), {endpoint.values_60s:.1f} (minute)"
    yield f"  {rates}; {endpoint.reconnects} reconnects, {endpoint.gaps} gaps"
    yield from _skew_lines("machine's clock", endpoint.clock_skew_s)
    yield from _certificate_lines("machine's certificate", endpoint.certificate_ends_us, now_us)
    if endpoint.security:
        yield f"  security: {endpoint.security}"
    yield from (f"  ! {warning}" for warning in endpoint.warnings)
    if endpoint.publishing is not None:
        yield from _publishing_lines(endpoint.publishing)
    if endpoint.ride_through is not None:
        yield from _ride_through_lines(endpoint.ride_through)
    yield from _refused_lines(endpoint)
    if endpoint.history is not None:
        yield from _history_lines(endpoint.history)
    for gap in endpoint.last_gaps:
        whose = f"{gap.tags} tags" if gap.tags else "all tags"
        lost = "" if gap.lost is None else f", {gap.lost} values"
        yield f"  gap {instant(gap.from_at_us)} to {instant(gap.to_at_us)}: {gap.reason}, {whose}{lost}"


def standing(endpoint: EndpointHealth) -> str:
    """State, since when and why: `not reached since 2026-11-22 14:02:10: connection refused (…)`."""
    since = instant(endpoint.since_us)
    match endpoint.state:
        case EndpointState.connected:
            return f"connected since {since}"
        case EndpointState.away:
            return f"not reached since {since}: {because(endpoint)}"
        case EndpointState.starting:
            return f"connecting since {since}"
        case _:
            return "not known"


def because(endpoint: EndpointHealth) -> str:
    """The last error in words, with what the system said."""
    return f"{WORDS[endpoint.trouble or Trouble.other]} ({endpoint.error})"


def _publishing_lines(publishing: Publishing) -> Iterator[str]:
    for name, asked, granted, unit in (
        ("publishing interval", publishing.interval_asked_ms, publishing.interval_ms, "ms"),
        ("keep-alive", publishing.keep_alive_asked_s, publishing.keep_alive_s, "s"),
        ("lifetime", publishing.lifetime_asked_s, publishing.lifetime_s, "s"),
    ):
        got = "not known" if granted is None else f"{granted:g} {unit}"
        yield f"  {name}: asked {asked:g} {unit}, got {got}"


def _ride_through_lines(ride: RideThrough) -> Iterator[str]:
    if ride.minimum_s is None:
        yield "  ride-through: no tag is monitored"
        return
    counts = f"{ride.below} of {ride.tags} tags below {ride.target_s:g} s, {ride.revised} revised downwards"
    yield f"  ride-through: {ride.minimum_s:g} s at least; {counts}"
    yield from tag_lines(ride.worst)
    if ride.below > len(ride.worst):
        yield f"    … and {ride.below - len(ride.worst)} more (--all)"


def tag_lines(tags: Sequence[TagRideThrough]) -> Iterator[str]:
    """One line a tag: ride-through, queue and sampling asked and granted, and how the time between changes is known."""
    for tag in tags:
        sampling = "?" if tag.sampling_granted_ms is None else f"{tag.sampling_granted_ms:g} ms"
        known = "observed" if tag.basis is Basis.observed else "no change seen: publishing interval"
        mark = " !" if is_revised(tag) else ""
        yield (
            f"    {tag.tag}: {tag.ride_through_s:g} s = queue {tag.queue_granted} (asked {tag.queue_asked}) × "
            f"{tag.change_s:g} s ({known}), sampling {sampling} (asked {tag.sampling_asked_ms:g} ms){mark}"
        )


def _history_lines(history: HistoryNote) -> Iterator[str]:
    waiting = f", {history.waiting} gaps are still to be asked about" if history.waiting else ""
    last = f"last {instant(history.at_us)}"
    yield f"  from the machine's history: {history.values} values of {history.tags} tags, {last}{waiting}"
    if history.left_out or history.cut_short:
        why = f" ({history.error})" if history.error else ""
        yield f"    left out: {history.left_out}{why}; cut short: {history.cut_short}"


def _refused_lines(endpoint: EndpointHealth) -> Iterator[str]:
    if endpoint.refused:
        yield f"  {endpoint.refused} nodes refused by the machine's server"
    for node in endpoint.refused_nodes:
        yield f"    {node.tag}: {node.name}: {node.words} Next try {instant(node.next_try_at_us)}"
    if endpoint.refused > len(endpoint.refused_nodes):
        yield f"    … and {endpoint.refused - len(endpoint.refused_nodes)} more"


def instant(at_us: int) -> str:
    """`2026-11-22 14:02:10Z`; a dash for none."""
    if not at_us:
        return "-"
    return datetime.fromtimestamp(at_us // US, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def age(seconds: float) -> str:
    """The largest unit that says enough."""
    whole = max(0, int(seconds))
    for size, unit in ((172_800, "d"), (7_200, "h"), (120, "min")):
        if whole >= size:
            return f"{whole // {'d': 86_400, 'h': 3_600, 'min': 60}[unit]} {unit}"
    return f"{whole} s"
