"""Lots that machines have in their slots, into genealogy. A slot whose lot cannot be placed holds nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from mes.edge.types import Signal, TagBinding
from mes.genealogy.feeding.service import record_changes
from mes.genealogy.feeding.types import Change, Role, Unfed
from mes.genealogy.reading.rules import request_id_of, serial_in
from mes.genealogy.reading.types import Unplaced
from mes.ingest import statements
from mes.ingest.rules import Quarantined, Word
from mes.ingest.service.reading import sample_of
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Sample

_ROLES: Final = frozenset(role.value for role in Role)
_WAITING: Final = frozenset({Unfed.unknown, Unfed.gone, Unfed.into_itself})
"""The machine has it as long as its tag says nothing else."""


def follow_lots(uow: UnitOfWork, bridge_pk: int, words: Sequence[Word]) -> list[Quarantined]:
    """Record what slots hold; answers rows of quarantine for what could not be placed, or should not be there."""
    told: dict[str, list[Word]] = defaultdict(list)
    for word in words:
        if is_of_slot(word.binding):
            told[word.binding.tag].append(word)
    if not told:
        return []
    waiting = statements.load_waiting(uow, bridge_pk, told)
    fresh = [word for tag, its in told.items() for word in _fresh(its, waiting.get(tag))]
    ended = [(_next_of(told[tag], sample), pk) for tag, (pk, sample) in waiting.items()]
    statements.end_waiting(uow, [(until, pk) for until, pk in ended if until is not None])
    return _record(uow, fresh, told)


def is_of_slot(binding: TagBinding) -> bool:
    """Whether its values are lots in a slot."""
    return binding.signal is Signal.identity and binding.what in _ROLES


def change_of(word: Word) -> Change | Unfed:
    """What a value says of its slot."""
    binding = word.binding
    lot = serial_in(word.value)
    if not word.certain or isinstance(lot, Unplaced):
        return Unfed.no_read if word.certain else Unfed.uncertain
    request_id = request_id_of(binding.pk, word.at_us, lot or "")
    return Change(request_id, lot or "", Role(binding.what), binding.equipment_pk, binding.slot_id, word.at_us)


def _fresh(words: Sequence[Word], waiting: tuple[int, Sample] | None) -> list[Word]:
    """Without those that only say again what could not be placed."""
    said = None if waiting is None else waiting[1].value
    for place, word in enumerate(words):
        if word.value != said:
            return list(words[place:])
    return [] if waiting is not None else list(words)


def _next_of(words: Sequence[Word], sample: Sample) -> int | None:
    """When a slot's tag said something else."""
    at_us = sample.source_at_us if sample.source_at_us is not None else sample.observed_at_us
    return min((word.at_us for word in words if word.value != sample.value and word.at_us >= at_us), default=None)


def _record(uow: UnitOfWork, fresh: Sequence[Word], told: dict[str, list[Word]]) -> list[Quarantined]:
    quarantine: list[Quarantined] = []
    changes: dict[str, tuple[Change, Word]] = {}
    for word in fresh:
        change = change_of(word)
        if isinstance(change, Unfed):
            quarantine.append(Quarantined(word.seq, change.value, sample_of(word), word.at_us))
        else:
            changes.setdefault(change.request_id, (change, word))
    whys = record_changes(uow, changes=[change for change, _ in changes.values()]) if changes else {}
    for request_id, why in whys.items():
        word = changes[request_id][1]
        sample = sample_of(word)
        until = _next_of(told[word.binding.tag], sample) if why in _WAITING else word.at_us
        quarantine.append(Quarantined(word.seq, str(why), sample, until))
    return quarantine
