"""Serials that scanners read, into genealogy. What cannot be placed is kept in quarantine, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mes.edge.types import Signal, TagBinding
from mes.genealogy.reading.rules import panel_in, request_id_of, serial_in
from mes.genealogy.reading.service import record_readings
from mes.genealogy.reading.types import Reading, Role, Unplaced
from mes.ingest.rules import Quarantined, Word
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Sample
from standards.opcua.status import BAD_NO_COMMUNICATION, Quality

_ROLES: Final = frozenset(role.value for role in Role)


def is_unread(binding: TagBinding, sample: Sample) -> bool:
    """Whether a bad value is a serial that the machine could not read; of one that nobody could hear, a gap tells."""
    return makes_units(binding) and sample.status != BAD_NO_COMMUNICATION


def follow_serials(uow: UnitOfWork, words: Sequence[Word]) -> list[Quarantined]:
    """Record units that were read; answers rows of quarantine for the others."""
    readings: list[Reading] = []
    quarantine: list[Quarantined] = []
    told: dict[str, Word] = {}
    for word in words:
        if not makes_units(word.binding):
            continue
        reading = reading_of(word)
        if isinstance(reading, Unplaced):
            quarantine.append(Quarantined(word.seq, reading.value, sample_of(word)))
        elif reading is not None:
            told.setdefault(reading.request_id, word)
            readings.append(reading)
    if readings:
        for request_id, why in record_readings(uow, readings=readings).items():
            quarantine.append(Quarantined(told[request_id].seq, why.value, sample_of(told[request_id])))
    return quarantine


def makes_units(binding: TagBinding) -> bool:
    """Whether its values are serials of units."""
    return binding.signal is Signal.identity and binding.what in _ROLES


def reading_of(word: Word) -> Reading | Unplaced | None:
    """The reading a value is. None: the scanner is at rest."""
    binding, role, first = word.binding, Role(word.binding.what), ""
    if not word.certain:
        return Unplaced.uncertain
    if role is Role.new_panel:
        told = panel_in(word.value)
        if not isinstance(told, tuple):
            return told
        serial, first = told
    else:
        alone = serial_in(word.value)
        if alone is None or isinstance(alone, Unplaced):
            return alone
        serial = alone
    request_id = request_id_of(binding.pk, word.at_us, serial)
    return Reading(request_id, serial, role, binding.equipment_pk, word.at_us, first)


def sample_of(word: Word) -> Sample:
    """The value as it came."""
    quality = Quality.good if word.certain else Quality.uncertain
    return Sample(word.binding.tag, word.value, word.observed_at_us, word.at_us, quality=quality)
