"""Pure: the blocks of a batch as columns, and what of them needs no look at each value."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress, pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mes.history.types import GOOD, NOT_KNOWN, UNCERTAIN, Measurements, Values
from mes.ingest.bindings import COUNTED, MEASURED, STATED, Bindings
from mes.ingest.rules import TIME_MAX_US, TIME_MIN_US, WHOLE_MAX, is_finite
from standards.lineside.ingest_v1 import Entry, Gap, Sample, Samples, Value

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_AGELESS: Final = 2**62
_NUMBERS: Final = {int, float, bool, type(None)}
NOT_GOOD: Final = 0x40000000
BAD: Final = 0x80000000
"""StatusCodes from which on a value is Uncertain, and Bad."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The values of several blocks, in the order of the journal: entry n of each column is about value n."""

    starts: list[int]
    """Where each block's values begin; where the last one's end."""
    value: list[Value]
    place: Whole
    """Of the tag's binding (`Bindings.places`)."""
    seq: Whole
    at_us: Whole
    """The machine's time; the bridge's where the machine gave none that can be meant."""
    dated: Flags
    """Whether the machine gave one."""
    observed_at_us: Whole
    status: Whole
    kind: npt.NDArray[np.uint8]
    """As `Bindings.kinds`."""
    data_types: dict[int, set[str]]
    """Of each place that is a counter's."""

    def numbers_alone(self, alone: Flags) -> Iterator[tuple[int, list[int]]]:
        """Of each block, where it begins and what of it is flagged."""
        for begin, end in pairwise(self.starts):
            yield begin, (np.flatnonzero(alone[begin:end]) + begin).tolist()


def is_timed(block: Samples) -> bool:
    """Whether the time of a block can be stored; else each of its values is to be looked at by itself."""
    return TIME_MIN_US < block.observed_at_us < TIME_MAX_US


def columns_of(blocks: Sequence[tuple[int, Samples]], bindings: Bindings) -> Columns:
    """Blocks with their first numbers in the journal; each has a time that can be stored (`placeable`)."""
    sizes = [len(block.value) for _, block in blocks]
    observed = np.repeat(np.array([block.observed_at_us for _, block in blocks], np.int64), sizes)
    age = _joined([_ages(block) for _, block in blocks])
    told = observed - age
    dated = (told > TIME_MIN_US) & (told < TIME_MAX_US)
    data_types: dict[int, set[str]] = {}
    place = _joined([_places(block, bindings, data_types) for _, block in blocks])
    return Columns(
        np.cumsum([0, *sizes]).tolist(),
        list(chain.from_iterable(block.value for _, block in blocks)),
        place,
        _joined([np.arange(first, first + size) for (first, _), size in zip(blocks, sizes, strict=True)]),
        np.where(dated, told, observed),
        dated,
        observed,
        _joined([_statuses(block) for _, block in blocks]),
        bindings.kinds[place],
        data_types,
    )


def _joined(parts: Sequence[Whole]) -> Whole:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _statuses(block: Samples) -> Whole:
    return np.array(block.status, np.int64) if block.status else np.zeros(len(block.value), np.int64)


def _places(block: Samples, bindings: Bindings, data_types: dict[int, set[str]]) -> Whole:
    of_tags = np.array(list(map(bindings.places.__getitem__, block.tags)) or [0], np.int64)
    if block.data_types:
        for tag in np.flatnonzero(bindings.kinds[of_tags] == COUNTED).tolist():
            data_types.setdefault(int(of_tags[tag]), set()).add(block.data_types[tag])
    return of_tags[np.array(block.tag, np.int64)]


def _ages(block: Samples) -> Whole:
    """Far out of reach where the machine gave no time."""
    if not block.age_us:
        return np.full(len(block.value), _AGELESS)
    try:
        return np.array(block.age_us, np.int64).clip(-_AGELESS, _AGELESS)
    except (TypeError, OverflowError):
        told = (_AGELESS if age is None else max(-_AGELESS, min(age, _AGELESS)) for age in block.age_us)
        return np.array(list(told), np.int64)


class Runs(NamedTuple):
    """Values of several tags, tag by tag, each in the order they came."""

    places: list[int]
    """One entry a tag, as the next two."""
    starts: Whole
    """Where each tag's values begin."""
    plain: Flags
    """Whether each value of the tag is a whole number from 0 to 2^63 - 1; else its values here mean nothing."""
    number: Whole
    """In the columns, one entry a value, as the next two."""
    value: Whole
    at_us: Whole


def _runs(columns: Columns, here: Whole) -> Runs:
    """The values of some numbers, at least one."""
    number = here[np.argsort(columns.place[here], kind="stable")]
    place = columns.place[number]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    value, odd = _whole([columns.value[each] for each in number.tolist()])
    plain = ~np.logical_or.reduceat(odd, starts)
    return Runs(place[starts].tolist(), starts, plain, number, value, columns.at_us[number])


def _whole(values: list[Value]) -> tuple[Whole, Flags]:
    """As whole numbers, and which are none."""
    whole = [value if type(value) is int and 0 <= value <= WHOLE_MAX else -1 for value in values]
    found = np.array(whole, np.int64)
    return found, found < 0


def counter_runs(columns: Columns, bindings: Bindings, besides: Sequence[Entry]) -> Runs | None:
    """The readings of counters in a batch. `plain`: they say all there is to know of it, being good, of one data type,
    and with nothing in between. `besides`: what is in no column.
    """
    here = np.flatnonzero(columns.kind == COUNTED)
    odd = _odd_counters(columns, bindings, besides) if len(here) else None
    if odd is None:
        return None
    runs = _runs(columns, here)
    odd.update(columns.place[here][columns.status[here] != 0].tolist())
    if odd:
        runs.plain[[place in odd for place in runs.places]] = False
    return runs


def _odd_counters(columns: Columns, bindings: Bindings, besides: Sequence[Entry]) -> set[int] | None:
    """The places whose counters cannot be looked at by their readings alone; None: no counter can."""
    odd = {place for place, types in columns.data_types.items() if len(types) > 1}
    for entry in besides:
        if isinstance(entry, Gap):
            if entry.tags is None:
                return None
            odd.update(map(bindings.places.__getitem__, entry.tags))
        elif isinstance(entry, Sample):
            odd.add(bindings.places[entry.tag])
    if bindings.contexts:
        seen = odd.union(columns.place[columns.kind == 0].tolist())
        told = {equipment for at, equipment in bindings.contexts.items() if at in seen}
        odd.update(at for at, b in enumerate(bindings.listed, start=1) if b.equipment_pk in told)
    return odd


def measurements_in(columns: Columns, bindings: Bindings, *, late: bool = False) -> tuple[Measurements, Flags]:
    """The numbers of measurements, and which values are none of them: those of other tags, and what is odd (a text
    where a number belongs, a number that is none). Whoever looks at that value by value finds what it is.

    A bad value counts from when it was noticed; `late`, out of a machine's history, each from when its machine says,
    and what does not say when it was true is odd.
    """
    mine = columns.kind == MEASURED
    if late:
        mine &= columns.dated
    values = list(compress(columns.value, mine.tolist()))
    number, odd = _numbers(values)
    if odd is not None:
        mine[np.flatnonzero(mine)[odd]] = False
        number = number[~odd]
    status = columns.status[mine]
    is_bad = status >= BAD
    quality = np.where(is_bad, NOT_KNOWN, np.where(status >= NOT_GOOD, UNCERTAIN, GOOD)).astype(np.uint8)
    number[is_bad] = np.nan
    at_us = columns.at_us[mine] if late else np.where(is_bad, columns.observed_at_us[mine], columns.at_us[mine])
    return Measurements(bindings.pks[columns.place[mine]], at_us, number, quality), ~mine


def _numbers(values: list[Value]) -> tuple[Values, Flags | None]:
    """As floats, nothing as NaN; and which are no numbers, None if all are."""
    if set(map(type, values)) <= _NUMBERS:
        with contextlib.suppress(OverflowError):
            number = np.array(values, np.float64)
            unknown = ~np.isfinite(number)
            if np.count_nonzero(unknown) == (values.count(None) if unknown.any() else 0):
                return number, None
    odd = np.array([not _is_number(value) for value in values], np.bool_)
    return np.array([math.nan if bad else value for value, bad in zip(values, odd, strict=True)], np.float64), odd


def _is_number(value: Value) -> bool:
    return type(value) in _NUMBERS and (value is None or is_finite(value))  # type: ignore[arg-type]


def repeated_states(columns: Columns, bindings: Bindings, besides: Sequence[Entry]) -> list[int]:
    """The numbers of states that only repeat, between an earlier and a later one, what their tag said before
    (`ends_of_runs`). None of them where a state may have been unknown in between, or where its tag's time runs back.
    """
    here = np.flatnonzero(columns.kind == STATED)
    if not len(here) or _tell_of_states(besides, bindings) or bool((columns.status[here] >= BAD).any()):
        return []
    runs = _runs(columns, here)
    first = np.zeros(len(here), np.bool_)
    first[runs.starts] = True
    same = (np.diff(runs.value, prepend=-1) == 0) & ~first
    late = (np.diff(runs.at_us, prepend=-1) <= 0) & ~first
    steady = runs.plain & ~np.logical_or.reduceat(late, runs.starts)
    between = same & np.append(same[1:], False) & np.repeat(steady, np.diff(runs.starts, append=len(here)))
    return list(runs.number[between].tolist())


def _tell_of_states(besides: Sequence[Entry], bindings: Bindings) -> bool:
    return any(isinstance(one, Sample) and bindings.kinds[bindings.places[one.tag]] == STATED for one in besides)
