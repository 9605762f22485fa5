"""From counter readings to pieces of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mes.edge.types import Signal, TagBinding
from mes.equipment.counter_rules import (
    NATURAL_MODULUS,
    Baseline,
    CounterSpec,
    Movement,
    MovementKind,
    Reading,
    movement,
)
from mes.equipment.queries import get_asset_pks
from mes.ingest import statements
from mes.ingest.rules import Timeline, Word
from mes.kernel.uow import UnitOfWork
from mes.orders.rules import Share, attribute, not_production
from mes.orders.service import record_counts
from mes.orders.statements import load_runs
from mes.orders.types import Cause, Count, CountKind, Unassigned


@dataclass(frozen=True, slots=True)
class _Moved:
    """What one reading of one counting point proves."""

    binding: TagBinding
    found: Movement
    epoch: int

    @property
    def at_us(self) -> int:
        return self.found.to_us


@dataclass(slots=True)
class _Context:
    """What held when: restart markers and unit modes by equipment."""

    markers: dict[int, Timeline]
    modes: dict[int, Timeline]


def count_pieces(
    uow: UnitOfWork,
    bridge_pk: int,
    bindings: Mapping[str, TagBinding],
    signals: Mapping[int, tuple[Any, int]],
    words: Sequence[Word],
    still_gapped: Mapping[int, int],
) -> None:
    """Fold counter readings into movements, and give each movement to the job that ran at its source time."""
    readings = [word for word in words if word.binding.signal is Signal.counter and word.certain]
    if not readings and not still_gapped:
        return
    baselines = statements.load_baselines(uow, bridge_pk)
    context = _Context(
        _timelines(bindings, signals, words, Signal.restart_marker),
        _timelines(bindings, signals, words, Signal.unit_mode),
    )
    assets = get_asset_pks(
        uow.session, equipment_pks={word.binding.equipment_pk for word in readings}, at_us=uow.now_us
    )
    moved = _fold(readings, baselines, context, assets)
    touched = {word.binding.pk for word in readings} | _remember_gaps(baselines, still_gapped)
    statements.save_baselines(uow, {pk: baselines[pk] for pk in touched})
    _emit_anomalies(uow, moved)
    record_counts(uow, counts=_merged(_counts(uow, moved, context)))


def _timelines(
    bindings: Mapping[str, TagBinding], signals: Mapping[int, tuple[Any, int]], words: Sequence[Word], signal: Signal
) -> dict[int, Timeline]:
    """Values of one signal over time, by equipment; equipment without such a tag is absent."""
    timelines = {}
    for binding in bindings.values():
        if binding.signal is signal:
            known = signals.get(binding.pk)
            timelines[binding.equipment_pk] = Timeline(None if known is None else known[0])
    for word in words:
        if word.binding.signal is signal:
            timelines[word.binding.equipment_pk].add(word.moment, word.value)
    return timelines


def _fold(
    readings: Sequence[Word],
    baselines: dict[int, tuple[int | None, Baseline]],
    context: _Context,
    assets: Mapping[int, int],
) -> list[_Moved]:
    moved = []
    for word in readings:
        binding = word.binding
        asset = assets.get(binding.equipment_pk)
        of_asset, baseline = baselines.get(binding.pk, (asset, None))
        if of_asset != asset:
            baseline = None
        found = movement(baseline, _reading(word, context), _spec(word, context))
        baselines[binding.pk] = (asset, found.baseline)
        if found.kind not in {MovementKind.first, MovementKind.still}:
            moved.append(_Moved(binding, found, word.epoch))
    return moved


def _reading(word: Word, context: _Context) -> Reading:
    markers = context.markers.get(word.binding.equipment_pk)
    marker = "" if markers is None else str(markers.at(word.moment) or "")
    return Reading(int(word.value), word.at_us, marker[:100], word.gap_from_us, word.data_type[:40])


def _spec(word: Word, context: _Context) -> CounterSpec:
    binding = word.binding
    modulus = binding.modulus or NATURAL_MODULUS.get(word.data_type)
    return CounterSpec(modulus, binding.retentive, binding.equipment_pk in context.markers, binding.max_per_s)


def _remember_gaps(baselines: dict[int, tuple[int | None, Baseline]], still_gapped: Mapping[int, int]) -> set[int]:
    """A gap whose first value has not come yet waits with the baseline."""
    touched = set()
    for pk, since in still_gapped.items():
        if pk in baselines:
            asset, base = baselines[pk]
            earliest = since if base.gap_from_us is None else min(since, base.gap_from_us)
            baselines[pk] = (asset, replace(base, gap_from_us=earliest))
            touched.add(pk)
    return touched


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
        for share in _shares(one, context, runs[one.binding.counting_point_of_pk or 0]):
            counts.append(_count(one, share))
    return counts


def _shares(one: _Moved, context: _Context, runs: Sequence[Any]) -> tuple[Share, ...]:
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
