"""Decide about what is in quarantine: try it again, or set it aside."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from mes.edge.types import TagBinding
from mes.genealogy.feeding.service import record_changes
from mes.genealogy.feeding.types import Unfed
from mes.genealogy.reading.service import record_readings
from mes.genealogy.reading.types import Reading
from mes.ingest.quarantine.errors import ReadingDecided, ReadingNotFound, ReadingNotRetriable, ReadingStillRefused
from mes.ingest.quarantine.types import RETRIABLE, Decision
from mes.ingest.rules import Word, instant_of
from mes.ingest.service.feeding import change_of, is_of_slot
from mes.ingest.service.reading import makes_units, reading_of
from mes.ingest.statements import load_bindings
from mes.kernel.uow import UnitOfWork
from standards.lineside.ingest_v1 import Sample
from standards.opcua.status import Quality

_ALIKE: Final = "bridge_pk = ? AND tag = ? AND reason = ?"


class _Row(NamedTuple):
    pk: int
    bridge_pk: int
    tag: str
    reason: str
    item: str
    until_us: int | None


def retry_reading(uow: UnitOfWork, *, pk: int) -> None:
    """Record a reading that could not be placed, now that what stood in the way is put right; it keeps its own time.

    `reading-not-found`, `reading-decided`, `reading-not-retriable`, `reading-still-refused` (with `reason`).
    """
    row = _load(uow, pk)
    binding = load_bindings(uow, row.bridge_pk).get(row.tag)
    if row.reason not in RETRIABLE or binding is None:
        raise ReadingNotRetriable(f"{row.tag}: {row.reason}.")
    why = _again(uow, row, _word(binding, row))
    if why:
        raise ReadingStillRefused(f"{row.tag}: {why}.", reason=why)
    _decide(uow, row, Decision.taken, "")


def set_reading_aside(uow: UnitOfWork, *, pk: int, reason: str, alike: bool = False) -> int:
    """Nothing is to be done about a reading, and why; `alike`: nor about any other of its tag that was refused for the
    same. Answers how many. `reading-not-found`, `reading-decided`.
    """
    row = _load(uow, pk)
    return _decide(uow, row, Decision.set_aside, reason, alike=alike)


def _load(uow: UnitOfWork, pk: int) -> _Row:
    found = uow.driver_query(
        "SELECT decision, pk, bridge_pk, tag, reason, item, until_us FROM quarantine WHERE pk = ?", (pk,)
    )
    if not found:
        raise ReadingNotFound(f"There is no reading {pk}.")
    if found[0][0]:
        raise ReadingDecided(f"The reading {pk} is {found[0][0]}.")
    return _Row(*found[0][1:])


def _word(binding: TagBinding, row: _Row) -> Word:
    sample = msgspec.json.decode(row.item, type=Sample)
    return Word(
        binding, sample.value, instant_of(sample), sample.observed_at_us, row.pk, sample.quality is Quality.good
    )


def _again(uow: UnitOfWork, row: _Row, word: Word) -> str:
    """Why it still cannot be recorded."""
    if makes_units(word.binding):
        reading = reading_of(word)
        if not isinstance(reading, Reading):
            return str(reading or row.reason)
        return str(record_readings(uow, readings=[reading]).get(reading.request_id, ""))
    if not is_of_slot(word.binding):
        return row.reason
    change = change_of(word)
    if isinstance(change, Unfed):
        return change.value
    change = change._replace(request_id=f"retry:{row.pk}", until_us=row.until_us)
    why = record_changes(uow, changes=[change]).get(change.request_id, "")
    return why.value if isinstance(why, Unfed) else ""


def _decide(uow: UnitOfWork, row: _Row, decision: Decision, note: str, *, alike: bool = False) -> int:
    which, keys = ("pk = ?", [row.pk]) if not alike else (_ALIKE, [row.bridge_pk, row.tag, row.reason])
    count = uow.driver_execute(
        "UPDATE quarantine SET decision = ?, decided_at_us = ?, decided_by_pk = ?, note = ? "  # noqa: S608
        f"WHERE decision = '' AND {which}",
        (decision.value, uow.now_us, uow.actor, note, *keys),
    )
    asked = {"pk": row.pk, "tag": row.tag, "reason": row.reason}
    uow.emit(
        "ingest.reading-decided.v1",
        topics=["quarantine"],
        subject=f"quarantine/{row.pk}",
        payload={**asked, "decision": decision.value, "note": note, "count": count},
    )
    return count
