"""What truly happened: an append-only file of JSON lines, synced to disk before anybody can see what it tells of.

Kinds of entries: `open` (the factory was opened; machines restarted), `count` (equipment, counter, n, mode, job or
null), `job` (a target's report), `command`, `state` and `mode` (with the true cause), `restart`, `remote`, `alarm`,
`reel`; of single pieces `marked` (a panel and its boards), `fed` (a lot in a slot went, perhaps only by a part, into a
panel), `verdict`, `may-i` (what the tester was answered).
Every entry has `sim_us` (simulated microseconds since this opening) and `wall_us` (Unix microseconds).
Only the standard library is used, so that a test can read it without the product.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from .catalog import COUNTING_POINTS, GOOD, PIECES_PER_COUNT

JobCounter = tuple[str, str, str]
"""Job id, equipment id, counter name."""
Counter = tuple[str, str]
"""Equipment id, counter name."""


class Ledger:
    """The writing side. Opening repairs a torn last line: what was not wholly written was never visible."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+", buffering=0)
        self.repaired_bytes = self._repair()

    def _repair(self) -> int:
        size = self._file.seek(0, os.SEEK_END)
        keep = _whole_lines(self._file, size)
        if keep < size:
            self._file.truncate(keep)
            self._file.seek(0, os.SEEK_END)
            os.fsync(self._file.fileno())
        return size - keep

    def append(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Write the entries and sync: when this returns they survive anything. OSError if the disk refuses."""
        data = b"".join(json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in entries)
        if data:
            _write_all(self._file.fileno(), data)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _whole_lines(file: IO[bytes], size: int) -> int:
    """Length of the file up to and including its last line end."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def read_entries(path: Path) -> Iterator[dict[str, Any]]:
    """All whole entries, oldest first; a line still being written is left out. Nothing if there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


@dataclass(frozen=True)
class Totals:
    """Counts in the machine's own units (see `PIECES_PER_COUNT`), never wrapped."""

    jobs: dict[JobCounter, int] = field(default_factory=dict)
    unassigned: dict[Counter, int] = field(default_factory=dict)
    """Set-up pieces, dry cycles and whatever else belongs to no job."""


@dataclass(frozen=True)
class Pieces:
    """What truly happened to single pieces."""

    boards: dict[str, list[str]] = field(default_factory=dict)
    """Of each panel that was marked, in order."""
    fed: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    """Lots that went into a panel, by serial, equipment and slot; two where one was spliced to the other."""
    verdicts: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Serial, PASS or FAIL, defect code, position."""


@dataclass(frozen=True)
class Made:
    """Pieces of one job at the counting point of its target."""

    good: int = 0
    scrap: int = 0


def read_totals(path: Path) -> Totals:
    """Sum every count of a ledger."""
    totals = Totals()
    for entry in read_entries(path):
        if entry["kind"] != "count":
            continue
        if entry["job"] is None:
            _add(totals.unassigned, (entry["equipment"], entry["counter"]), entry["n"])
        else:
            _add(totals.jobs, (entry["job"], entry["equipment"], entry["counter"]), entry["n"])
    return totals


def read_job_totals(path: Path) -> dict[str, Made]:
    """Good pieces and scrapped pieces of each job, counted where its target counts."""
    made: dict[str, Made] = {}
    points = set(COUNTING_POINTS.values())
    for (job, equipment, counter), n in read_totals(path).jobs.items():
        if equipment in points:
            before, pieces = made.get(job, Made()), n * PIECES_PER_COUNT[equipment]
            good, scrap = (pieces, 0) if counter == GOOD else (0, pieces)
            made[job] = Made(before.good + good, before.scrap + scrap)
    return made


def read_pieces(entries: Iterable[Mapping[str, Any]]) -> Pieces:
    """Panels, reels and verdicts of a ledger."""
    pieces = Pieces()
    for entry in entries:
        match entry["kind"]:
            case "marked":
                pieces.boards[entry["serial"]] = list(entry["boards"])
            case "fed":
                key = (entry["serial"], entry["equipment"], entry["slot"])
                pieces.fed.setdefault(key, set()).add(entry["lot"])
            case "verdict":
                pieces.verdicts.append((entry["serial"], entry["verdict"], entry["code"], entry["position"]))
    return pieces


def _add(sums: dict[Any, int], key: Any, n: int) -> None:
    sums[key] = sums.get(key, 0) + n
