"""What is known of some tags in a span of hours: log, pieces, chunks and roll-ups put together.

The order matters: what is sealed or merged while somebody reads is seen twice, which changes nothing, never not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from sqlmodel import Session

from mes.history import store
from mes.history.codec import hour_of, unpack_rollups, unpack_samples
from mes.history.files import FOLDER, DayFiles
from mes.history.partitions import PartitionReads
from mes.history.rules import chained, joined, rollups_of, starts_of_runs, tidy
from mes.history.statements import load_log
from mes.history.store import Packed, SealedReads
from mes.history.types import HOUR_US, Measurements, Rollups, Samples, Tags

BACK_HOURS: Final = 31 * 24
"""How far back a value is looked for that still held: a set-point is told once."""
Hours = dict[int, list[Samples]]
"""Runs of one tag by the hour, in the order they came in."""


def sealed_reads(session: Session) -> SealedReads:
    """The sealed history of the plant a session reads."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return DayFiles(folder_beside(connection.engine.url.database or ""))
    return PartitionReads(connection)


def folder_beside(database: str) -> Path:
    """Where the history of a SQLite plant is."""
    return Path(database).parent / FOLDER


def read_samples(session: Session, *, tag_pk: int, from_us: int, to_us: int, limit: int) -> tuple[Samples, int]:
    """Samples of a tag in a window, oldest first, and up to when these are all: after `limit` no hour is added."""
    from_hour, to_hour = _hours(from_us, to_us)
    fresh = _fresh(session, [tag_pk], from_hour, to_hour).get(tag_pk, {})
    found: list[Samples] = []
    n = 0
    for hours in _sealed_hours(session, tag_pk, from_hour, to_hour, limit):
        found += hours
        n += sum(map(len, hours))
        if n > limit:
            break
    through = hour_of(int(found[-1].at_us[0])) + 1 if n > limit else to_hour
    runs = [run for hour in sorted(fresh) if hour < through for run in fresh[hour]]
    through_us = min(to_us, through * HOUR_US)
    return joined([*found, *runs]).between(from_us, through_us), through_us


def _sealed_hours(session: Session, tag_pk: int, from_hour: int, to_hour: int, limit: int) -> Iterator[list[Samples]]:
    """A tag's chunks, oldest first, in portions of `limit` samples or a little more."""
    for shelf in sealed_reads(session).chunks(from_hour, to_hour):
        begin, n = from_hour, 0
        for hour, size in store.chunk_sizes(shelf, tag_pk=tag_pk, from_hour=from_hour, to_hour=to_hour):
            n += size
            if n > limit:
                yield _unpacked(store.load_chunks(shelf, tag_pks=[tag_pk], from_hour=begin, to_hour=hour + 1))
                begin, n = hour + 1, 0
        if n:
            yield _unpacked(store.load_chunks(shelf, tag_pks=[tag_pk], from_hour=begin, to_hour=to_hour))


def _unpacked(chunks: Iterable[Packed]) -> list[Samples]:
    return [unpack_samples(chunk.blob) for chunk in chunks]


def count_sealed(session: Session, *, tag_pk: int, from_us: int, to_us: int) -> int:
    """How many samples of a tag are in chunks of the hours a window touches."""
    from_hour, to_hour = _hours(from_us, to_us)
    shelves = sealed_reads(session).chunks(from_hour, to_hour)
    sizes = (store.chunk_sizes(shelf, tag_pk=tag_pk, from_hour=from_hour, to_hour=to_hour) for shelf in shelves)
    return sum(n for found in sizes for _, n in found)


def read_rollups(
    session: Session, *, tag_pks: Collection[int], from_us: int, to_us: int, whole: Collection[tuple[int, int]] = ()
) -> tuple[dict[int, Rollups], dict[tuple[int, int], Samples]]:
    """Roll-ups by the minute of the hours that touch the window, by tag.

    Also the samples of the tags and hours in `whole`, where there still are any.
    """
    if not tag_pks:
        return {}, {}
    from_hour, to_hour = _hours(from_us, to_us)
    fresh = _fresh(session, tag_pks, from_hour, to_hour)
    raw = _raw_hours(session, fresh, set(whole))
    parts: dict[int, dict[int, Rollups]] = {tag_pk: {} for tag_pk in tag_pks}
    for shelf in sealed_reads(session).rollups(from_hour, to_hour):
        for tag_pk, hour, blob in store.load_rollups(shelf, tag_pks=tag_pks, from_hour=from_hour, to_hour=to_hour):
            if (tag_pk, hour) not in raw:
                parts[tag_pk][hour] = unpack_rollups(blob)
    for (tag_pk, hour), samples in raw.items():
        parts[tag_pk][hour] = rollups_of(samples)
    return {tag_pk: chained([hours[hour] for hour in sorted(hours)]) for tag_pk, hours in parts.items()}, raw


def _raw_hours(
    session: Session, fresh: dict[int, Hours], whole: set[tuple[int, int]]
) -> dict[tuple[int, int], Samples]:
    """The hours no roll-up tells the whole of (they wait in pieces or in the log), and those in `whole`."""
    wanted = {(tag_pk, hour) for tag_pk, hours in fresh.items() for hour in hours} | whole
    tag_pks = {tag_pk for tag_pk, _ in wanted}
    sealed = sealed_reads(session)
    found: dict[tuple[int, int], list[Samples]] = {}
    for hours in _by_days(hour for _, hour in wanted):
        for shelf in sealed.chunks(hours[0], hours[-1] + 1):
            for chunk in store.load_chunks_of(shelf, tag_pks=tag_pks, hours=hours):
                if (chunk.tag_pk, chunk.hour) in wanted:
                    found[chunk.tag_pk, chunk.hour] = [unpack_samples(chunk.blob)]
    for tag_pk, by_hour in fresh.items():
        for hour, runs in by_hour.items():
            found.setdefault((tag_pk, hour), []).extend(runs)
    return {key: joined(runs) for key, runs in found.items()}


def _by_days(hours: Iterable[int]) -> list[list[int]]:
    """Hours in order, those of days that follow on one another together: what lies between is not looked at."""
    groups: list[list[int]] = []
    for hour in sorted(set(hours)):
        if groups and hour // store.HOURS_A_DAY - groups[-1][-1] // store.HOURS_A_DAY <= 1:
            groups[-1].append(hour)
        else:
            groups.append([hour])
    return groups


def read_hours(
    session: Session, *, keys: Collection[tuple[int, int]], whole: Collection[tuple[int, int]]
) -> tuple[dict[int, Rollups], dict[tuple[int, int], Samples]]:
    """As `read_rollups`, of single hours of tags (tag, hour), however far apart."""
    if not keys:
        return {}, {}
    wanted = set(keys)
    tag_pks, hours = {tag_pk for tag_pk, _ in wanted}, {hour for _, hour in wanted}
    fresh = {
        tag_pk: {hour: runs for hour, runs in its.items() if (tag_pk, hour) in wanted}
        for tag_pk, its in _fresh(session, tag_pks, min(hours), max(hours) + 1).items()
    }
    raw = _raw_hours(session, fresh, set(whole))
    parts: dict[int, dict[int, Rollups]] = {tag_pk: {} for tag_pk in tag_pks}
    sealed = sealed_reads(session)
    for some in _by_days(hours):
        for shelf in sealed.rollups(some[0], some[-1] + 1):
            for tag_pk, hour, blob in store.load_rollups_of(shelf, tag_pks=tag_pks, hours=some):
                if (tag_pk, hour) in wanted and (tag_pk, hour) not in raw:
                    parts[tag_pk][hour] = unpack_rollups(blob)
    for (tag_pk, hour), samples in raw.items():
        parts[tag_pk][hour] = rollups_of(samples)
    return {tag_pk: chained([its[hour] for hour in sorted(its)]) for tag_pk, its in parts.items()}, raw


def read_newest(session: Session, *, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, float]]:
    """Of tags and hours (tag, hour) the newest sample of the hours before: when, and the value (NaN: not known).

    At most `BACK_HOURS` before; tags that have none are absent.
    """
    if not keys:
        return {}
    newest: dict[tuple[int, int], int] = {}
    sealed = sealed_reads(session)
    for tag_pk, hour, before in _newest_hours(sealed, keys):
        newest[tag_pk, hour] = max(before, newest.get((tag_pk, hour), before))
    wanted = {(tag_pk, before) for (tag_pk, _), before in newest.items()}
    found: dict[tuple[int, int], tuple[int, float]] = {}
    for hours in _by_days(before for _, before in wanted):
        for shelf in sealed.rollups(hours[0], hours[-1] + 1):
            for tag_pk, hour, blob in store.load_rollups_of(shelf, tag_pks={tag for tag, _ in wanted}, hours=hours):
                if (tag_pk, hour) in wanted:
                    its = unpack_rollups(blob)
                    found[tag_pk, hour] = int(its.last_at_us[-1]), float(its.last[-1])
    told = {key: found[key[0], before] for key, before in newest.items() if (key[0], before) in found}
    return told | _newer(session, keys, told)


def _newer(
    session: Session, keys: Collection[tuple[int, int]], sealed: dict[tuple[int, int], tuple[int, float]]
) -> dict[tuple[int, int], tuple[int, float]]:
    """What waits to be sealed and is newer than what is."""
    hours = [hour for _, hour in keys]
    fresh = _fresh(session, {tag_pk for tag_pk, _ in keys}, min(hours) - BACK_HOURS, max(hours))
    found: dict[tuple[int, int], tuple[int, float]] = {}
    for tag_pk, hour in keys:
        its = fresh.get(tag_pk, {})
        before = max((one for one in its if hour - BACK_HOURS <= one < hour), default=None)
        if before is None:
            continue
        run = joined(its[before])
        if (tag_pk, hour) not in sealed or run.at_us[-1] > sealed[tag_pk, hour][0]:
            found[tag_pk, hour] = int(run.at_us[-1]), float(run.value[-1])
    return found


def _newest_hours(sealed: SealedReads, keys: Collection[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    hours = [hour for _, hour in keys]
    for shelf in sealed.rollups(min(hours) - BACK_HOURS, max(hours)):
        yield from store.newest_hours(shelf, keys=sorted(keys), back=BACK_HOURS)


def _fresh(session: Session, tag_pks: Collection[int], from_hour: int, to_hour: int) -> dict[int, Hours]:
    """What of some tags is in no chunk yet: pieces first, then the log; the log is read first."""
    found: dict[int, Hours] = {}
    log = load_log(session, from_us=from_hour * HOUR_US, to_us=to_hour * HOUR_US)
    for shelf in sealed_reads(session).pieces():
        for piece in store.load_pieces(shelf, tag_pks=tag_pks, from_hour=from_hour, to_hour=to_hour):
            found.setdefault(piece.tag_pk, {}).setdefault(piece.hour, []).append(unpack_samples(piece.blob))
    wanted = np.fromiter(tag_pks, np.uint32, len(tag_pks))
    for row in log:
        for tag_pk, hour, run in runs_of(_cut(row.columns, wanted, from_hour * HOUR_US, to_hour * HOUR_US)):
            found.setdefault(tag_pk, {}).setdefault(hour, []).append(run)
    return found


def _cut(columns: Measurements, wanted: Tags, from_us: int, to_us: int) -> Measurements:
    its = columns.tag_pk == wanted[0] if len(wanted) == 1 else np.isin(columns.tag_pk, wanted)
    here = np.flatnonzero(its & (columns.at_us >= from_us) & (columns.at_us < to_us))
    return Measurements(columns.tag_pk[here], columns.at_us[here], columns.value[here], columns.quality[here])


def runs_of(columns: Measurements) -> Iterator[tuple[int, int, Samples]]:
    """Columns of many tags as tag, hour and samples, by tag and hour."""
    if not len(columns.at_us):
        return
    keys = (columns.tag_pk.astype(np.int64) << 22) | (columns.at_us // HOUR_US)
    order = np.argsort(keys, kind="stable")
    keys, at_us, value, quality = keys[order], columns.at_us[order], columns.value[order], columns.quality[order]
    starts = starts_of_runs(keys).tolist()
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        key = int(keys[start])
        yield key >> 22, key & (1 << 22) - 1, tidy(at_us[start:end], value[start:end], quality[start:end])


def _hours(from_us: int, to_us: int) -> tuple[int, int]:
    return hour_of(from_us), hour_of(to_us - 1) + 1
