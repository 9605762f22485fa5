"""From counter readings to pieces of jobs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, NamedTuple

from mes.edge.types import Signal, TagBinding
from mes.equipment.counter_rules import (
    Baseline,
    Movement,
    MovementKind,
    Reading,
    fold,
    movement,
)
from mes.equipment.statements import load_asset_pks
from mes.ingest import statements
from mes.ingest.bindings import Bindings
from mes.ingest.columns import Run
from mes.ingest.rules import Moment, Timeline, Word
from mes.kernel.uow import UnitOfWork
from mes.orders.rules import Share, attribute, is_quiet, not_production
from mes.orders.service import record_counts
from mes.orders.statements import load_runs
from mes.orders.types import Cause, Count, CountKind, JobRun, Unassigned

Signals = Mapping[int, tuple[Any, int]]
"""The last good value, and since when, of tags that rules look at, by binding."""
MARKER_MAX: Final = 100
DATA_TYPE_MAX: Final = 40


class _Moved(NamedTuple):
    """What one reading, or a whole run, of one counter proves."""

    binding: TagBinding
    found: Movement
    epoch: int
    seq: int
    """Of the first reading that counted, in the journal."""
    run: Run | None = None
    before: Baseline | None = None
    """Of a whole run: its readings, and the baseline they began with."""

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
        self._moved_on: set[int] = set()
        """Counters of which nothing but value and time is new."""

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

    def fold(self, run: Run, seq_of: Callable[[int], int]) -> bool:
        """Take the readings of a counter at once; False, and nothing is taken, where each has to be judged.

        No restart marker and no unit mode of its machine is in the batch. `seq_of`: the number in the journal.
        """
        binding = run.binding
        asset = self._assets.get(binding.equipment_pk)
        of_asset, baseline = self._baselines.get(binding.pk, (asset, None))
        if baseline is None or of_asset != asset:
            return False
        data_type, marker = run.data_type[:DATA_TYPE_MAX], _marker(self._before, binding, (0, 0))
        spec = self._bindings.spec_of(binding, run.data_type)
        found = fold(baseline, run.values, run.times_us, marker, data_type, spec)
        if found is None:
            return False
        if found.kind is not MovementKind.still and binding.counting_point_of_pk is not None:
            first = bisect_right(run.values, baseline.value)
            self._moved.append(_Moved(binding, found, 0, seq_of(run.numbers[first]), run, baseline))
        self._baselines[binding.pk] = (asset, found.baseline)
        same = (marker, data_type) == (baseline.marker, baseline.data_type)
        (self._moved_on if same else self._touched).add(binding.pk)
        return True

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
        statements.move_baselines(self._uow, {pk: self._baselines[pk][1] for pk in self._moved_on - self._touched})
        moved = sorted(self._moved, key=lambda one: one.seq)
        _emit_anomalies(self._uow, moved)
        record_counts(self._uow, counts=_merged(_counts(self._uow, moved, context)))

    def _judge(self, word: Word, context: _Context) -> None:
        binding = word.binding
        asset = self._assets.get(binding.equipment_pk)
        of_asset, baseline = self._baselines.get(binding.pk, (asset, None))
        if of_asset != asset:
            baseline = None
        marker = _marker(context, binding, word.moment)
        reading = Reading(int(word.value), word.at_us, marker, word.gap_from_us, word.data_type[:DATA_TYPE_MAX])
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
    return "" if timeline is None else str(timeline.at(at) or "")[:MARKER_MAX]


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
    counts = []
    for one in points:
        at_point = runs[one.binding.counting_point_of_pk or 0]
        for part in _parts(one, at_point):
            counts += [_count(part, share) for share in _shares(part, context, at_point)]
    return counts


def _parts(one: _Moved, runs: Sequence[JobRun]) -> Iterable[_Moved]:
    """A run of readings is one part, unless a job begins or ends among them."""
    if one.run is None or one.before is None or is_quiet(runs, one.found.from_us, one.found.to_us):
        return (one,)
    readings = [(one.before.value, one.before.at_us), *zip(one.run.values, one.run.times_us, strict=True)]
    return [
        _Moved(
            one.binding, one.found._replace(low=to - begin, high=to - begin, from_us=from_us, to_us=to_us), 0, one.seq
        )
        for (begin, from_us), (to, to_us) in pairwise(readings)
        if to != begin
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
    return Count(
        job_pk=share.job_pk,
        equipment_pk=one.binding.equipment_pk,
        kind=CountKind(one.binding.counts),
        reason_id=one.binding.reason_id,
        low_e6=share.low * units,
        high_e6=None if share.high is None else share.high * units,
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
    return Count(
        job_pk=first.job_pk,
        equipment_pk=first.equipment_pk,
        kind=first.kind,
        reason_id=first.reason_id,
        low_e6=first.low_e6 + second.low_e6,
        high_e6=high,
        from_at_us=min(first.from_at_us, second.from_at_us),
        source_at_us=max(first.source_at_us, second.source_at_us),
        cause=first.cause,
        unassigned=first.unassigned,
        tag=first.tag,
    )
