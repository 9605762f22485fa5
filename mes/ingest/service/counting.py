"""From counter readings to pieces of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from mes.edge.types import Signal, TagBinding
from mes.equipment.counter_rules import (
    Baseline,
    Flags,
    Folded,
    Movement,
    MovementKind,
    Reading,
    fold,
    is_plain,
    movement,
    rate_of,
)
from mes.equipment.statements import load_asset_pks
from mes.ingest import statements
from mes.ingest.bindings import Bindings
from mes.ingest.columns import Columns, Runs
from mes.ingest.rules import WHOLE_MAX, Moment, Timeline, Word
from mes.kernel.uow import UnitOfWork
from mes.orders.rules import Share, attribute, is_quiet, not_production, within_bounds
from mes.orders.service import record_counts
from mes.orders.statements import load_runs
from mes.orders.types import Cause, Count, CountKind, JobRun, Unassigned

Signals = Mapping[int, tuple[Any, int]]
"""The last good value, and since when, of tags that rules look at, by binding."""
MARKER_MAX: Final = 100
DATA_TYPE_MAX: Final = 40
NOWHERE: Final = Baseline(0, 0)
"""Of a movement whose baseline nobody asks for."""


class _Moved(NamedTuple):
    """What one reading, or a whole run, of one counter proves."""

    binding: TagBinding
    found: Movement
    epoch: int
    seq: int
    """Of the first reading that counted, in the journal."""
    run: tuple[tuple[int, int, int], ...] = ()
    """Of several readings: value, time and number in the journal of where it stood before, and of each."""

    @property
    def at_us(self) -> int:
        return self.found.to_us


@dataclass(slots=True)
class _Context:
    """What held when: restart markers and unit modes by equipment."""

    markers: dict[int, Timeline]
    modes: dict[int, Timeline]


class Counting:
    """What a batch says of the counters of a bridge. `fold` what can be taken at once, then `count`."""

    def __init__(self, uow: UnitOfWork, bindings: Bindings, signals: Signals) -> None:
        self._uow, self._bindings, self._signals = uow, bindings, signals
        self._moved: list[_Moved] = []
        self._touched: set[int] = set()
        self._moved_on: list[tuple[int, int, int]] = []
        """Value and time of counters of which nothing else is new, and the binding's key."""

    @cached_property
    def _baselines(self) -> dict[int, tuple[int | None, Baseline]]:
        return statements.load_baselines(self._uow, self._bindings.counters)

    @cached_property
    def _assets(self) -> dict[int, int]:
        return load_asset_pks(self._uow, self._bindings.counting_equipment, self._uow.now_us)

    @cached_property
    def _before(self) -> _Context:
        """What held before the batch."""
        return _context(self._bindings, self._signals, ())

    def fold(self, runs: Runs, columns: Columns) -> Flags:
        """Take the readings of counters that only rise at once; answers of which. No restart marker and no unit mode
        of their machines is in the batch."""
        places, known = [], []
        for place, plain in zip(runs.places, runs.plain.tolist(), strict=True):
            found = self._plain(place, columns.data_types) if plain else None
            places.append(found is not None)
            known.append(found or (0, 0, 0.0))
        before, before_us, rate = (np.array(column) for column in zip(*known, strict=True))
        folded = fold(runs.value, runs.at_us, runs.starts, before, before_us, rate)
        taken = folded.plain & places
        self._take(runs, columns, folded, taken, known)
        return taken

    def _plain(self, place: int, data_types: Mapping[int, set[str]]) -> tuple[int, int, float] | None:
        """Where a counter stands: value, time and the most it counts in a second; None where that is in doubt."""
        binding = self._bindings.listed[place - 1]
        asset = self._assets.get(binding.equipment_pk)
        of_asset, baseline = self._baselines.get(binding.pk, (asset, None))
        if baseline is None or of_asset != asset or baseline.value > WHOLE_MAX:
            return None
        data_type = "".join(data_types.get(place, ()))
        if not is_plain(baseline, _marker(self._before, binding, (0, 0)), _type_of(data_type)):
            return None
        return baseline.value, baseline.at_us, rate_of(self._bindings.spec_of(binding, data_type))

    def _take(
        self, runs: Runs, columns: Columns, folded: Folded, taken: Flags, known: Sequence[tuple[int, int, float]]
    ) -> None:
        ends = np.append(runs.starts[1:], len(runs.value))
        last, last_us = runs.value[ends - 1].tolist(), runs.at_us[ends - 1].tolist()
        count, from_us, to_us = folded.counted.tolist(), folded.from_us.tolist(), folded.to_us.tolist()
        for n in np.flatnonzero(taken).tolist():
            binding = self._bindings.listed[runs.places[n] - 1]
            self._moved_on.append((last[n], last_us[n], binding.pk))
            if count[n] and binding.counting_point_of_pk is not None:
                steps = slice(runs.starts.item(n), ends.item(n))
                numbers = columns.seq[runs.number[steps]].tolist()
                readings = zip(runs.value[steps].tolist(), runs.at_us[steps].tolist(), numbers, strict=True)
                seq = numbers[folded.first.item(n) - steps.start]
                found = Movement(MovementKind.counted, count[n], count[n], from_us[n], NOWHERE, False, to_us[n])
                self._moved.append(_Moved(binding, found, 0, seq, ((*known[n][:2], 0), *readings)))

    def count(self, words: Sequence[Word], still_gapped: Mapping[int, int]) -> None:
        """Judge the other readings one by one, and give each movement to the job that ran at its source time.

        `still_gapped`: bindings whose last word is a gap, since when.
        """
        context = _context(self._bindings, self._signals, words)
        for word in words:
            if word.binding.signal is Signal.counter and word.certain:
                self._judge(word, context)
        if still_gapped:
            self._remember(still_gapped)
        statements.save_baselines(self._uow, {pk: self._baselines[pk] for pk in self._touched})
        statements.move_baselines(self._uow, self._moved_on)
        _emit_anomalies(self._uow, self._moved)
        record_counts(self._uow, counts=_merged(_counts(self._uow, self._moved, context)))

    def _judge(self, word: Word, context: _Context) -> None:
        binding = word.binding
        asset = self._assets.get(binding.equipment_pk)
        of_asset, baseline = self._baselines.get(binding.pk, (asset, None))
        if of_asset != asset:
            baseline = None
        marker = _marker(context, binding, word.moment)
        reading = Reading(int(word.value), word.at_us, marker, word.gap_from_us, _type_of(word.data_type))
        found = movement(baseline, reading, self._bindings.spec_of(binding, word.data_type))
        if found.kind not in {MovementKind.first, MovementKind.still}:
            self._moved.append(_Moved(binding, found, word.epoch, word.seq))
        self._baselines[binding.pk] = (asset, found.baseline)
        self._touched.add(binding.pk)

    def _remember(self, still_gapped: Mapping[int, int]) -> None:
        """A gap whose first value has not come yet waits with the baseline."""
        for pk, since in still_gapped.items():
            if pk in self._baselines:
                asset, base = self._baselines[pk]
                earliest = since if base.gap_from_us is None else min(since, base.gap_from_us)
                self._baselines[pk] = (asset, base._replace(gap_from_us=earliest))
                self._touched.add(pk)


def _context(bindings: Bindings, signals: Signals, words: Sequence[Word]) -> _Context:
    if not bindings.contexts:
        return _Context({}, {})
    markers = _timelines(bindings.of_signal(Signal.restart_marker), signals)
    modes = _timelines(bindings.of_signal(Signal.unit_mode), signals)
    for word in words:
        if word.binding.signal is Signal.restart_marker:
            markers[word.binding.equipment_pk].add(word.moment, word.value)
        elif word.binding.signal is Signal.unit_mode:
            modes[word.binding.equipment_pk].add(word.moment, word.value)
    return _Context(markers, modes)


def _timelines(bindings: Sequence[TagBinding], signals: Signals) -> dict[int, Timeline]:
    """By equipment, with what is known of it; equipment without such a tag is absent."""
    return {b.equipment_pk: Timeline(signals[b.pk][0] if b.pk in signals else None) for b in bindings}


def _marker(context: _Context, binding: TagBinding, at: Moment) -> str:
    timeline = context.markers.get(binding.equipment_pk)
    return "" if timeline is None else statements.storable(str(timeline.at(at) or ""))[:MARKER_MAX]


def _type_of(data_type: str) -> str:
    return statements.storable(data_type)[:DATA_TYPE_MAX]


def _emit_anomalies(uow: UnitOfWork, moved: Sequence[_Moved]) -> None:
    """What a person may want to look into: restarts nobody saw, lies, readings that wait for confirmation."""
    for one in moved:
        if one.found.exact and one.found.kind in {MovementKind.counted, MovementKind.wrap}:
            continue
        uow.emit(
            "ingest.counter-anomaly.v1",
            topics=[],
            subject=f"tag/{one.binding.tag}",
            payload={"tag": one.binding.tag, "kind": one.found.kind, "low": one.found.low, "high": one.found.high},
            occurred_at_us=one.at_us,
        )


def _counts(uow: UnitOfWork, moved: Sequence[_Moved], context: _Context) -> list[Count]:
    points = [one for one in moved if one.binding.counting_point_of_pk is not None and one.found.high != 0]
    if not points:
        return []
    targets = {one.binding.counting_point_of_pk or 0 for one in points}
    runs = load_runs(uow, targets, min(one.found.from_us for one in points))
    parts = [part for one in points for part in _parts(one, runs[one.binding.counting_point_of_pk or 0])]
    parts.sort(key=_seq)
    return [
        _count(part, share)
        for part in parts
        for share in _shares(part, context, runs[part.binding.counting_point_of_pk or 0])
    ]


def _seq(one: _Moved) -> int:
    return one.seq


def _parts(one: _Moved, runs: Sequence[JobRun]) -> Iterable[_Moved]:
    """Several readings are one part, unless a job begins or ends among them."""
    if not one.run or is_quiet(runs, one.found.from_us, one.found.to_us):
        return (one,)
    return [
        _Moved(one.binding, one.found._replace(low=more, high=more, from_us=from_us, to_us=to_us), 0, seq)
        for (begin, from_us, _), (end, to_us, seq) in pairwise(one.run)
        if (more := end - begin)
    ]


def _shares(one: _Moved, context: _Context, runs: Sequence[JobRun]) -> tuple[Share, ...]:
    found, modes = one.found, context.modes.get(one.binding.equipment_pk)
    now = (one.epoch, one.at_us)
    mode = None if modes is None else modes.until(now)
    mixed = found.gapped and modes is not None and modes.changes_within((0, found.from_us), now)
    reason = not_production(mode)
    if reason and not mixed:
        return (Share(None, found.low, found.high, reason),)
    shares = attribute(found.low, found.high, from_us=found.from_us, to_us=one.at_us, gapped=found.gapped, runs=runs)
    if not mixed:
        return shares
    jobs = tuple(Share(share.job_pk, 0, found.high) for share in shares if share.job_pk is not None)
    return (*jobs, Share(None, 0 if jobs else found.low, found.high, Unassigned.ambiguous))


def _count(one: _Moved, share: Share) -> Count:
    units = one.binding.units_per_count_e6
    low_e6, high_e6 = within_bounds(share.low * units, None if share.high is None else share.high * units)
    return Count(
        job_pk=share.job_pk,
        equipment_pk=one.binding.equipment_pk,
        kind=CountKind(one.binding.counts),
        reason_id=one.binding.reason_id,
        low_e6=low_e6,
        high_e6=high_e6,
        from_at_us=one.found.from_us,
        source_at_us=one.at_us,
        cause=Cause.machine,
        unassigned=share.unassigned,
        tag=one.binding.tag,
    )


def _merged(counts: Sequence[Count]) -> list[Count]:
    """Runs of the same tag, job and reason in one batch become one fact; intervals add up."""
    merged: dict[tuple[Any, ...], Count] = {}
    for count in counts:
        key = (count.tag, count.job_pk, count.unassigned, count.low_e6 == count.high_e6)
        before = merged.get(key)
        merged[key] = count if before is None else _joined(before, count)
    return list(merged.values())


def _joined(first: Count, second: Count) -> Count:
    high = None if first.high_e6 is None or second.high_e6 is None else first.high_e6 + second.high_e6
    low_e6, high_e6 = within_bounds(first.low_e6 + second.low_e6, high)
    return Count(
        job_pk=first.job_pk,
        equipment_pk=first.equipment_pk,
        kind=first.kind,
        reason_id=first.reason_id,
        low_e6=low_e6,
        high_e6=high_e6,
        from_at_us=min(first.from_at_us, second.from_at_us),
        source_at_us=max(first.source_at_us, second.source_at_us),
        cause=first.cause,
        unassigned=first.unassigned,
        tag=first.tag,
    )
