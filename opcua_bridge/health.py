"""How the bridge is: the document of health_v1, made from what each part knows of itself.

Written beside the journal every two seconds, sent to the server by `reporter`, shown by `lineside-bridge health`. It is
bounded whatever the number of tags; `every_tag` is the long list, written once when somebody asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from asyncua import ua

from opcua_bridge.journal import MonitoredItem
from opcua_bridge.source import Refused, Source, asked_queue_size
from opcua_bridge.standing import BackfillStanding, SourceHealth
from standards.lineside.health_v1 import (
    MAX_ENDPOINTS,
    MAX_HEALTH_BYTES,
    MAX_LISTED,
    MAX_NAME,
    MAX_TEXT,
    RIDE_THROUGH_TARGET_S,
    STALE_AFTER_S,
    BridgeHealth,
    EndpointHealth,
    EndpointState,
    GapNote,
    HistoryNote,
    Publishing,
    RefusedNode,
    RideThrough,
    TagRideThrough,
    certificate_days,
    certificate_level,
    encode,
)
from standards.lineside.ingest_v1 import Gap

EVERY_S: Final = 2.0
RIDES_EVERY_S: Final = 10.0
ASKED_WITHIN_S: Final = 10.0
_EVERY_TAG: Final = msgspec.json.Decoder(dict[str, list[TagRideThrough]])


class Status(msgspec.Struct, frozen=True):
    """The status file: the health document, and who wrote it when (this computer's clock)."""

    pid: int
    written_at: float
    health: BridgeHealth


# ----------------------------------------------------------------- what is so


class RideThroughs:
    """Ride-through of each endpoint, made on another thread (50,000 tags take a while) and kept for ten seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, object, RideThrough]] = {}

    async def of(self, source: Source) -> RideThrough:
        """At most ten seconds old, or made anew when other items are monitored."""
        name, items = source.endpoint.name, source.record.items
        known = self._known.get(name)
        if known is not None and known[1] is items and time.monotonic() - known[0] < RIDES_EVERY_S:
            return known[2]
        source.health.rates.settle()
        made = await asyncio.to_thread(ride_through, source)
        self._known[name] = (time.monotonic(), items, made)
        return made


def endpoint_health(source: Source, now_us: int, ride: RideThrough) -> EndpointHealth:
    """One endpoint, its lists cut to the worst."""
    health, error_at_us = source.health, source.health.last_error_at_us
    return EndpointHealth(
        name=_cut(source.endpoint.name, MAX_NAME),
        state=health.state,
        since_us=health.since_us,
        url=_cut(source.endpoint.url),
        trouble=health.trouble,
        error=_cut(health.last_error),
        error_at_us=error_at_us,
        heard_at_us=health.heard_at_us,
        values_10s=round(health.flow.per_s(10), 1),
        values_60s=round(health.flow.per_s(60), 1),
        values=health.samples,
        tags=len(source.endpoint.tag),
        refused=len(source.refused),
        refused_nodes=_refused_nodes(source.refused, now_us),
        clock_skew_s=health.clock_skew_s if health.connected else None,
        publishing=publishing(source),
        ride_through=ride,
        reconnects=health.reconnects,
        gaps=health.gaps,
        last_gaps=_last_gaps(health),
        history=_history(health.backfill),
        certificate_ends_us=health.certificate_ends_us,
        security=_cut(health.security, MAX_NAME),
        warnings=[_cut(warning) for warning in health.warnings[:MAX_LISTED]],
    )


def _history(standing: BackfillStanding) -> HistoryNote | None:
    if standing == BackfillStanding():
        return None
    return HistoryNote(**{**vars(standing), "error": _cut(standing.error)})


def _cut(text: str, limit: int = MAX_TEXT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _refused_nodes(refused: dict[str, Refused], now_us: int) -> list[RefusedNode]:
    """The first by name, so that the list stays still while it is read."""
    first = heapq.nsmallest(MAX_LISTED, refused.items(), key=lambda item: item[0])
    return [refused_node(name, one, now_us) for name, one in first]


def refused_node(name: str, one: Refused, now_us: int) -> RefusedNode:
    """A node the server would not monitor: why, in words, and when it is asked for again."""
    status, words = ua.status_codes.get_name_and_doc(one.status)
    wait_s = max(0.0, one.try_at - time.monotonic())
    tag = _cut(name.rpartition("\x00")[2], MAX_NAME)
    return RefusedNode(tag, one.status, _cut(status, MAX_NAME), _cut(words), now_us + int(wait_s * 1_000_000))


def _last_gaps(health: SourceHealth) -> list[GapNote]:
    return [_gap_note(gap) for gap, _ in zip(health.last_gaps, range(MAX_LISTED), strict=False)]


def _gap_note(gap: Gap) -> GapNote:
    return GapNote(gap.from_at_us, gap.to_at_us, gap.reason, len(gap.tags or ()), gap.lost)


def publishing(source: Source) -> Publishing:
    """The subscription as asked for and as revised; revised only while there is one."""
    endpoint, record = source.endpoint, source.record
    there = bool(record.subscription_id)
    return Publishing(
        interval_asked_ms=float(endpoint.publishing_interval_ms),
        keep_alive_asked_s=endpoint.keep_alive_s,
        lifetime_asked_s=endpoint.lifetime_s,
        interval_ms=record.publishing_ms if there else None,
        keep_alive_s=record.keep_alive_s if there else None,
        lifetime_s=record.lifetime_s if there else None,
    )


class _Given(NamedTuple):
    """A tag that is monitored, as the machine's server has it."""

    seconds: float
    tag: str
    handle: int
    item: MonitoredItem
    asked: int


def _given(source: Source) -> Iterator[_Given]:
    """Every tag that is monitored: revised queue × time between changes, at most the subscription's lifetime."""
    record, tags, rates = source.record, {tag.tag: tag for tag in source.endpoint.tag}, source.health.rates
    publishing_s, longest_s = _publishing_s(source), record.lifetime_s or source.endpoint.lifetime_s
    for handle, item in record.items.items():
        tag = tags.get(item.tag)
        if tag is not None:
            seconds = min(item.queue_size * rates.change_s(handle, publishing_s)[0], longest_s)
            yield _Given(seconds, item.tag, handle, item, asked_queue_size(tag))


def _publishing_s(source: Source) -> float:
    return (source.record.publishing_ms or source.endpoint.publishing_interval_ms) / 1000


def tag_ride_throughs(source: Source) -> list[TagRideThrough]:
    """Of every tag that is monitored; as long as the tag map."""
    return [_told(source, given) for given in _given(source)]


def _told(source: Source, given: _Given) -> TagRideThrough:
    change_s, basis = source.health.rates.change_s(given.handle, _publishing_s(source))
    return TagRideThrough(
        tag=_cut(given.tag, MAX_NAME),
        ride_through_s=round(given.seconds, 3),
        queue_asked=given.asked,
        queue_granted=given.item.queue_size,
        sampling_granted_ms=given.item.sampling_ms,
        change_s=round(change_s, 4),
        basis=basis,
    )


def ride_through(source: Source, target_s: float = RIDE_THROUGH_TARGET_S) -> RideThrough:
    """The worst tags below the target, with the minimum and the counts of all."""
    every = list(_given(source))
    below = [given for given in every if given.seconds < target_s]
    least = min((given.seconds for given in every), default=None)
    return RideThrough(
        target_s=target_s,
        tags=len(every),
        minimum_s=None if least is None else round(least, 3),
        below=len(below),
        revised=sum(g.item.queue_size < g.asked or bool(g.item.sampling_ms) for g in every),
        worst=[_told(source, given) for given in heapq.nsmallest(MAX_LISTED, below)],
    )


def is_revised(tag: TagRideThrough) -> bool:
    """Whether the server gave less than was asked for."""
    return tag.queue_granted < tag.queue_asked or (tag.sampling_granted_ms or 0.0) > tag.sampling_asked_ms


def listed(endpoints: Iterable[EndpointHealth]) -> list[EndpointHealth]:
    """At most 64, those in trouble first."""
    return sorted(endpoints, key=lambda e: (e.state is EndpointState.connected, e.name))[:MAX_ENDPOINTS]


def fitted(health: BridgeHealth, max_bytes: int = MAX_HEALTH_BYTES) -> BridgeHealth:
    """The document with shorter lists, at last with fewer endpoints, until it is small enough. Counts stay."""
    for length in (MAX_LISTED, 6, 3, 1, 0):
        shorter = health if length == MAX_LISTED else _shortened(health, length)
        if len(encode(shorter)) <= max_bytes:
            return shorter
    while len(encode(shorter)) > max_bytes and shorter.endpoints:
        shorter = msgspec.structs.replace(shorter, endpoints=shorter.endpoints[: len(shorter.endpoints) // 2])
    return shorter


def _shortened(health: BridgeHealth, length: int) -> BridgeHealth:
    return msgspec.structs.replace(
        health,
        endpoints=[_shorter(e, length) for e in health.endpoints],
        certificates=health.certificates[: 4 * length],
    )


def _shorter(endpoint: EndpointHealth, length: int) -> EndpointHealth:
    ride = endpoint.ride_through
    return msgspec.structs.replace(
        endpoint,
        refused_nodes=endpoint.refused_nodes[:length],
        last_gaps=endpoint.last_gaps[:length],
        ride_through=ride and msgspec.structs.replace(ride, worst=ride.worst[:length]),
    )


# --------------------------------------------------------------- status file


async def write_status_forever(
    path: Path, health: Callable[[], Awaitable[BridgeHealth]], every_tag: Callable[[], dict[str, list[TagRideThrough]]]
) -> None:
    """Never returns; cancel it. A disk that is full does not end the bridge."""
    while True:
        status = Status(os.getpid(), time.time(), await health())
        await asyncio.to_thread(_write, path, status)
        if asked_path(path).exists():
            await asyncio.to_thread(_write_every_tag, path, every_tag)
        await asyncio.sleep(EVERY_S)


def _write(path: Path, status: object) -> None:
    scratch = path.with_name(path.name + ".new")
    try:
        scratch.write_bytes(msgspec.json.format(encode(status), indent=1))
        scratch.replace(path)
    except OSError:
        return


def _write_every_tag(path: Path, every_tag: Callable[[], dict[str, list[TagRideThrough]]]) -> None:
    _write(every_tag_path(path), every_tag())
    with contextlib.suppress(OSError):
        asked_path(path).unlink(missing_ok=True)


def every_tag_path(path: Path) -> Path:
    """Where the long list is written, beside the status file."""
    return path.with_name(path.name + ".tags")


def asked_path(path: Path) -> Path:
    """A file whose presence asks the running bridge for the long list."""
    return path.with_name(path.name + ".asked")


class NoStatus(Exception):
    """There is no status to show; the text says why."""


def load_status(path: Path, *, now: float) -> tuple[Status, float]:
    """What the bridge last said, and how many seconds ago. NoStatus if there is nothing to be read."""
    try:
        status = msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError) as error:
        raise NoStatus(f"no status in {path}: {error}") from error
    return status, now - status.written_at


def ask_for_every_tag(path: Path, *, within_s: float = ASKED_WITHIN_S) -> dict[str, list[TagRideThrough]]:
    """Have the running bridge write the long list, and read it. NoStatus if it does not. Blocks."""
    asked, written = asked_path(path), every_tag_path(path)
    ends = time.monotonic() + within_s
    try:
        written.unlink(missing_ok=True)
        asked.touch()
        while asked.exists() or not written.exists():
            if time.monotonic() > ends:
                raise NoStatus(f"the bridge did not answer within {within_s:.0f} s")
            time.sleep(0.1)
        return _EVERY_TAG.decode(written.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise NoStatus(f"{written}: {error}") from error
    finally:
        asked.unlink(missing_ok=True)


def read_status(path: Path, *, now: float) -> tuple[bool, str]:
    """Whether the bridge is alive and has all its endpoints, and a sentence."""
    try:
        status, age_s = load_status(path, now=now)
    except NoStatus as error:
        return False, str(error)
    return verdict(status.health, age_s)


def verdict(health: BridgeHealth, age_s: float) -> tuple[bool, str]:
    """Whether all is well, and a sentence."""
    if age_s > STALE_AFTER_S:
        return False, f"the bridge has not reported for {age_s:.0f} s"
    away = [e.name for e in health.endpoints if e.state is not EndpointState.connected]
    depth = health.journal.depth
    if away:
        return False, f"not connected: {', '.join(away)}; {depth} items waiting"
    if health.uplink.error:
        return False, f"uplink: {health.uplink.error}; {depth} items waiting"
    words = f"well; {depth} items waiting, acknowledged up to {health.uplink.acknowledged_seq}"
    ending = certificates_ending(health)
    return True, f"{words}; certificates that end soon: {', '.join(ending)}" if ending else words


def certificates_ending(health: BridgeHealth) -> list[str]:
    """Whose certificate ends within 30 days, and when: `own (6 days left)`."""
    ends = [("own", health.certificate_ends_us), *((e.name, e.certificate_ends_us) for e in health.endpoints)]
    left = [(name, certificate_days(us, health.at_us)) for name, us in ends if us is not None]
    return [f"{name} ({days} days left)" for name, days in left if certificate_level(days) != "well"]
