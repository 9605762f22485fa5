"""One batch of a bridge's journal: keep what is new, once, in order, and follow what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace

from mes.edge.service import mark_seen
from mes.edge.statements import load_bridge
from mes.edge.types import Signal, TagBinding
from mes.history.types import Measurements
from mes.ingest import statements
from mes.ingest.bindings import Bindings, bindings_of
from mes.ingest.columns import Columns, columns_of, counter_runs, is_timed, measurements_in, repeated_states
from mes.ingest.errors import IngestSequenceGap
from mes.ingest.rules import (
    OF_ENDPOINT,
    REMEMBERED,
    Epochs,
    Quarantined,
    Word,
    held_since,
    instant_of,
    placeable,
    usable,
)
from mes.ingest.service.counting import Counting, Signals
from mes.ingest.service.feeding import follow_lots
from mes.ingest.service.following import follow_jobs, follow_machines, refresh_known
from mes.ingest.service.measuring import keep_history, note_filled
from mes.ingest.service.reading import follow_serials, is_unread
from mes.ingest.service.testing import follow_results
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import (
    Batch,
    BatchAnswer,
    Entry,
    Gap,
    HistoryOf,
    Item,
    Sample,
    Samples,
    SourceEvent,
    later_part,
    numbers_of,
    sample_at,
    samples_of,
)
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality

BACKLOG_ITEMS = 500
"""A bridge that hands in this many at once is still telling of the past: its machines stay unknown until it is done."""

ALL_SINCE_BASELINE = 0
"""A gap from the beginning of time: it reaches back to the counter's baseline."""


PLACED_BY_TIME = frozenset({Signal.measurement, Signal.identity})
"""What has its place in history by its own time, whenever it comes."""


@dataclass(slots=True)
class Sorted:
    """A batch, sorted by what each item is."""

    words: list[Word] = field(default_factory=list)
    bad: list[tuple[TagBinding, Sample]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    alarms: list[tuple[int, SourceEvent]] = field(default_factory=list)
    measured: list[Measurements] = field(default_factory=list)
    filled: list[tuple[HistoryOf, Measurements]] = field(default_factory=list)
    """Measurements out of machines' histories, by the gap they fill."""
    quarantine: list[Quarantined] = field(default_factory=list)
    epochs: Epochs = field(default_factory=Epochs)
    past: set[int] = field(default_factory=set)
    """Numbers of what was read out of machines' histories by itself."""
    gapped: dict[int, int] = field(default_factory=dict)
    """Bindings whose last word is a gap so far: since when."""


def receive_batch(uow: UnitOfWork, *, bridge_id: str, batch: Batch) -> BatchAnswer:
    """Take a run of a bridge's journal.

    What was here already is dropped; what nobody can use is quarantined; both are acknowledged. Only a hole is
    refused: `ingest-sequence-gap` with `expected_seq`. An empty batch says that the bridge lives and has nothing more.
    """
    bridge = load_bridge(uow, bridge_id)
    cursor = statements.load_cursor(uow, bridge.pk, batch.journal_id)
    if batch.first_seq > cursor + 1:
        raise IngestSequenceGap(
            f"The batch begins at {batch.first_seq}; {cursor + 1} is expected.", expected_seq=cursor + 1
        )
    numbers = sum(map(numbers_of, batch.items))
    last = batch.first_seq + numbers - 1
    found = Sorted()
    if last > cursor:
        bindings = bindings_of(uow, bridge)
        anew = cursor == 0 and statements.has_other_journal(uow, bridge.pk, batch.journal_id)
        if anew:
            _hide_all(found, bindings)
        signals = statements.load_signals(uow, bindings.remembered)
        counting = Counting(uow, bindings, signals)
        _sort(found, bindings, _new_entries(batch, cursor), None if anew else counting)
        _follow(uow, bridge.pk, bindings, signals, counting, found)
        statements.insert_quarantine(uow, bridge.pk, batch.journal_id, found.quarantine)
        statements.move_cursor(uow, bridge.pk, batch.journal_id, last)
    if mark_seen(uow, bridge=bridge, caught_up=_live_numbers(batch) < BACKLOG_ITEMS):
        refresh_known(uow, bridge.pk)
    known = max(cursor + 1 - batch.first_seq, 0)
    return BatchAnswer(max(cursor, last), min(known, numbers), len(found.quarantine))


def _live_numbers(batch: Batch) -> int:
    """Without what was read from machines' histories, which comes beside the present."""
    return sum(numbers_of(e) for e in batch.items if not (isinstance(e, Samples) and e.history_of is not None))


def _hide_all(found: Sorted, bindings: dict[str, TagBinding]) -> None:
    """A journal that begins where another was: what the other one still held, and what nobody saw since, is lost."""
    found.gapped |= {b.pk: ALL_SINCE_BASELINE for b in bindings.values() if b.signal is Signal.counter}


def _new_entries(batch: Batch, after: int) -> list[tuple[int, Entry]]:
    """What comes after a number, each with its own (its first value's) number."""
    first, entries = batch.first_seq, []
    for entry in batch.items:
        numbers = numbers_of(entry)
        known = after + 1 - first
        if known <= 0:
            entries.append((first, entry))
        elif known < numbers and isinstance(entry, Samples):
            entries.append((after + 1, later_part(entry, known)))
        first += numbers
    return entries


def _sort(found: Sorted, bindings: Bindings, entries: Sequence[tuple[int, Entry]], counting: Counting | None) -> None:
    """Blocks as columns first: their measurements, counters that only rise (`counting`: if they may) and states that
    only repeat. Everything else is looked at by itself, in the order of the journal.
    """
    blocks = [(seq, entry) for seq, entry in entries if isinstance(entry, Samples) and _is_column(entry)]
    columns = columns_of(blocks, bindings)
    besides = [entry for _, entry in entries if not isinstance(entry, Samples)]
    measured, alone = measurements_in(columns, bindings)
    found.measured.append(measured)
    runs = None if counting is None else counter_runs(columns, bindings, besides)
    if counting is not None and runs is not None:
        taken = counting.fold(runs, columns)
        alone[runs.number[np.repeat(taken, np.diff(runs.starts, append=len(runs.number)))]] = False
    alone[repeated_states(columns, bindings, besides)] = False
    numbers = columns.numbers_alone(alone)
    for seq, entry in entries:
        if not isinstance(entry, Samples):
            _sort_item(found, bindings, entry, seq)
        elif entry.history_of is not None:
            _sort_history(found, bindings, entry, entry.history_of, seq)
        elif is_timed(entry):
            _sort_block(found, bindings, columns, entry, seq, *next(numbers))
        else:
            for place, sample in enumerate(samples_of(entry)):
                _sort_item(found, bindings, sample, seq + place)


def _is_column(block: Samples) -> bool:
    return block.history_of is None and is_timed(block)


def _sort_block(
    found: Sorted, bindings: Bindings, columns: Columns, block: Samples, seq: int, begin: int, numbers: Sequence[int]
) -> None:
    """The values of a block that stand alone, by their numbers in the columns, where the block's begin at `begin`."""
    for number in numbers:
        value, place, own_seq = columns.value[number], columns.place.item(number), seq + number - begin
        binding = bindings.listed[place - 1] if place else None
        if binding is None or columns.status.item(number) or not usable(binding.signal, value):
            _sort_item(found, bindings, sample_at(block, number - begin), own_seq)
            continue
        gap = found.gapped.pop(binding.pk, None) if binding.signal is Signal.counter else None
        data_type = block.data_types[block.tag[number - begin]] if block.data_types else ""
        at_us, epoch = columns.at_us.item(number), found.epochs.now
        word = Word(binding, value, at_us, block.observed_at_us, own_seq, True, gap, data_type, epoch)
        found.epochs.place(found.words, word)


def _sort_history(found: Sorted, bindings: Bindings, block: Samples, history_of: HistoryOf, seq: int) -> None:
    """Out of a machine's history: its measurements together, the rest by itself. Of a gap that cannot be, nothing."""
    if not placeable(Gap(history_of.source, history_of.from_at_us, history_of.to_at_us, "")):
        found.quarantine += [
            Quarantined(seq + place, "bad-time", sample) for place, sample in enumerate(samples_of(block))
        ]
        return
    alone: Iterable[int] = range(len(block.value))
    if is_timed(block):
        columns = columns_of([(seq, block)], bindings)
        measured, flags = measurements_in(columns, bindings, late=True)
        alone = np.flatnonzero(flags).tolist()
        found.measured.append(measured)
        found.filled.append((history_of, measured))
    for place in alone:
        _sort_late(found, bindings, sample_at(block, place), seq + place)


def _sort_late(found: Sorted, bindings: Bindings, sample: Sample, seq: int) -> None:
    """Out of a machine's history: only what has its place by its own time alone. It says nothing about the present, and
    a counter or a state would take it for that."""
    binding = bindings.get(sample.tag)
    if sample.source_at_us is None or not placeable(replace(sample, observed_at_us=sample.source_at_us)):
        found.quarantine.append(Quarantined(seq, "bad-time", sample))
    elif binding is not None and binding.signal not in PLACED_BY_TIME:
        found.quarantine.append(Quarantined(seq, "late-value", sample))
    elif sample.quality is not Quality.bad:
        found.past.add(seq)
        _sort_sample(found, bindings, sample, seq)


def _sort_item(found: Sorted, bindings: dict[str, TagBinding], item: Item, seq: int) -> None:
    if not placeable(item):
        found.quarantine.append(Quarantined(seq, "bad-time", item))
    elif isinstance(item, Gap):
        _sort_gap(found, bindings, item)
    elif isinstance(item, SourceEvent):
        _sort_event(found, bindings, item, seq)
    else:
        _sort_sample(found, bindings, item, seq)


def _sort_gap(found: Sorted, bindings: dict[str, TagBinding], gap: Gap) -> None:
    found.gaps.append(gap)
    if gap.tags is None or gap.reason in OF_ENDPOINT:
        found.epochs.begin()
    concerned = bindings.values() if gap.tags is None else [bindings[tag] for tag in gap.tags if tag in bindings]
    for binding in concerned:
        if binding.signal is Signal.counter:
            found.gapped[binding.pk] = min(gap.from_at_us, found.gapped.get(binding.pk, gap.from_at_us))


def _sort_event(found: Sorted, bindings: dict[str, TagBinding], event: SourceEvent, seq: int) -> None:
    binding = bindings.get(event.tag)
    if binding is None:
        found.quarantine.append(Quarantined(seq, "unknown-tag", event))
    else:
        found.alarms.append((binding.equipment_pk, event))


def _sort_sample(found: Sorted, bindings: dict[str, TagBinding], sample: Sample, seq: int) -> None:
    binding = bindings.get(sample.tag)
    if binding is None:
        found.quarantine.append(Quarantined(seq, "unknown-tag", sample))
    elif sample.quality is Quality.bad:
        found.bad.append((binding, sample))
        _hide(found, binding, sample)
        if is_unread(binding, sample):
            found.quarantine.append(Quarantined(seq, "bad-serial", sample))
    elif not usable(binding.signal, sample.value):
        found.quarantine.append(Quarantined(seq, "bad-value", sample))
        _hide(found, binding, sample)
    else:
        found.epochs.place(found.words, _word(found, binding, sample, seq))


def _hide(found: Sorted, binding: TagBinding, sample: Sample) -> None:
    """What a counter did while its value was no number anybody could use, nobody saw.

    But for the bridge's own word that it is away: what was lost by that, it says with a gap."""
    said_by_machine = sample.source_at_us is not None or sample.server_at_us is not None
    if binding.signal is not Signal.counter or not (said_by_machine or sample.status != BAD_NO_COMMUNICATION):
        return
    since = instant_of(sample) if said_by_machine else ALL_SINCE_BASELINE
    found.gapped[binding.pk] = min(since, found.gapped.get(binding.pk, since))


def _word(found: Sorted, binding: TagBinding, sample: Sample, seq: int) -> Word:
    certain = sample.quality is Quality.good
    gap = None
    if not certain:
        _hide(found, binding, sample)
    if binding.signal is Signal.counter and certain:
        gap = found.gapped.pop(binding.pk, None)
        if sample.overflow:
            gap = ALL_SINCE_BASELINE
    at_us = instant_of(sample)
    return Word(
        binding, sample.value, at_us, sample.observed_at_us, seq, certain, gap, sample.data_type, found.epochs.now
    )


def _follow(
    uow: UnitOfWork, bridge_pk: int, bindings: Bindings, signals: Signals, counting: Counting, found: Sorted
) -> None:
    """Jobs first, so that counts find the job that ran; then counts; then what screens show."""
    statements.insert_gaps(uow, bridge_pk, found.gaps)
    statements.insert_alarms(uow, found.alarms)
    follow_jobs(uow, bindings, signals, found.words)
    counting.count(found.words, found.gapped)
    if bindings.tells_of_units:
        found.quarantine += follow_serials(uow, found.words)
    if bindings.tells_of_slots:
        found.quarantine += follow_lots(uow, bridge_pk, found.words)
    if bindings.results:
        present = [word for word in found.words if word.seq not in found.past]
        found.quarantine += follow_results(uow, bindings.results, present, found.bad)
    follow_machines(uow, found.words, found.bad, found.alarms)
    keep_history(uow, bindings.values(), found.words, found.bad, found.gaps, found.measured)
    note_filled(uow, bridge_pk, found.filled)
    remembered = (word for word in found.words if word.binding.signal in REMEMBERED)
    statements.save_signals(uow, held_since(remembered, signals))
    statements.mark_signals_bad(uow, _still_bad(found))


def _still_bad(found: Sorted) -> list[int]:
    """Tags whose last word in the batch was a bad one."""
    last_good = {word.binding.pk: word.observed_at_us for word in found.words}
    return [
        b.pk for b, sample in found.bad if b.signal in REMEMBERED and sample.observed_at_us >= last_good.get(b.pk, -1)
    ]


def forget_baselines(uow: UnitOfWork, *, bridge_id: str) -> None:
    """The counters of this bridge's machines begin anew: the next reading of each is a first one and counts nothing.

    For machines that were exchanged or reprogrammed; what was counted stays.
    """
    bridge = load_bridge(uow, bridge_id)
    uow.driver_execute(
        "DELETE FROM counter_baseline WHERE binding_pk IN (SELECT pk FROM tag_binding WHERE bridge_pk = ?)",
        (bridge.pk,),
    )
    uow.emit("ingest.baselines-forgotten.v1", topics=[f"bridge/{bridge_id}"], subject=f"bridge/{bridge_id}", payload={})
