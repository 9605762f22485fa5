"""View models of the edge boxes. Pure. Instants are by our clock: what a bridge says is moved by its clock's error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from mes.edge.types import BridgeReport
from mes.ingest.types import GapView
from mes.kernel.sqltypes import from_us, to_us
from standards.lineside.health_v1 import (
    STARTING,
    BridgeHealth,
    CertificateState,
    EndpointHealth,
    EndpointState,
    RefusedNode,
    TagRideThrough,
    certificate_days,
    certificate_level,
    is_skewed,
)
from web.components.elapsed import Elapsed, elapsed
from web.components.job import Amount, amount

REFUSALS: Final = frozenset(
    {
        *("BadNodeIdUnknown", "BadNodeIdInvalid", "BadAttributeIdInvalid", "BadNotReadable", "BadUserAccessDenied"),
        *("BadTooManyMonitoredItems", "BadMonitoredItemFilterUnsupported"),
    }
)
"""Statuses of refused nodes that have words of their own."""
REASONS: Final = (
    *("connection-lost", "subscription-lost", "server-restarted", "queue-overflow", "sequence-gap", "journal-full"),
    *("item-lost", "bridge-stopped", "other"),
)
TONES: Final = {
    "away": ("down", "unplug"),
    "unknown": ("unknown", "circle-help"),
    "starting": ("warn", "hourglass"),
    "connected": ("run", "check"),
}
"""State of a connection → tone (a CSS class) and icon, the most urgent first."""
BRIDGE_TONES: Final = {
    "trouble": ("down", "triangle-alert"),
    "silent": ("unknown", "circle-help"),
    "watch": ("warn", "triangle-alert"),
    "never": ("unknown", "circle-help"),
    "no-report": ("unknown", "circle-help"),
    "well": ("run", "check"),
}
RANKS: Final = {state: rank for rank, state in enumerate((*TONES, *BRIDGE_TONES))}
CONCERNS: Final = (
    *("uplink", "no-data", "dropped", "server-skew-ahead", "server-skew-behind", "own-certificate"),
    *("own-certificate-over", "skew-ahead", "skew-behind", "refused", "short", "certificate", "certificate-over"),
)
COSTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Concern:
    """Something to look after. `what` is a word of `bridges.concern`; `n` and `s` are its figures."""

    what: str
    icon: str
    tone: str
    n: Decimal = Decimal(0)
    s: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """One connection. `state` is one of TONES; `trouble` is why it is away, or was last (`past`)."""

    name: str
    href: str
    url: str
    state: str
    tone: str
    icon: str
    age: Elapsed | None
    since: datetime | None
    today: bool
    trouble: str
    error: str
    error_at: datetime | None
    error_today: bool
    past: bool
    per_s: Decimal | None
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class BridgeCard:
    """One edge box. `state` is one of BRIDGE_TONES; figures are None where nobody knows them now."""

    bridge_id: str
    name: str
    state: str
    tone: str
    icon: str
    heard: Elapsed | None
    report: Elapsed | None
    waiting: Decimal | None
    oldest: Elapsed | None
    delay_s: Decimal | None
    per_s: Decimal | None
    observe_only: bool
    concerns: tuple[Concern, ...]
    endpoints: tuple[EndpointLine, ...]
    more: int
    stale: bool
    certificates: str
    """Address of the page about machines' certificates."""
    certificates_waiting: int


@dataclass(frozen=True, slots=True)
class BridgeList:
    bridges: tuple[BridgeCard, ...]


@dataclass(frozen=True, slots=True)
class BridgesPage:
    bridges: BridgeList


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter as asked for and as the machine's server granted it (None: not known)."""

    what: str
    asked: Decimal
    granted: Decimal | None
    unit: str
    less: bool


@dataclass(frozen=True, slots=True)
class TagLine:
    tag: str
    ride_through_s: Decimal
    asked: int
    granted: int
    sampling_ms: Decimal | None
    change_s: Decimal
    observed: bool


@dataclass(frozen=True, slots=True)
class RefusedLine:
    tag: str
    code: str
    name: str
    next_s: int


@dataclass(frozen=True, slots=True)
class CostLine:
    tag: str
    equipment_id: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class GapLine:
    """`tags`: how many, 0 for all. `costs`: counters whose count is an interval since; `more` of them are not shown."""

    reason: str
    from_at: datetime | None
    to_at: datetime
    today: bool
    tags: int
    lost: int | None
    costs: tuple[CostLine, ...]
    more: int
    filled: int
    """Values of `filled_tags` measurements that the machine's own history had of it."""
    filled_tags: int


@dataclass(frozen=True, slots=True)
class EndpointDetail:
    """Everything known of one connection. `line` None: the bridge's report does not name it (any more)."""

    base: str
    query: str
    line: EndpointLine | None
    stale: bool
    report: Elapsed | None
    per_s_minute: Decimal | None
    skew_s: Decimal | None
    ahead: bool
    skew_wrong: bool
    certificate_days: int | None
    certificate_level: str
    tags: int
    reconnects: int
    asked: tuple[Asked, ...]
    minimum_s: Decimal | None
    target_s: Decimal
    below: int
    revised: int
    worst: tuple[TagLine, ...]
    refused: int
    refused_nodes: tuple[RefusedLine, ...]


@dataclass(frozen=True, slots=True)
class EndpointGaps:
    base: str
    query: str
    gaps: tuple[GapLine, ...]


@dataclass(frozen=True, slots=True)
class EndpointPage:
    name: str
    bridge: str
    detail: EndpointDetail
    gaps: EndpointGaps


def bridge_list(reports: Iterable[BridgeReport], zone: tzinfo, now: datetime) -> BridgeList:
    """What needs somebody comes first, then by id."""
    cards = [bridge_card(report, zone, now) for report in reports]
    return BridgeList(tuple(sorted(cards, key=lambda card: (RANKS[card.state], card.bridge_id))))


def bridge_card(report: BridgeReport, zone: tzinfo, now: datetime) -> BridgeCard:
    """One bridge; of a report that is old only its age is believed."""
    bridge, health, fresh = report.bridge, report.health, report.is_fresh(to_us(now))
    lines = () if health is None else tuple(endpoint_line(report, e, zone, now) for e in health.endpoints)
    concerns = () if health is None or not fresh else bridge_concerns(report, health)
    state = _bridge_state(report, lines, concerns, fresh=fresh)
    tone, icon = BRIDGE_TONES[state]
    seen = None if bridge.last_seen_at_us is None else from_us(bridge.last_seen_at_us)
    told = health if fresh else None
    oldest_us = None if told is None else told.journal.oldest_at_us
    return BridgeCard(
        bridge_id=bridge.id,
        name=bridge.description or bridge.id,
        state=state,
        tone=tone,
        icon=icon,
        heard=elapsed(seen, now),
        report=None if health is None else elapsed(from_us(report.received_at_us), now),
        waiting=None if told is None else Decimal(told.journal.depth),
        oldest=None if oldest_us is None else elapsed(from_us(oldest_us + report.shift_us), now),
        delay_s=None if told is None else _tenths(told.uplink.delay_s),
        per_s=None if told is None else _rate(sum(e.values_10s for e in told.endpoints)),
        observe_only=told is not None and told.observe_only,
        concerns=concerns,
        endpoints=tuple(sorted(lines, key=lambda line: (RANKS[line.state], not line.concerns, line.name))),
        more=0 if health is None else max(0, health.endpoints_total - len(health.endpoints)),
        stale=health is not None and not fresh,
        certificates=f"{base_of(bridge.id)}/certificates",
        certificates_waiting=sum(c.state is CertificateState.waiting for c in report.certificates),
    )


def _bridge_state(
    report: BridgeReport, lines: Sequence[EndpointLine], concerns: Sequence[Concern], *, fresh: bool
) -> str:
    bridge = report.bridge
    if report.health is None:
        never, silent = bridge.last_seen_at_us is None, bridge.silent_since_us is not None
        return "never" if never else "silent" if silent else "no-report"
    if not fresh:
        return "silent"
    if any(line.state in ("away", "unknown") for line in lines) or any(c.tone == "down" for c in concerns):
        return "trouble"
    watch = bool(concerns) or any(line.concerns or line.state == "starting" for line in lines)
    return "watch" if watch else "well"


def bridge_concerns(report: BridgeReport, health: BridgeHealth) -> tuple[Concern, ...]:
    """What is wrong with the bridge itself. A report, even a fresh one, is no proof that samples come."""
    found = []
    if report.bridge.silent_since_us is not None:
        found.append(Concern("no-data", "circle-help", "down"))
    if health.uplink.error not in ("", STARTING):
        found.append(Concern("uplink", "triangle-alert", "down"))
    if health.journal.dropped:
        found.append(Concern("dropped", "trash-2", "down", n=Decimal(health.journal.dropped)))
    found += _skew_concern("server-skew", health.server_skew_s)
    found += _certificate_concern("own-certificate", health.certificate_ends_us, health.at_us)
    return tuple(found)


def _skew_concern(what: str, skew_s: float | None) -> list[Concern]:
    if skew_s is None or not is_skewed(skew_s):
        return []
    return [Concern(f"{what}-{'ahead' if skew_s > 0 else 'behind'}", "clock", "warn", s=Decimal(round(abs(skew_s))))]


def _certificate_concern(what: str, ends_us: int | None, now_us: int) -> list[Concern]:
    if ends_us is None:
        return []
    days = certificate_days(ends_us, now_us)
    level = certificate_level(days)
    if level == "well":
        return []
    over = "-over" if days < 0 else ""
    return [Concern(what + over, "lock", "warn" if level == "soon" else "down", n=Decimal(abs(days)))]


def endpoint_concerns(endpoint: EndpointHealth, now_us: int) -> tuple[Concern, ...]:
    """What is to be looked after though the connection is there."""
    found = []
    if endpoint.refused:
        found.append(Concern("refused", "ban", "warn", n=Decimal(endpoint.refused)))
    found += _skew_concern("skew", endpoint.clock_skew_s)
    ride = endpoint.ride_through
    if ride is not None and ride.below:
        found.append(
            Concern("short", "hourglass", "warn", n=Decimal(ride.below), s=_tenths(ride.minimum_s) or Decimal(0))
        )
    found += _certificate_concern("certificate", endpoint.certificate_ends_us, now_us)
    return tuple(found)


def endpoint_line(report: BridgeReport, endpoint: EndpointHealth, zone: tzinfo, now: datetime) -> EndpointLine:
    """One connection; unknown where the report is old, whatever it said last."""
    known = report.is_fresh(to_us(now))
    state = endpoint.state.value if known else EndpointState.unknown.value
    tone, icon = TONES[state]
    since, error_at = _moment(endpoint.since_us, report, zone), _moment(endpoint.error_at_us, report, zone)
    heard = since if known else _moment(endpoint.heard_at_us, report, zone)
    today = now.astimezone(zone).date()
    return EndpointLine(
        name=endpoint.name,
        href=f"{base_of(report.bridge.id)}/endpoint{query_of(endpoint.name)}",
        url=endpoint.url,
        state=state,
        tone=tone,
        icon=icon,
        age=elapsed(heard, now),
        since=since if known else None,
        today=since is not None and since.date() == today,
        trouble="" if endpoint.trouble is None else endpoint.trouble.value,
        error=endpoint.error,
        error_at=error_at,
        error_today=error_at is not None and error_at.date() == today,
        past=state == "connected",
        per_s=_rate(endpoint.values_10s) if known else None,
        concerns=endpoint_concerns(endpoint, to_us(now) - report.shift_us) if known else (),
    )


def base_of(bridge_id: str) -> str:
    return f"/bridges/{quote(bridge_id, safe='')}"


def query_of(name: str) -> str:
    """What follows a region's name in its address: names of endpoints may hold anything."""
    return "?" + urlencode({"name": name})


def _moment(at_us: int, report: BridgeReport, zone: tzinfo) -> datetime | None:
    return from_us(at_us + report.shift_us).astimezone(zone) if at_us else None


def _tenths(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 1)))


def _rate(per_s: float) -> Decimal:
    """Whole numbers where they are large: nobody reads tenths of hundreds."""
    return Decimal(round(per_s)) if per_s >= 10 else Decimal(str(round(per_s, 1)))


def endpoint_detail(report: BridgeReport, name: str, zone: tzinfo, now: datetime) -> EndpointDetail:
    """Everything about one connection."""
    health = report.health
    found = None if health is None else next((e for e in health.endpoints if e.name == name), None)
    endpoint = found or EndpointHealth(name)
    line = None if found is None else endpoint_line(report, found, zone, now)
    known = line is not None and line.state != "unknown"
    ride, ends_us = endpoint.ride_through, endpoint.certificate_ends_us
    days = None if ends_us is None else certificate_days(ends_us, to_us(now) - report.shift_us)
    return EndpointDetail(
        base=base_of(report.bridge.id),
        query=query_of(name),
        line=line,
        stale=line is not None and not known,
        report=None if health is None else elapsed(from_us(report.received_at_us), now),
        per_s_minute=_rate(endpoint.values_60s) if known else None,
        skew_s=_tenths(abs(endpoint.clock_skew_s)) if known and endpoint.clock_skew_s is not None else None,
        ahead=(endpoint.clock_skew_s or 0.0) > 0,
        skew_wrong=is_skewed(endpoint.clock_skew_s),
        certificate_days=days,
        certificate_level="" if days is None else certificate_level(days),
        tags=endpoint.tags,
        reconnects=endpoint.reconnects,
        asked=_asked(endpoint),
        minimum_s=None if ride is None else _tenths(ride.minimum_s),
        target_s=Decimal(0) if ride is None else _tenths(ride.target_s) or Decimal(0),
        below=0 if ride is None else ride.below,
        revised=0 if ride is None else ride.revised,
        worst=() if ride is None else tuple(_tag_line(tag) for tag in ride.worst),
        refused=endpoint.refused,
        refused_nodes=tuple(_refused_line(node, report, now) for node in endpoint.refused_nodes),
    )


def _asked(endpoint: EndpointHealth) -> tuple[Asked, ...]:
    given = endpoint.publishing
    if given is None:
        return ()
    return (
        _parameter("interval", given.interval_asked_ms, given.interval_ms, "ms", more_is_less=True),
        _parameter("keep-alive", given.keep_alive_asked_s, given.keep_alive_s, "s", more_is_less=True),
        _parameter("lifetime", given.lifetime_asked_s, given.lifetime_s, "s", more_is_less=False),
    )


def _parameter(what: str, asked: float, granted: float | None, unit: str, *, more_is_less: bool) -> Asked:
    """`less`: the machine's server gave us a worse one than we asked for."""
    less = granted is not None and (granted > asked if more_is_less else granted < asked)
    return Asked(what, Decimal(str(asked)), None if granted is None else Decimal(str(granted)), unit, less)


def _tag_line(tag: TagRideThrough) -> TagLine:
    return TagLine(
        tag.tag,
        Decimal(str(round(tag.ride_through_s, 2))),
        tag.queue_asked,
        tag.queue_granted,
        None if tag.sampling_granted_ms is None else Decimal(str(round(tag.sampling_granted_ms, 1))),
        Decimal(str(round(tag.change_s, 3))),
        tag.basis == "observed",
    )


def _refused_line(node: RefusedNode, report: BridgeReport, now: datetime) -> RefusedLine:
    code = node.name if node.name in REFUSALS else "other"
    left_s = max(0, (node.next_try_at_us + report.shift_us - to_us(now)) // 1_000_000)
    return RefusedLine(node.tag, code, node.name or f"0x{node.status:08X}", left_s)


def endpoint_gaps(bridge_id: str, name: str, gaps: Iterable[GapView], zone: tzinfo, now: datetime) -> EndpointGaps:
    """The last gaps of a connection as the plant's database has them."""
    return EndpointGaps(base_of(bridge_id), query_of(name), tuple(_gap_line(gap, zone, now) for gap in gaps))


def _gap_line(gap: GapView, zone: tzinfo, now: datetime) -> GapLine:
    to_at = from_us(gap.to_at_us).astimezone(zone)
    costs = [CostLine(c.tag, c.equipment_id, amount(c.low, c.high)) for c in gap.costs]
    return GapLine(
        reason=gap.reason if gap.reason in REASONS else "other",
        from_at=from_us(gap.from_at_us).astimezone(zone) if gap.from_at_us else None,
        to_at=to_at,
        today=to_at.date() == now.astimezone(zone).date(),
        tags=len(gap.tags),
        lost=gap.lost,
        costs=tuple(costs[:COSTS_SHOWN]),
        more=max(0, len(costs) - COSTS_SHOWN),
        filled=gap.filled,
        filled_tags=gap.filled_tags,
    )
