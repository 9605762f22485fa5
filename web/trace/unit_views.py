"""View models of one unit, as it was built, and of the difference between two. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from mes.genealogy.queries.steps import Step
from mes.genealogy.queries.tables import POSSIBLE
from mes.genealogy.types import HELD, Answer, Row
from mes.quality.types import ResultView, Verdict
from standards.isa95.material import Disposition
from web.components.properties import Described
from web.trace.views import address, file_of, local, unit_of

DONE_SHOWN: Final = 200
LOTS_SHOWN: Final = 20
VISITED_SHOWN: Final = 60
DIFFERENCES_SHOWN: Final = 300
TONES: Final = {
    Verdict.passed: ("run", "check"),
    Verdict.failed: ("down", "x"),
    Verdict.aborted: ("idle", "circle-slash"),
    Verdict.rework: ("warn", "wrench"),
    Verdict.scrapped: ("down", "trash-2"),
    Verdict.reversed: ("idle", "undo-2"),
}


@dataclass(frozen=True, slots=True)
class Named:
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    value: str
    unit: str
    low: str
    high: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Found:
    code: str
    what: str
    position: str
    repaired: datetime | None


@dataclass(frozen=True, slots=True)
class Tested:
    """A verdict with what led to it. `taken_back`: it is said never to have been."""

    verdict: str
    tone: str
    icon: str
    step: str
    place: str
    program: str
    at: datetime
    note: str
    measured: tuple[Measured, ...]
    defects: tuple[Found, ...]
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Done:
    """An act. `taken_back`: it is said never to have been; `while_held`: the lot was on hold when it was recorded."""

    kind: str
    at: datetime | None
    lot: Named | None
    place: str
    sequence: int | None
    job: str
    who: str
    program: str
    tool: str
    parameters: tuple[tuple[str, str], ...]
    taken_back: bool
    note: str
    while_held: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Lots of one material in a unit; `hidden` more."""

    material: str
    lots: tuple[tuple[Named, bool], ...]
    """With whether it is only possible."""
    hidden: int


@dataclass(frozen=True, slots=True)
class Sent:
    shipment: str
    customer: str
    note: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Removed:
    part: Named
    unit: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Value:
    """What one value did in a stay; numbers are None where nothing was known. `known`: all, part, none, not-kept.
    `judged`: within, outside, not-known, "" where the recipe limits nothing."""

    name: str
    unit: str
    minimum: Decimal | None
    maximum: Decimal | None
    mean: Decimal | None
    last: Decimal | None
    known: str
    percent: Decimal
    widened: bool
    low: Decimal | None
    high: Decimal | None
    judged: str


@dataclass(frozen=True, slots=True)
class Visited:
    """A stay at an equipment with what was measured. `scanned`: it was read there; else it was in the line then.
    `blank`: nothing is known of any of its values, and why."""

    place: str
    scanned: bool
    lot: str
    job: str
    since: datetime
    until: datetime
    over_days: bool
    values: tuple[Value, ...]
    outside: int
    blank: str


@dataclass(frozen=True, slots=True)
class Signed:
    """An electronic signature (21 CFR 11.50). `about`: the lot or the job it is of."""

    act: str
    about: str
    meaning: str
    name: str
    person_id: str
    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class UnitPage:
    lot_id: str
    kind: str
    material: str
    material_id: str
    job: str
    place: str
    held: bool
    held_in: str
    """What is on hold and has it in it."""
    disposition: str
    verdict: Tested | None
    inside: tuple[Named, ...]
    sent: tuple[Sent, ...]
    tested: tuple[Tested, ...]
    visited: tuple[Visited, ...]
    visited_hidden: int
    signed: tuple[Signed, ...]
    done: tuple[Done, ...]
    done_hidden: int
    parts: tuple[Part, ...]
    removed: tuple[Removed, ...]
    truncated: str
    rest: str
    explorer: str
    compare: str
    unknown: str
    """What was to be compared with and nobody recorded."""
    said: tuple[Described, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What only one of both has: each with whether it is only possible."""

    what: str
    where: str
    first: tuple[tuple[str, bool], ...]
    second: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Apart:
    """The mean of one value at one station for both units; None: not known."""

    place: str
    name: str
    unit: str
    first: Decimal | None
    second: Decimal | None
    apart: Decimal | None
    first_known: str
    second_known: str


@dataclass(frozen=True, slots=True)
class DifferencePage:
    first: Named
    second: Named
    differences: tuple[Difference, ...]
    hidden: int
    values: tuple[Apart, ...]
    values_hidden: int
    truncated: str
    rest: str


def unit_page(
    built: Answer,
    around: Step,
    results: Sequence[ResultView],
    zone: ZoneInfo,
    unknown: str = "",
    said: tuple[Described, ...] = (),
) -> UnitPage:
    lot_id = str(built.facts["lot_id"])
    (mine,) = [row for row in built.tables["lots"].rows if row[0] == lot_id]
    acts = built.tables["acts"].rows
    visited = _visited(built, lot_id, zone)
    decided = next((one for one in results if one.counts and one.verdict is not Verdict.aborted), None)
    return UnitPage(
        lot_id,
        mine[1],
        around.root.material,
        mine[2],
        mine[5],
        mine[6],
        built.facts["disposition"] == Disposition.Restricted.value,
        str(built.facts["held_in"]),
        str(built.facts["disposition"]),
        _tested(decided, zone) if decided else None,
        tuple(_named(line.node.lot_id, "used-in") for line in around.lines),
        tuple(Sent(row[0], row[1], row[2], local(row[3], zone)) for row in built.tables["shipments"].rows),
        tuple(_tested(result, zone) for result in results),
        visited[:VISITED_SHOWN],
        max(len(visited) - VISITED_SHOWN, 0),
        tuple(_signed(row, zone) for row in built.tables["signatures"].rows),
        tuple(_done(row, lot_id, zone) for row in acts[:DONE_SHOWN]),
        max(len(acts) - DONE_SHOWN, 0),
        _parts(built, lot_id),
        tuple(Removed(_named(row[0]), row[1], Decimal(row[2])) for row in built.tables["ended"].rows),
        str(built.facts["truncated"]),
        file_of(lot_id, "as-built"),
        address(lot_id, "made-of"),
        f"{unit_of(lot_id)}/difference",
        unknown,
        said,
    )


def _named(lot_id: str, way: str = "made-of") -> Named:
    return Named(lot_id, address(lot_id, way))


def _tested(result: ResultView, zone: ZoneInfo) -> Tested:
    tone, icon = TONES[result.verdict]
    program = " ".join(text for text in (result.program, result.program_revision) if text)
    measured = tuple(
        Measured(one.name, one.value, one.unit, one.low, one.high, one.verdict == Verdict.failed.name)
        for one in result.measurements
    )
    defects = tuple(
        Found(d.code_id, d.description, d.position, d.repaired_at.astimezone(zone) if d.repaired_at else None)
        for d in result.defects
    )
    at = result.at.astimezone(zone)
    return Tested(
        result.verdict.name,
        tone,
        icon,
        result.segment_id,
        result.equipment_id,
        program,
        at,
        result.note,
        measured,
        defects,
        result.ended_by is not None,
    )


def _done(row: Row, lot_id: str, zone: ZoneInfo) -> Done:
    _, kind, at, lot, place, sequence, job, who, program, tool, parameters, ended, flag, note = row
    values = orjson.loads(parameters) if parameters else {}
    told = tuple((str(name), str(value)) for name, value in values.items()) if isinstance(values, dict) else ()
    named = None if lot == lot_id else _named(lot)
    with_what = (program, tool, told)
    return Done(kind, local(at, zone), named, place, sequence, job, who, *with_what, bool(ended), note, flag == HELD)


def _visited(built: Answer, lot_id: str, zone: ZoneInfo) -> tuple[Visited, ...]:
    """Stays in the order of time, those of what the unit was split from among them."""
    table = built.tables["process_values"]
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for values in table.rows:
        row = dict(zip(table.columns, values, strict=True))
        found[row["from"], row["to"], row["equipment_id"], row["lot_id"]].append(row)
    return tuple(_stay(rows, lot_id, zone) for _, rows in sorted(found.items(), key=lambda one: one[0]))


def _stay(rows: Sequence[dict[str, Any]], lot_id: str, zone: ZoneInfo) -> Visited:
    row = rows[0]
    lot = "" if row["lot_id"] == lot_id else row["lot_id"]
    known = {one["known"] for one in rows}
    blank = known.pop() if len(known) == 1 and known <= {"none", "not-kept"} else ""
    outside = sum(one["judged"] == "outside" for one in rows)
    since, until = (datetime.fromisoformat(row[end]).astimezone(zone) for end in ("from", "to"))
    times = (since, until, since.date() != until.date())
    values = tuple(_value(one) for one in rows)
    return Visited(row["equipment_id"], row["scanned"], lot, row["job_order_id"], *times, values, outside, blank)


def _value(row: dict[str, Any]) -> Value:
    window_s = (datetime.fromisoformat(row["to"]) - datetime.fromisoformat(row["from"])).total_seconds()
    percent = Decimal(int(100 * row["known_s"] / window_s)) if window_s else Decimal(0)
    minimum, maximum, last = (_shown(row[name]) for name in ("minimum", "maximum", "last"))
    low, high = (Decimal(row[end]) if row[end] else None for end in ("low", "high"))
    name = row["tag"].removeprefix(f"{row['equipment_id']}.") if not row["what"] else row["what"]
    return Value(
        name,
        row["unit"],
        minimum,
        maximum,
        _shown(row["mean"], 5),
        last,
        row["known"],
        percent,
        row["whole_minutes"],
        low,
        high,
        row["judged"],
    )


def _shown(value: float | None, digits: int = 6) -> Decimal | None:
    """So many digits are enough for a screen; files have them all."""
    return None if value is None else Decimal(f"{value:.{digits}g}")


def _signed(row: Row, zone: ZoneInfo) -> Signed:
    _, act, subjects, meaning, person_id, name, at, reason = row
    about = ", ".join(subject.partition("/")[2] for subject in subjects.split(", "))
    return Signed(act, about, meaning, name, person_id, local(at, zone), reason)


def _parts(built: Answer, lot_id: str) -> tuple[Part, ...]:
    found: dict[str, list[tuple[Named, bool]]] = defaultdict(list)
    for row in built.tables["lots"].rows:
        if row[0] != lot_id:
            found[row[2]].append((_named(row[0], "used-in"), row[8] == POSSIBLE))
    return tuple(
        Part(material, tuple(lots[:LOTS_SHOWN]), max(len(lots) - LOTS_SHOWN, 0))
        for material, lots in sorted(found.items())
    )


def difference_page(answer: Answer) -> DifferencePage:
    first, second = str(answer.facts["first_id"]), str(answer.facts["second_id"])
    values = answer.tables["process_values"].rows
    found: dict[tuple[str, str], dict[str, list[tuple[str, bool]]]] = {}
    for what, where, side, value, certainty in answer.tables["difference"].rows:
        found.setdefault((what, where), {"first": [], "second": []})[side].append((value, certainty == POSSIBLE))
    lines = [
        Difference(what, where, tuple(sides["first"]), tuple(sides["second"])) for (what, where), sides in found.items()
    ]
    return DifferencePage(
        Named(first, unit_of(first)),
        Named(second, unit_of(second)),
        tuple(lines[:DIFFERENCES_SHOWN]),
        max(len(lines) - DIFFERENCES_SHOWN, 0),
        tuple(_apart(row) for row in values[:DIFFERENCES_SHOWN]),
        max(len(values) - DIFFERENCES_SHOWN, 0),
        str(answer.facts["truncated"]),
        f"{unit_of(first)}/difference/file?other={quote(second, safe='')}",
    )


def _apart(row: Row) -> Apart:
    place, tag, unit, first, second, apart, first_known, second_known = row
    name = tag.removeprefix(f"{place}.")
    return Apart(place, name, unit, _shown(first, 5), _shown(second, 5), _shown(apart, 3), first_known, second_known)
