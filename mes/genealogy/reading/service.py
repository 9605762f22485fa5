"""Record what scanners of machines read: units passed, were made, panels with their boards."""

from __future__ import annotations

from collections.abc import Sequence

from mes.genealogy.queries.walk import walk_up
from mes.genealogy.reading.rules import fold_readings, names_in
from mes.genealogy.reading.statements import load_jobs_then, load_mounted, load_stations
from mes.genealogy.reading.types import CHUNK, Before, Reading, Station, Unplaced
from mes.genealogy.service.recording import record_genealogy
from mes.genealogy.service.scanning import count_first_article
from mes.genealogy.statements import find_requests, load_lots
from mes.genealogy.types import LotFacts
from mes.kernel.uow import UnitOfWork


def record_readings(uow: UnitOfWork, *, readings: Sequence[Reading]) -> dict[str, Unplaced]:
    """Take readings, each once; answers those that could not be placed, by request id. Refuses nothing: a machine that
    has worked on a unit has worked on it."""
    unplaced: dict[str, Unplaced] = {}
    in_order = sorted(readings, key=lambda one: one.at_us)
    for start in range(0, len(in_order), CHUNK):
        unplaced |= _record(uow, in_order[start : start + CHUNK])
    return unplaced


def _record(uow: UnitOfWork, readings: Sequence[Reading]) -> dict[str, Unplaced]:
    before = _load(uow, readings)
    told = fold_readings(readings, before)
    if told.acts:
        record_genealogy(uow, recording=told.recording, flags_held=True)
        places = {station.equipment_id: pk for pk, station in before.stations.items()}
        for job_id, equipment_id in sorted({(act.job_id, act.equipment_id) for act in told.acts if act.job_id}):
            count_first_article(uow, job_id, places[equipment_id])
    return told.unplaced


def _load(uow: UnitOfWork, readings: Sequence[Reading]) -> Before:
    done = frozenset(find_requests(uow, [reading.request_id for reading in readings]))
    stations = load_stations(uow, {reading.equipment_pk for reading in readings})
    times = [reading.at_us for reading in readings]
    for pk, jobs in load_jobs_then(uow, stations, min(times), max(times)).items():
        stations[pk].jobs = tuple(jobs)
    lots = load_lots(uow, names_in(readings, stations))
    _find_mounted(uow, stations, lots)
    return Before(done, lots, stations)


def _find_mounted(uow: UnitOfWork, stations: dict[int, Station], lots: dict[str, LotFacts]) -> None:
    """Only a unit that something was made of can be in what is mounted."""
    if not any(lot.is_used for lot in lots.values()):
        return
    for pk, mounted in load_mounted(uow, stations).items():
        stations[pk].mounted = frozenset(walk_up(uow, mounted).pks) | mounted
