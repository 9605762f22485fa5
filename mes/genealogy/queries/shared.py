"""What do failed units share that good ones do not? Every ancestor, machine, job, program, tool, person and hour.

Which units have a thing is a row of bits, carried up through the graph level by level; things that exactly the same
units have are told as one group, for the record cannot tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mes.genealogy.errors import GenealogyInvalid, GenealogyTooLarge
from mes.genealogy.queries.trace import known_lots
from mes.genealogy.rules import chance_of
from mes.genealogy.statements import (
    PASSES_OF_LOTS,
    Numbers,
    Reads,
    contexts_of,
    key_text,
    mounts_at,
    names_of,
    parents_of,
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
    ranked = _ranked(_groups(_things(reads, roots), len(failed)), len(failed), len(good))[:limit]
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
        return np.concatenate([keys[:0], *(self._add(*_by_key(keys[part], units, rows[part])) for part in portions)])

    def _add(self, keys: Numbers, units: Bits) -> Numbers:
        at = np.searchsorted(self.keys, keys)
        present = at < len(self.keys)
        present[present] = self.keys[at[present]] == keys[present]
        grown = ~present
        grown[present] = (units[present] & ~self.units[at[present]]).any(axis=1)
        self.units[at[present]] |= units[present]
        self.keys = np.insert(self.keys, at[~present], keys[~present])
        self.units = np.insert(self.units, at[~present], units[~present], axis=0)
        return keys[grown]


def _by_key(keys: Numbers, units: Bits, rows: Numbers) -> tuple[Numbers, Bits]:
    """Each key once, in order, with all the units of its rows."""
    if not len(keys):
        return keys, units[:0]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = _firsts(keys)
    return keys[first], np.bitwise_or.reduceat(units[rows[order]], first, axis=0)


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


def _things(reads: Reads, roots: Sequence[int]) -> Iterator[Things]:
    """Level by level: what a lot is made of, and where it passed, have the units that the lot has; the units themselves
    are nothing that they share."""
    lots = _Lots(roots)
    passes: list[Any] = []
    frontier = lots.keys
    for _ in range(DEPTH_MAX):
        if not len(frontier):
            break
        keys = frontier.tolist()
        passed = PASSES_OF_LOTS.on(reads, key_text(reads, keys))
        passes += passed
        children, parents = parents_of(reads, keys)
        grown = [lots.add(parents, lots.units, lots.rows_of(children))]
        for told, untold in _mounted(reads, lots, passed):
            grown.append(lots.add(*untold))
            lots.add(*told)
        frontier = np.sort(np.concatenate(grown))
        frontier = frontier[_firsts(frontier)]
    shared = ~np.isin(lots.keys, roots)
    yield "lot", lots.keys[shared].tolist(), lots.units[shared]
    if passes:
        yield from _circumstances(reads, lots, passes)


Mounted = tuple[Numbers, Bits, Numbers]
"""Lots and the units of the pieces they are in, as `_Lots.add` takes them."""


def _mounted(reads: Reads, lots: _Lots, passed: Sequence[Any]) -> Iterator[tuple[Mounted, Mounted]]:
    """Station by station what was mounted while pieces passed: where the mount tells what the lot is made of, that and
    the lot; and the lots to be looked up."""
    of_station: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for lot, station, seq, *_ in passed:
        of_station[station].append((seq, lot))
    for station, pieces in of_station.items():
        pieces.sort()
        seqs, of = (np.array(column, np.int64) for column in zip(*pieces, strict=True))
        first, last, mounted, counts, made_of = mounts_at(reads, station, pieces[0][0], pieces[-1][0])
        begin, end = np.searchsorted(seqs, first), np.searchsorted(seqs, last, "right")
        had = begin < end
        spans, rows = np.unique(begin[had] * (len(seqs) + 1) + end[had], return_inverse=True)
        bounds = np.stack(np.divmod(spans, len(seqs) + 1), axis=1).ravel()
        ended = np.append(lots.units[lots.rows_of(of)], np.zeros((1, lots.words), np.uint64), axis=0)
        units = np.bitwise_or.reduceat(ended, bounds, axis=0)[::2]
        made_of = made_of[np.repeat(had, np.maximum(counts, 0))]
        mounted, counts, told = mounted[had], counts[had], counts[had] >= 0
        their_rows = np.repeat(rows[told], counts[told])
        yield (
            (np.append(mounted[told], made_of), units, np.append(rows[told], their_rows)),
            (mounted[~told], units, rows[~told]),
        )


class _Passes(NamedTuple):
    """Where, when, by whom and how lots passed, column by column; -1: nobody, nothing."""

    lots: Numbers
    stations: Numbers
    at_us: Numbers
    persons: Numbers
    contexts: Numbers
    jobs: Numbers


def _circumstances(reads: Reads, lots: _Lots, rows: Sequence[Any]) -> Iterator[Things]:
    keys, stations, _, at_us, *others = zip(*rows, strict=True)
    persons, contexts, jobs = ([-1 if value is None else value for value in column] for column in others)
    passes = _Passes(*(np.array(column, np.int64) for column in (keys, stations, at_us, persons, contexts, jobs)))
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
        for place in np.flatnonzero(with_failed).tolist():
            having = units[place].tobytes()
            if having not in found:
                a = int(with_failed[place])
                found[having] = _Group(a, int(np.bitwise_count(units[place]).sum()) - a, [])
            found[having].features.append((kind, values[place]))
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
