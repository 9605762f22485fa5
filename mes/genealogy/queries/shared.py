"""What do failed units share that good ones do not? Every ancestor, machine, job, program, tool, person and hour.

Which units have a thing is a set of bits, carried up through the graph level by level; things that exactly the same
units have are told as one group, for the record cannot tell them apart.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final

from mes.genealogy.errors import GenealogyInvalid, GenealogyTooLarge
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.rules import chance_of
from mes.genealogy.statements import (
    MOUNTS_OF_STATION,
    PARENT_PAIRS,
    PASSES_OF_LOTS,
    Reads,
    contexts_of,
    key_text,
    names_of,
)
from mes.genealogy.types import DEPTH_MAX, SHARED_UNITS_MAX, Answer, Table
from mes.kernel.sqltypes import from_us

_HOUR_US: Final = 3_600_000_000
_TABLES: Final = {"lot": "material_lot", "machine": "equipment", "job": "job_order", "person": "principal"}
_CIRCUMSTANCES: Final = ("machine", "person", "job", "program", "tool", "hour")
Feature = tuple[str, Any]


class _Units:
    """Which of the units have what: a whole number for each feature, bit n for unit n."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.of: dict[Feature, int] = {}
        self.of_lot: dict[int, int] = {pk: 1 << place for place, pk in enumerate(roots)}

    def add(self, shares: Iterable[tuple[int, int]]) -> set[int]:
        """Lots and units that have them; the lots that have more units by it."""
        of_lot, grown = self.of_lot, set()
        for lot, units in shares:
            present = of_lot.get(lot, 0)
            if units & ~present:
                of_lot[lot] = present | units
                grown.add(lot)
        return grown

    def groups(self, roots: Collection[int]) -> dict[int, list[Feature]]:
        """Features by their units; the units themselves are none."""
        found: dict[int, list[Feature]] = defaultdict(list)
        for lot, units in self.of_lot.items():
            if lot not in roots:
                found[units].append(("lot", lot))
        for feature, units in self.of.items():
            found[units].append(feature)
        return found


def list_shared(reads: Reads, *, failed_ids: Sequence[str], good_ids: Sequence[str], limit: int = 50) -> Answer:
    """Groups of things, the least likely by chance first (one-sided Fisher's exact test, not corrected for the number
    of things looked at). `lot-unknown`, `genealogy-too-large` (2,000 units), `genealogy-invalid` without either.
    """
    failed, good = list(dict.fromkeys(failed_ids)), list(dict.fromkeys(good_ids))
    if not failed or not good or set(failed) & set(good):
        raise GenealogyInvalid("Name failed units and good ones, none of them twice.")
    if len(failed) + len(good) > SHARED_UNITS_MAX:
        raise GenealogyTooLarge(f"At most {SHARED_UNITS_MAX} units are compared at once.")
    lots = known_lots(reads, [*failed, *good])
    roots = [lots[lot_id] for lot_id in [*failed, *good]]
    groups = _coverage(reads, roots).groups(set(roots))
    ranked = _ranked(groups, len(failed), len(good))[:limit]
    names = _named(reads, [feature for *_, features in ranked for feature in features])
    rows = [
        (place, chance, a, len(failed), b, len(good), sorted(names[feature] for feature in features))
        for place, (chance, a, b, features) in enumerate(ranked, start=1)
    ]
    columns = ("rank", "chance", "failed_with", "failed", "good_with", "good", "shared")
    return Answer({"failed": len(failed), "good": len(good), "truncated": ""}, {"shared": Table(columns, rows)})


def _coverage(reads: Reads, roots: Sequence[int]) -> _Units:
    """Level by level: what a lot is made of, and where it passed, have the units that the lot has."""
    units = _Units(roots)
    frontier = set(roots)
    for _ in range(DEPTH_MAX):
        if not frontier:
            break
        keys = key_text(reads, sorted(frontier))
        passes = PASSES_OF_LOTS.on(reads, keys)
        _add_circumstances(reads, units, passes)
        shares = [(parent, units.of_lot[child]) for child, parent in PARENT_PAIRS.on(reads, keys)]
        frontier = units.add(shares + _mounted(reads, units, passes))
    return units


def _mounted(reads: Reads, units: _Units, passes: Sequence[Any]) -> list[tuple[int, int]]:
    """Lots that were mounted where pieces passed, and the units of these pieces, which bisection finds."""
    of_station: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for lot, station, seq, *_ in passes:
        of_station[station].append((seq, units.of_lot[lot]))
    found: list[tuple[int, int]] = []
    for station, pieces in of_station.items():
        pieces.sort()
        seqs, shares = [seq for seq, _ in pieces], [share for _, share in pieces]
        for first, last, lot in reads.driver_query(MOUNTS_OF_STATION, (station, seqs[0], seqs[-1])):
            begin, end = bisect_left(seqs, first), bisect_right(seqs, last)
            if begin < end:
                found.append((lot, reduce(or_, shares[begin:end])))
    return found


def _add_circumstances(reads: Reads, units: _Units, passes: Sequence[Any]) -> None:
    contexts = contexts_of(reads, (row[5] for row in passes))
    for lot, station, _, at_us, actor, context, job in passes:
        share = units.of_lot[lot]
        program, tool, _ = contexts[context]
        values = (station, actor, job, program or None, tool or None, (station, at_us // _HOUR_US))
        for kind, value in zip(_CIRCUMSTANCES, values, strict=True):
            if value is not None:
                units.of[kind, value] = units.of.get((kind, value), 0) | share


def _ranked(groups: Mapping[int, list[Feature]], failed: int, good: int) -> list[tuple[float, int, int, list[Feature]]]:
    counts = {units: ((units & ((1 << failed) - 1)).bit_count(), (units >> failed).bit_count()) for units in groups}
    chances = {count: chance_of(*count, failed, good) for count in set(counts.values()) if count[0]}
    found = [(chances[count], -count[0], count[1], groups[units]) for units, count in counts.items() if count[0]]
    found.sort(key=lambda one: one[:3])
    return [(chance, -with_it, good_with, features) for chance, with_it, good_with, features in found]


def _named(reads: Reads, features: Sequence[Feature]) -> dict[Feature, str]:
    of_kind: dict[str, list[Any]] = defaultdict(list)
    for kind, value in features:
        of_kind[kind].append(value)
    keys = {table: of_kind[kind] for kind, table in _TABLES.items()}
    keys["equipment"] += [place for place, _ in of_kind["hour"]]
    named = dict(zip(_TABLES, names_of(reads, **keys), strict=True))
    names = {(kind, value): f"{kind} {named[kind][value]}" for kind, value in features if kind in _TABLES}
    for place, hour in of_kind["hour"]:
        at = f"{from_us(hour * _HOUR_US):%Y-%m-%dT%H}Z"
        names["hour", (place, hour)] = f"hour {at} at {named['machine'][place]}"
    names |= {(kind, value): f"{kind} {value}" for kind, value in features if kind in ("program", "tool")}
    return names
