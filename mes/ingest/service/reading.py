"""Serials that scanners read, into genealogy. What cannot be placed is kept in quarantine, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mes.edge.types import Signal, TagBinding
from mes.genealogy.reading.rules import request_id_of, serial_in
from mes.genealogy.reading.service import record_readings
from mes.genealogy.reading.types import Reading, Role, Unplaced
from mes.ingest.rules import Word
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Item, Sample
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality

_ROLES: Final = frozenset(role.value for role in Role)


def is_unread(binding: TagBinding, sample: Sample) -> bool:
    """Whether a bad value is a serial that the machine could not read; of one that nobody could hear, a gap tells."""
    return _makes_units(binding) and sample.status != BAD_NO_COMMUNICATION


def follow_serials(uow: UnitOfWork, words: Sequence[Word]) -> list[tuple[int, str, Item]]:
    """Record units that were read; answers rows of quarantine for the others."""
    readings: list[Reading] = []
    quarantine: list[tuple[int, str, Item]] = []
    told: dict[str, Word] = {}
    for word in words:
        if not _makes_units(word.binding):
            continue
        serial = serial_in(word.value) if word.certain else Unplaced.uncertain
        if isinstance(serial, Unplaced):
            quarantine.append((word.seq, serial.value, _sample(word)))
        elif serial is not None:
            reading = _reading(word, serial)
            told.setdefault(reading.request_id, word)
            readings.append(reading)
    if readings:
        for request_id, why in record_readings(uow, readings=readings).items():
            quarantine.append((told[request_id].seq, why.value, _sample(told[request_id])))
    return quarantine


def _makes_units(binding: TagBinding) -> bool:
    return binding.signal is Signal.identity and binding.what in _ROLES


def _reading(word: Word, serial: str) -> Reading:
    binding = word.binding
    request_id = request_id_of(binding.pk, word.at_us, serial)
    return Reading(request_id, serial, Role(binding.what), binding.equipment_pk, word.at_us)


def _sample(word: Word) -> Sample:
    quality = Quality.good if word.certain else Quality.uncertain
    return Sample(word.binding.tag, word.value, word.observed_at_us, word.at_us, quality=quality)
