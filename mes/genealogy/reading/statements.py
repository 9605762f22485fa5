"""A few statements, however many readings: the stations they are of, jobs that ran there, what is mounted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from mes.genealogy.reading.types import JobThen, Station
from mes.genealogy.statements import Reads
from mes.kernel.uow import marks

_NEWEST: Final = (
    "SELECT e.pk, e.id, (SELECT max(a.seq) FROM genealogy_act a WHERE a.equipment_pk = e.pk AND a.seq IS NOT NULL "
    "AND a.ended_by_pk IS NULL) FROM equipment e WHERE e.pk IN "
)
_LAST: Final = (
    "SELECT a.equipment_pk, a.at_us, l.id FROM genealogy_act a JOIN material_lot l ON l.pk = a.lot_pk "
    "WHERE a.seq IS NOT NULL AND a.ended_by_pk IS NULL AND "
)
"""In two statements: joined, PostgreSQL may look at every pass of a station for its newest."""


def load_stations(reads: Reads, pks: Collection[int]) -> dict[int, Station]:
    """Stations with their newest pass."""
    newest = reads.driver_query(f"{_NEWEST}({marks(pks)})", tuple(pks))
    found = {pk: Station(equipment_id, seq or 0) for pk, equipment_id, seq in newest}
    where = " OR ".join("(a.equipment_pk = ? AND a.seq = ?)" for _ in found)
    params = [number for pk, station in found.items() for number in (pk, station.seq)]
    for pk, at_us, lot_id in reads.driver_query(f"{_LAST}({where})", params):
        found[pk].at_us = max(at_us, found[pk].at_us)
        found[pk].last |= {lot_id}
    return found


def load_jobs_then(reads: Reads, pks: Collection[int], from_us: int, to_us: int) -> dict[int, list[JobThen]]:
    """Jobs that ran at some stations, or at what they stand in, within a time."""
    sql = (
        "SELECT e.pk, r.started_at_us, r.ended_at_us, j.id, m.id, j.quantity_per_cycle_e6 FROM equipment e "  # noqa: S608
        "JOIN job_run r ON r.equipment_pk IN (e.pk, e.parent_pk) JOIN job_order j ON j.pk = r.job_pk "
        f"JOIN material_definition m ON m.pk = j.material_pk WHERE e.pk IN ({marks(pks)}) "
        "AND r.started_at_us < ? AND (r.ended_at_us IS NULL OR r.ended_at_us >= ?)"
    )
    found: dict[int, list[JobThen]] = defaultdict(list)
    for pk, *job in reads.driver_query(sql, (*pks, to_us, from_us)):
        found[pk].append(JobThen(*job))
    return found


def load_mounted(reads: Reads, stations: Mapping[int, Station]) -> dict[int, set[int]]:
    """By station, the lots that will be in the pieces to come."""
    where = " OR ".join("(equipment_pk = ? AND to_seq > ?)" for _ in stations)
    params = [number for pk, station in stations.items() for number in (pk, station.seq)]
    found: dict[int, set[int]] = defaultdict(set)
    sql = f"SELECT equipment_pk, lot_pk FROM slot_mount WHERE ended_by_pk IS NULL AND ({where})"  # noqa: S608
    for pk, lot_pk in reads.driver_query(sql, params):
        found[pk].add(lot_pk)
    return found
