"""What do failed units share that good ones do not? Every ancestor, machine, job, program, tool, person and hour.

Which units have a thing is a row of bits, carried up through the graph level by level; things that exactly the same
units have are told as one group, for the record cannot tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mes.genealogy.errors import GenealogyInvalid, GenealogyTooLarge
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.rules import chance_of
from mes.genealogy.statements import (
    Numbers,
    Passes,
    Reads,
    contexts_of,
    mounts_at,
    names_of,
    passes_and_parents_of,
)
from mes.genealogy.types import DEPTH_MAX, SHARED_UNITS_MAX, Answer, Table
from mes.kernel.sqltypes import from_us

_HOUR_US: Final = 3_600_000_000
_HOURS: Final = 1 << 32
"""More than there ever are before and after 1970: a place and an hour are one number."""
_TABLES: Final = {"lot": "material_lot", "machine": "equipment", "job": "job_order", "person": "principal"}
_WORDS_AT_ONCE: Final = 1 << 21
"""Of units of lots with repeats: 16 MB."""
Bits = npt.NDArray[np.uint64]
"""A row a thing, in it bit n for unit n, the failed ones first."""
Feature = tuple[str, Any]
Things = tuple[str, Sequence[Any], Bits]
"""Of one kind, and which units have each."""


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
    ranked = _ranked(_groups(_things(reads, roots, len(failed)), len(failed)), len(failed), len(good))[:limit]
    names = _named(reads, [feature for *_, features in ranked for feature in features])
    rows = [
        (place, chance, a, len(failed), b, len(good), sorted(names[feature] for feature in features))
        for place, (chance, a, b, features) in enumerate(ranked, start=1)
    ]
    columns = ("rank", "chance", "failed_with", "failed", "good_with", "good", "shared")
    return Answer({"failed": len(failed), "good": len(good), "truncated": ""}, {"shared": Table(columns, rows)})


class _Lots:
    """Which of the units each lot is in; lots by their keys, in order."""

    def __init__(self, roots: Sequence[int]) -> None:
        place = np.arange(len(roots))
        self.words = -(-len(roots) // 64)
        own = np.zeros((len(roots), self.words), np.uint64)
        own[place, place // 64] = np.uint64(1) << (place % 64).astype(np.uint64)
        self.keys, self.units = _by_key(np.array(roots, np.int64), own, place)

    def rows_of(self, keys: Numbers) -> Numbers:
        """Of lots that are known, where in `units` they stand."""
        return np.searchsorted(self.keys, keys)

    def add(self, keys: Numbers, units: Bits, rows: Numbers) -> Numbers:
        """Lots, with repeats, that are in the units of so many rows as well; those that are in more units by it."""
        some = _WORDS_AT_ONCE // self.words
        portions = [slice(start, start + some) for start in range(0, len(keys), some)]
        grown = [self._add(*_by_key(keys[part], units, rows[part])) for part in portions]
        found = np.sort(np.concatenate([keys[:0], *grown]))
        return found[_firsts(found)]

    def _add(self, keys: Numbers, units: Bits) -> Numbers:
        at, present = _found_in(self.keys, keys)
        grown = ~present
        grown[present] = _any_of(units[present] & ~self.units[at[present]])
        self.units[at[present]] |= units[present]
        self.keys = np.insert(self.keys, at[~present], keys[~present])
        self.units = np.insert(self.units, at[~present], units[~present], axis=0)
        return keys[grown]


def _by_key(keys: Numbers, units: Bits, rows: Numbers) -> tuple[Numbers, Bits]:
    """Each key once, in order, with all the units of its rows."""
    if not len(keys):
        return keys, units[:0]
    order = np.argsort(keys)
    keys = keys[order]
    first = _firsts(keys)
    return keys[first], np.bitwise_or.reduceat(units[rows[order]], first, axis=0)


def _any_of(units: Bits) -> npt.NDArray[np.bool_]:
    """Which rows have any unit."""
    return np.asarray(units.any(axis=1))


def _found_in(known: Numbers, keys: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Where some keys stand among known ones, which are in order, and which of them are there."""
    at = np.searchsorted(known, keys)
    found = at < len(known)
    found[found] = known[at[found]] == keys[found]
    return at, found


def _firsts(keys: Numbers) -> Numbers:
    """Where each of some keys, in order and none negative, stands first. (NumPy's `unique` is twenty times dearer.)"""
    return np.flatnonzero(np.diff(keys, prepend=-1))


def _first(count: int, words: int) -> Bits:
    """The first so many units."""
    first = np.zeros(words, np.uint64)
    first[: count // 64] = ~np.uint64(0)
    if count % 64:
        first[count // 64] = (1 << count % 64) - 1
    return first


def _things(reads: Reads, roots: Sequence[int], failed: int) -> Iterator[Things]:
    """Level by level: what a lot is made of, and where it passed, have the units that the lot has; the units themselves
    are nothing that they share. The first so many roots have failed."""
    lots = _Lots(roots)
    levels: list[Passes] = []
    told: list[InUnits] = []
    frontier = lots.keys
    for _ in range(DEPTH_MAX):
        if not len(frontier):
            break
        passes, children, parents = passes_and_parents_of(reads, frontier.tolist())
        levels.append(passes)
        above: list[InUnits] = [(parents, lots.units, lots.rows_of(children))]
        for telling, untold in _mounted(reads, lots, passes):
            told.append(telling)
            above.append(untold)
        frontier = lots.add(*_joined(above))
    if told:
        lots.add(*_joined(_of_failed(told, lots, _first(failed, lots.words))))
    shared = ~np.isin(lots.keys, roots)
    yield "lot", lots.keys[shared].tolist(), lots.units[shared]
    passes = Passes(*map(np.concatenate, zip(*levels, strict=True)))
    if len(passes.lots):
        yield from _circumstances(reads, lots, passes)


InUnits = tuple[Numbers, Bits, Numbers]
"""Lots, with repeats, units, and where in these the units of each lot stand: as `_Lots.add` takes them."""


def _joined(sources: Sequence[InUnits]) -> InUnits:
    """Of one source at least."""
    keys, units, rows = zip(*sources, strict=True)
    begins = np.cumsum([0, *map(len, units)])
    moved = [own + begin for own, begin in zip(rows, begins, strict=False)]
    return np.concatenate(keys), np.concatenate(units), np.concatenate(moved)


def _mounted(reads: Reads, lots: _Lots, passes: Passes) -> Iterator[tuple[InUnits, InUnits]]:
    """Station by station what was mounted while pieces passed: where the mount tells what the lot is made of, the lot
    and that; and the lots to be looked up."""
    order = np.lexsort((passes.lots, passes.seqs, passes.stations))
    stations, all_seqs, pieces = passes.stations[order], passes.seqs[order], passes.lots[order]
    for start, stop in pairwise([*_firsts(stations).tolist(), len(stations)]):
        seqs = all_seqs[start:stop]
        first, last, mounted, counts, made_of = mounts_at(reads, int(stations[start]), int(seqs[0]), int(seqs[-1]))
        begin, end = np.searchsorted(seqs, first), np.searchsorted(seqs, last, "right")
        had = begin < end
        spans, rows = np.unique(begin[had] * (len(seqs) + 1) + end[had], return_inverse=True)
        bounds = np.stack(np.divmod(spans, len(seqs) + 1), axis=1).ravel()
        ended = np.append(lots.units[lots.rows_of(pieces[start:stop])], np.zeros((1, lots.words), np.uint64), axis=0)
        units = np.bitwise_or.reduceat(ended, bounds, axis=0)[::2]
        made_of = made_of[np.repeat(had, np.maximum(counts, 0))]
        mounted, counts, told = mounted[had], counts[had], counts[had] >= 0
        their_rows = np.repeat(rows[told], counts[told])
        yield (
            (np.append(mounted[told], made_of), units, np.append(rows[told], their_rows)),
            (mounted[~told], units, rows[~told]),
        )


def _of_failed(told: Sequence[InUnits], lots: _Lots, failed: Bits) -> list[InUnits]:
    """Of all that mounts tell, what any failed unit has: a tenth, or less. It is looked up no further, so it may wait
    until all is known."""
    having = [lots.keys[_any_of(lots.units & failed)]]
    having += [keys[_any_of(units & failed)[rows]] for keys, units, rows in told]
    known = np.sort(np.concatenate(having))
    kept = [(_found_in(known, keys)[1], keys, units, rows) for keys, units, rows in told]
    return [(keys[found], units, rows[found]) for found, keys, units, rows in kept]


def _circumstances(reads: Reads, lots: _Lots, passes: Passes) -> Iterator[Things]:
    rows_of_lots = lots.rows_of(passes.lots)

    def of(column: Numbers) -> tuple[list[int], Bits]:
        known = column >= 0
        found, having = _by_key(column[known], lots.units, rows_of_lots[known])
        return found.tolist(), having

    for kind, column in (("machine", passes.stations), ("person", passes.persons), ("job", passes.jobs)):
        yield kind, *of(column)
    values, having = of(passes.stations * _HOURS + passes.at_us // _HOUR_US + _HOURS // 2)
    yield "hour", [(value // _HOURS, value % _HOURS - _HOURS // 2) for value in values], having
    values, having = of(passes.contexts)
    with_what = contexts_of(reads, values)
    for place, kind in enumerate(("program", "tool")):
        of_name: dict[str, Bits] = {}
        for value, row in zip(values, having, strict=True):
            if name := with_what[value][place]:
                of_name[name] = of_name.get(name, 0) | row
        yield kind, [*of_name], np.array([*of_name.values()], np.uint64).reshape(-1, lots.words)


class _Group(NamedTuple):
    """Things that the same units have, and of how many failed and good ones."""

    failed_with: int
    good_with: int
    features: list[Feature]


def _groups(things: Iterable[Things], failed: int) -> list[_Group]:
    """Those that no failed unit has are left out."""
    found: dict[bytes, _Group] = {}
    for kind, values, units in things:
        with_failed = np.bitwise_count(units & _first(failed, units.shape[1])).sum(axis=1)
        places = np.flatnonzero(with_failed)
        having = np.ascontiguousarray(units[places])
        counts = zip(with_failed[places].tolist(), np.bitwise_count(having).sum(axis=1).tolist(), strict=True)
        rows = having.view(f"V{having.itemsize * having.shape[1]}").ravel().tolist()
        for place, row, (a, every) in zip(places.tolist(), rows, counts, strict=True):
            group = found.get(row) or found.setdefault(row, _Group(a, every - a, []))
            group.features.append((kind, values[place]))
    return [*found.values()]


def _ranked(groups: Sequence[_Group], failed: int, good: int) -> list[tuple[float, int, int, list[Feature]]]:
    chances = {count: chance_of(*count, failed, good) for count in {group[:2] for group in groups}}
    found = [(chances[a, b], -a, b, features) for a, b, features in groups]
    found.sort(key=lambda one: one[:3])
    return [(chance, -with_it, good_with, features) for chance, with_it, good_with, features in found]


def _named(reads: Reads, features: Collection[Feature]) -> dict[Feature, str]:
    of_kind: dict[str, list[Any]] = defaultdict(list)
    for kind, value in features:
        of_kind[kind].append(value)
    keys = {table: of_kind[kind] for kind, table in _TABLES.items()}
    keys["equipment"] += [place for place, _ in of_kind["hour"]]
    named = dict(zip(_TABLES, names_of(reads, **keys), strict=True))
    names = {(kind, value): f"{kind} {named[kind][value]}" for kind, value in features if kind in _TABLES}
    for place, hour in of_kind["hour"]:
        at = f"{from_us(hour * _HOUR_US):%Y-%m-%dT%H}Z"
        names["hour", (place, hour)] = f"hour {at}, {named['machine'][place]}"
    names |= {(kind, value): f"{kind} {value}" for kind, value in features if kind in ("program", "tool")}
    return names
