"""Process values of lots: what was measured at the stations they passed, while they were there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlmodel import Session

from mes.genealogy.process_values.rules import judged_of, known_of, limit_of, stays_of, tags_at
from mes.genealogy.process_values.statements import load_limits, load_pieces_around, load_places, load_tags
from mes.genealogy.process_values.types import HOURS_MAX, VALUES_MAX, Measured, Scan, Stay, Value
from mes.genealogy.statements import names_of
from mes.genealogy.types import ActKind, Table
from mes.history.codec import hour_of
from mes.history.queries import get_retention, list_last, measure_windows
from mes.history.types import Held, Window
from mes.kernel.db import ReadSession
from mes.kernel.sqltypes import from_us

PROCESS_COLUMNS: Final = (
    "lot_id",
    "equipment_id",
    "scanned",
    "from",
    "to",
    "job_order_id",
    "tag",
    "what",
    "unit",
    "count",
    "minimum",
    "maximum",
    "mean",
    "last",
    "known",
    "known_s",
    "whole_minutes",
    "parameter",
    "low",
    "high",
    "judged",
)
Pair = tuple[Stay, Measured]


@dataclass(frozen=True, slots=True)
class Found:
    """Values in the order of time, those of the first lot asked for before others; whether there are more."""

    values: tuple[Value, ...]
    truncated: bool


def list_process_values(
    session: ReadSession, *, acts: Sequence[Any], root_pk: int, now_us: int, limit: int = VALUES_MAX
) -> Found:
    """What was measured while lots were where `acts` (rows of `ACTS_OF_LOTS`) say that they passed.

    A number of statements that does not grow with the passes; of sealed history on SQLite each day and month is read
    once.
    """
    scans = _scans(session, acts)
    places = load_places(session, {scan.equipment_pk for scan in scans})
    scans = [scan for scan in scans if scan.equipment_pk in places]
    tags = _told_numbers(session, load_tags(session, places.values()))
    stays = sorted(
        stays_of(scans, places, now_us), key=lambda one: (one.lot_pk != root_pk, one.from_us, one.equipment_pk)
    )
    pairs, truncated = _within_bounds(_pairs(stays, tags, scans), limit)
    held = _measured(session, pairs)
    retention = get_retention(session)
    limits = load_limits(session, {stay.job_pk for stay, _ in pairs if stay.job_pk is not None})
    values = []
    for (stay, tag), one in zip(pairs, held, strict=True):
        if tag.in_words and (one is None or one.minimum is None):
            continue
        known = known_of(one, stay, retention, now_us)
        limit_then = limit_of(tag, limits.get(stay.job_pk, ()))
        values.append(Value(stay, tag, one, known, limit_then, judged_of(one, known, limit_then)))
    return Found(tuple(values), truncated)


def _scans(session: ReadSession, acts: Sequence[Any]) -> list[Scan]:
    """Passes that nobody took back; one that was told late has no place in the sequence."""
    passes = {row[0]: row for row in acts if row[1] == ActKind.passed and row[4] is not None and row[9] is None}
    around = load_pieces_around(session, [pk for pk, row in passes.items() if row[5] is not None])
    return [
        Scan(row[3], row[4], row[2], row[6], *around.get(pk, (None, None)))
        for pk, row in sorted(passes.items(), key=lambda one: (one[1][2], one[0]))
    ]


def _told_numbers(session: Session, tags: Sequence[Measured]) -> list[Measured]:
    """Those that told anything but words; what tells words and no number now is one of words (the name of a recipe)."""
    last = list_last(session, tag_pks={tag.pk for tag in tags}) if tags else {}
    return [replace(tag, in_words=tag.in_words and last[tag.pk].value is None) for tag in tags if tag.pk in last]


def _pairs(stays: Iterable[Stay], tags: Sequence[Measured], scans: Iterable[Scan]) -> Iterable[Pair]:
    scanned: dict[int, set[int]] = {}
    for scan in scans:
        scanned.setdefault(scan.lot_pk, set()).add(scan.equipment_pk)
    return ((stay, tag) for stay in stays for tag in tags_at(stay, tags, scanned[stay.lot_pk]))


def _within_bounds(pairs: Iterable[Pair], limit: int) -> tuple[list[Pair], bool]:
    taken: list[Pair] = []
    hours = 0
    for stay, tag in pairs:
        hours += hour_of(stay.to_us - 1) - hour_of(stay.from_us) + 2
        if len(taken) >= limit or hours > HOURS_MAX:
            return taken, True
        taken.append((stay, tag))
    return taken, False


def _measured(session: Session, pairs: Sequence[Pair]) -> list[Held | None]:
    """What is known until the bridge told last: what it has not told yet is no value that held."""
    ends = [min(stay.to_us, max(tag.told_us, stay.from_us)) for stay, tag in pairs]
    asked = [
        Window(tag.pk, stay.from_us, end) for (stay, tag), end in zip(pairs, ends, strict=True) if end > stay.from_us
    ]
    found = iter(measure_windows(session, windows=asked))
    return [next(found) if end > stay.from_us else None for (stay, _), end in zip(pairs, ends, strict=True)]


def process_values_table(session: ReadSession, values: Sequence[Value]) -> Table:
    """One row a value, numbers null where nothing was known."""
    lots, places, jobs = names_of(
        session,
        material_lot=[value.stay.lot_pk for value in values],
        equipment=[value.tag.place.pk for value in values],
        job_order=[value.stay.job_pk for value in values],
    )
    return Table(PROCESS_COLUMNS, [_row(value, lots, places, jobs) for value in values])


def _row(value: Value, *names: Mapping[int | None, str]) -> tuple[Any, ...]:
    lots, places, jobs = names
    stay, tag, held, limit = value.stay, value.tag, value.held, value.limit
    numbers = (None,) * 4 if held is None else (held.minimum, held.maximum, held.mean, held.last)
    known_us = 0 if held is None else min(held.known_us, stay.to_us - stay.from_us)
    return (
        lots[stay.lot_pk],
        places[tag.place.pk],
        stay.scanned,
        _instant(stay.from_us),
        _instant(stay.to_us),
        jobs[stay.job_pk],
        tag.tag,
        tag.what,
        tag.unit,
        0 if held is None else held.n,
        *(None if number is None else float(f"{number:.10g}") for number in numbers),
        value.known.value,
        known_us / 1_000_000,
        held is not None and held.whole_minutes,
        "" if limit is None else limit.parameter,
        "" if limit is None or limit.low is None else str(limit.low),
        "" if limit is None or limit.high is None else str(limit.high),
        "" if value.judged is None else value.judged.value,
    )


def _instant(at_us: int) -> str:
    """ISO 8601, UTC, as everywhere in REST."""
    return from_us(at_us).isoformat()[:-6] + "Z"


COMPARED_COLUMNS: Final = (
    "equipment_id",
    "tag",
    "unit",
    "first_mean",
    "second_mean",
    "difference",
    "first_known",
    "second_known",
)


def compared_values(first: Table, second: Table, *, roots: tuple[str, str]) -> Table:
    """The means of the same value at the same station, of the newest stay there; of a unit's own before those of what
    it was made of. Of a unit that was not there nothing is known."""
    sides = [_newest(table, root) for table, root in zip((first, second), roots, strict=True)]
    rows = []
    for equipment_id, tag in sorted(sides[0].keys() | sides[1].keys()):
        (one, known, unit), (other, other_known, other_unit) = (
            side.get((equipment_id, tag), (None, "", "")) for side in sides
        )
        apart = None if one is None or other is None else float(f"{other - one:.10g}")
        rows.append((equipment_id, tag, unit or other_unit, one, other, apart, known, other_known))
    return Table(COMPARED_COLUMNS, rows)


def _newest(table: Table, root: str) -> dict[tuple[str, str], tuple[float | None, str, str]]:
    place = {name: table.columns.index(name) for name in table.columns}
    rows = sorted(table.rows, key=lambda row: (row[place["lot_id"]] == root, row[place["from"]]))
    return {
        (row[place["equipment_id"]], row[place["tag"]]): (row[place["mean"]], row[place["known"]], row[place["unit"]])
        for row in rows
    }
