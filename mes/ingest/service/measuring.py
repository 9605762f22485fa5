"""What of a batch goes into history: measurements as columns, identities as texts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Final

import numpy as np
import numpy.typing as npt

from mes.edge.types import Signal, TagBinding
from mes.history.rules import ends_of_runs, starts_of_runs
from mes.history.service import (
    MeasurementRow,
    TextRow,
    append_measurements,
    append_texts,
    measurements_of,
)
from mes.history.types import GOOD, NOT_KNOWN, UNCERTAIN, Measurements, Times, Values
from mes.ingest import statements
from mes.ingest.rules import TIME_MAX_US, TIME_MIN_US, Word
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Gap, HistoryOf, Sample, Samples, Value

NOT_GOOD: Final = 0x40000000
BAD: Final = 0x80000000
"""StatusCodes from which on a value is Uncertain, and Bad."""
_NUMBERS: Final = {int, float, bool, type(None)}
_AGELESS: Final = 2**62


def keep_history(
    uow: UnitOfWork,
    bindings: Collection[TagBinding],
    words: Sequence[Word],
    bad: Sequence[tuple[TagBinding, Sample]],
    gaps: Sequence[Gap],
    measured: Sequence[Measurements],
) -> None:
    """Keep a batch's measurements and identities. Bad samples and gaps: a measurement is not known from there.

    `measured`: what `measurements_in` found in blocks."""
    numbers, texts = _sorted(words)
    numbers += [
        (binding.pk, sample.observed_at_us, math.nan, NOT_KNOWN)
        for binding, sample in bad
        if binding.signal is Signal.measurement
    ]
    numbers += _gap_rows(bindings, gaps)
    append_measurements(uow, columns=_together([*measured, measurements_of(numbers)]))
    append_texts(uow, rows=texts)


def note_filled(uow: UnitOfWork, bridge_pk: int, filled: Sequence[tuple[HistoryOf, Measurements]]) -> None:
    """Say of a gap what its machine's history had of it: how many values of which tag, from when to when."""
    for gap, measured in filled:
        within = (measured.at_us > gap.from_at_us) & (measured.at_us <= gap.to_at_us) & (measured.quality != NOT_KNOWN)
        order = np.lexsort((measured.at_us[within], measured.tag_pk[within]))
        pk, at_us = measured.tag_pk[within][order], measured.at_us[within][order]
        if len(pk):
            begins = starts_of_runs(pk)
            ends = ends_of_runs(begins, len(pk))
            counts = ends - begins + 1
            columns = (pk[begins], counts, at_us[begins], at_us[ends])
            statements.add_filled(uow, bridge_pk, gap, list(zip(*(c.tolist() for c in columns), strict=True)))


def measurements_in(
    block: Samples, measurement_pks: Mapping[str, int], *, since: int
) -> tuple[Measurements, list[int]]:
    """The numbers of a block's measurements from place `since` on, and the places of everything else.

    `measurement_pks` has 0 for every tag that is no measurement.

    Of a block out of a machine's history those are left out that do not say when they were true.

    A block of which something is odd (its time, a text where a number belongs, a number that is none) has nothing but
    everything else: whoever looks at that value by value finds what it is.
    """
    count = len(block.value)
    pks = np.array(list(map(measurement_pks.__getitem__, block.tags)) or [0], np.int64)
    pk = pks[np.array(block.tag, np.int64)]
    pk[:since] = 0
    here = np.flatnonzero(pk)
    values = list(compress(block.value, pk.tolist())) if len(here) else []
    number = _numbers(values)
    if not len(here) or number is None or not TIME_MIN_US < block.observed_at_us < TIME_MAX_US:
        return measurements_of([]), list(range(since, count))
    status = np.array(block.status, np.uint32)[here] if block.status else np.zeros(len(here), np.uint32)
    is_bad = status >= BAD
    quality = np.where(is_bad, NOT_KNOWN, np.where(status >= NOT_GOOD, UNCERTAIN, GOOD)).astype(np.uint8)
    number[is_bad] = math.nan
    at_us, meant = _instants(block, here)
    found = Measurements(pk[here].astype(np.uint32), at_us, number, quality)
    if block.history_of is None:
        at_us[is_bad] = block.observed_at_us
    else:
        found = Measurements(found.tag_pk[meant], at_us[meant], number[meant], quality[meant])
    rest = pk == 0
    rest[:since] = False
    return found, np.flatnonzero(rest).tolist()


def _numbers(values: list[Value]) -> Values | None:
    """As floats, nothing as NaN; None if one of them is no number."""
    if not set(map(type, values)) <= _NUMBERS:
        return None
    number = np.array(values, np.float64)
    unknown = np.count_nonzero(~np.isfinite(number))
    return number if not unknown or unknown == values.count(None) else None


def _instants(block: Samples, here: npt.NDArray[np.int64]) -> tuple[Times, npt.NDArray[np.bool_]]:
    """The machine's time, the bridge's where the machine gave none that can be meant; and whether it did."""
    at_us = np.full(len(here), block.observed_at_us, np.int64)
    if not block.age_us:
        return at_us, np.zeros(len(here), np.bool_)
    ages = [_AGELESS if age is None or not -_AGELESS < age < _AGELESS else age for age in block.age_us]
    told = block.observed_at_us - np.array(ages, np.int64)[here]
    meant = (told > TIME_MIN_US) & (told < TIME_MAX_US)
    at_us[meant] = told[meant]
    return at_us, meant


def _together(parts: Sequence[Measurements]) -> Measurements:
    full = [part for part in parts if len(part.at_us)]
    if len(full) == 1:
        return full[0]
    if not full:
        return measurements_of([])
    columns = ("tag_pk", "at_us", "value", "quality")
    return Measurements(*(np.concatenate([getattr(part, column) for part in full]) for column in columns))


def _sorted(words: Iterable[Word]) -> tuple[list[MeasurementRow], list[TextRow]]:
    numbers: list[MeasurementRow] = []
    texts: list[TextRow] = []
    for word in words:
        signal, value = word.binding.signal, word.value
        if signal not in {Signal.measurement, Signal.identity}:
            continue
        if signal is Signal.measurement and (value is None or isinstance(value, (bool, int, float))):
            number = math.nan if value is None else float(value)
            numbers.append((word.binding.pk, word.at_us, number, GOOD if word.certain else UNCERTAIN))
        elif value is not None:
            texts.append((word.binding.pk, word.at_us, str(value).replace("\x00", "\ufffd")))
    return numbers, texts


def _gap_rows(bindings: Collection[TagBinding], gaps: Iterable[Gap]) -> Iterator[MeasurementRow]:
    """From the instant after the last for which everything is known."""
    for gap in gaps:
        at_us = min(gap.from_at_us + 1, TIME_MAX_US - 1)
        tags = None if gap.tags is None else set(gap.tags)
        for binding in bindings:
            if binding.signal is Signal.measurement and (tags is None or binding.tag in tags):
                yield binding.pk, at_us, math.nan, NOT_KNOWN
