"""Pure: what readings of serials say was done."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mes.genealogy.reading.types import PANEL_MAX, Before, JobThen, Reading, Role, Station, Unplaced
from mes.genealogy.types import Act, ActKind, Link, LinkKind, NewLot, Recording
from mes.kernel.limits import ID_MAX
from mes.materials.types import LotKind

PIECE_E6: Final = 1_000_000
_SERIAL_MAX: Final = ID_MAX - len(str(PANEL_MAX)) - 1
_NUMBER: Final = re.compile(r"[0-9]+$")
_NOTHING_READ: Final = frozenset({"NOREAD", "NO READ", "NO_READ", "NO-READ"})
LATE: Final = "told late: its place in the station's sequence is not known"


def request_id_of(binding_pk: int, at_us: int, serial: str) -> str:
    """The same for the same reading of the same tag, whatever journal tells it."""
    return f"read:{binding_pk}:{at_us}:{hashlib.blake2s(serial.encode(), digest_size=8).hexdigest()}"


def serial_in(value: Any) -> str | Unplaced | None:
    """The serial in a tag's value. None: the scanner is at rest and says nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return Unplaced.no_read
    text = value.strip() if isinstance(value, str) else f"{value:d}"
    if not text or text.upper() in _NOTHING_READ or not text.isprintable():
        return Unplaced.no_read
    return text if len(text) <= _SERIAL_MAX else Unplaced.too_long


def panel_in(value: Any) -> tuple[str, str] | Unplaced | None:
    """A panel's serial and that of its first board ("": not told), which come as a list of two."""
    if not isinstance(value, list):
        alone = serial_in(value)
        return alone if alone is None or isinstance(alone, Unplaced) else (alone, "")
    parts = [serial_in(part) for part in value]
    if all(part is None for part in parts):
        return None
    unread = [part for part in parts if isinstance(part, Unplaced)]
    if unread or len(parts) != 2 or None in parts:
        return unread[0] if unread else Unplaced.no_read
    return str(parts[0]), str(parts[1])


def job_then(jobs: Iterable[JobThen], at_us: int) -> JobThen | None:
    """The one job that ran at an instant: after its start, its end included, as with counts. None: none, or several."""
    found = {job.job_id: job for job in jobs if job.from_us < at_us and (job.until_us is None or at_us <= job.until_us)}
    return next(iter(found.values())) if len(found) == 1 else None


def boards_of(panel: str, per_cycle_e6: int, first_board: str = "") -> list[str] | Unplaced:
    """Serials of a panel's boards by position, from 1; a panel of one piece is that piece."""
    pieces, rest = divmod(per_cycle_e6, PIECE_E6)
    if rest or not 0 < pieces <= PANEL_MAX:
        return Unplaced.no_panel
    if pieces == 1:
        return []
    return numbered(first_board, pieces) if first_board else [f"{panel}-{place}" for place in range(1, pieces + 1)]


def numbered(first: str, count: int) -> list[str] | Unplaced:
    """Serials that count on from the first in its last digits, of which there are always as many."""
    found = _NUMBER.search(first)
    if found is None:
        return Unplaced.no_numbers
    stem, digits = first[: found.start()], found[0]
    last = int(digits) + count - 1
    if len(str(last)) > len(digits):
        return Unplaced.no_numbers
    return [f"{stem}{number:0{len(digits)}}" for number in range(int(digits), last + 1)]


def names_in(readings: Iterable[Reading], stations: dict[int, Station]) -> set[str]:
    """Ids of every lot that may have to be known."""
    names = set()
    for reading in readings:
        names.add(reading.serial)
        if reading.role is Role.new_panel:
            job = job_then(stations[reading.equipment_pk].jobs, reading.at_us)
            boards = boards_of(reading.serial, job.per_cycle_e6, reading.first_board) if job else []
            names.update(boards if isinstance(boards, list) else ())
    return names


@dataclass(slots=True)
class Told:
    """What readings add, and those that could not be placed, by request id."""

    lots: list[NewLot] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    unplaced: dict[str, Unplaced] = field(default_factory=dict)

    @property
    def recording(self) -> Recording:
        return Recording(self.lots, self.acts, self.links)


def fold_readings(readings: Sequence[Reading], before: Before) -> Told:
    """What readings say, in the order of their time. One that was told before, or that repeats what its scanner read
    last, says nothing new. One that is older than its station's last is a pass without a place in the sequence."""
    told, seen = Told(), set(before.done)
    new: set[str] = set()
    for reading in sorted(readings, key=lambda one: one.at_us):
        station = before.stations[reading.equipment_pk]
        if reading.request_id in seen or (reading.serial in station.last and reading.at_us >= station.at_us):
            continue
        seen.add(reading.request_id)
        job = job_then(station.jobs, reading.at_us)
        why = _unplaced(reading, before, station, job, new)
        if why is not None:
            told.unplaced[reading.request_id] = why
            continue
        if reading.serial not in before.lots and reading.serial not in new:
            assert job is not None
            new.update(_make(told, reading, station.equipment_id, job))
        _pass(told, reading, station, job)
    return told


def _unplaced(
    reading: Reading, before: Before, station: Station, job: JobThen | None, new: Collection[str]
) -> Unplaced | None:
    lot = before.lots.get(reading.serial)
    if lot is not None and lot.kind != LotKind.unit:
        return Unplaced.not_a_unit
    if lot is not None or reading.serial in new:
        return Unplaced.into_itself if lot is not None and lot.pk in station.mounted else None
    if reading.role is Role.unit:
        return Unplaced.unknown
    if job is None:
        return Unplaced.no_job
    if reading.role is Role.new_unit:
        return None
    boards = boards_of(reading.serial, job.per_cycle_e6, reading.first_board)
    if isinstance(boards, Unplaced):
        return boards
    return (
        Unplaced.taken
        if any(board in before.lots or board in new or board == reading.serial for board in boards)
        else None
    )


def _make(told: Told, reading: Reading, equipment_id: str, job: JobThen) -> Iterator[str]:
    """The new unit; of a panel its boards, too: each is a part of it."""
    boards = boards_of(reading.serial, job.per_cycle_e6, reading.first_board)
    if reading.role is not Role.new_panel or isinstance(boards, Unplaced):
        boards = []
    pieces = len(boards) or 1
    told.lots.append(NewLot(reading.serial, job.material_id, pieces * PIECE_E6, LotKind.unit, job.job_id))
    yield reading.serial
    for board in boards:
        told.lots.append(NewLot(board, job.material_id, PIECE_E6, LotKind.unit, job.job_id))
        told.links.append(Link(len(told.acts), reading.serial, board, PIECE_E6, LinkKind.split))
        told.acts.append(Act(ActKind.split, board, reading.at_us, equipment_id, job_id=job.job_id))
        yield board


def _pass(told: Told, reading: Reading, station: Station, job: JobThen | None) -> None:
    late = reading.at_us < station.at_us
    if not late:
        station.seq, station.at_us, station.last = station.seq + 1, reading.at_us, frozenset({reading.serial})
    told.acts.append(
        Act(
            ActKind.passed,
            reading.serial,
            reading.at_us,
            station.equipment_id,
            None if late else station.seq,
            job.job_id if job else "",
            None,
            reading.request_id,
            LATE if late else None,
        )
    )
