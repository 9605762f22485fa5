"""What of a batch goes into history: measurements as columns, identities as texts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from mes.edge.types import Signal, TagBinding
from mes.history.rules import ends_of_runs, starts_of_runs
from mes.history.service import (
    MeasurementRow,
    TextRow,
    append_measurements,
    append_texts,
    measurements_of,
)
from mes.history.types import GOOD, NOT_KNOWN, UNCERTAIN, Measurements
from mes.ingest import statements
from mes.ingest.rules import TIME_MAX_US, Word
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Gap, HistoryOf, Sample


def keep_history(
    uow: UnitOfWork,
    bindings: Collection[TagBinding],
    words: Sequence[Word],
    bad: Sequence[tuple[TagBinding, Sample]],
    gaps: Sequence[Gap],
    measured: Sequence[Measurements],
) -> None:
    """Keep a batch's measurements and identities. Bad samples and gaps: a measurement is not known from there.

    `measured`: those in columns already."""
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
