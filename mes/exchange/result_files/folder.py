"""A watched folder. A file is taken when it no longer grows; then it lies in `done/`, or in `refused/` with a report.

It is first moved to `taking/`, so that a tester which writes every result under one name never overwrites one that is
being read. Whatever is killed when, each result is recorded once: results have keys, and a file is put away only after
its results are committed. Killed in between, it is taken again, and its results are known.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mes.exchange.result_files.reading import Line, RefusedLine, Unreadable, read_results
from mes.kernel.crash import crash_point
from mes.quality.types import RESULTS_MAX, Recorded, ResultSpec

FILE_MAX: Final = 16 * 1024 * 1024
"""Bytes of one file."""
FILES_A_LOOK: Final = 1_000
ENDINGS: Final = (".csv", ".json", ".xlsx")
TAKING, DONE, REFUSED = "taking", "done", "refused"
Take = Callable[[Sequence[ResultSpec]], Recorded]
TakeNamed = Callable[[str, bytes], "FileReport | None"]
_Seen = tuple[int, int, int]
"""Of a file: inode, size, time of its last change."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file."""

    name: str
    recorded: int = 0
    known: int = 0
    refused: tuple[RefusedLine, ...] = ()
    unreadable: str = ""
    moved_to: str = ""

    @property
    def is_done(self) -> bool:
        return not (self.refused or self.unreadable)

    def document(self) -> dict[str, Any]:
        return {
            "file": self.name,
            "recorded": self.recorded,
            "known": self.known,
            "unreadable": self.unreadable,
            "refused": [one._asdict() for one in self.refused],
        }


@dataclass(slots=True)
class ResultFolder:
    """`take` records up to `RESULTS_MAX` results in one transaction; what it raises leaves the file where it is.

    `take_named` is asked first: files whose name says that they are no results.
    """

    path: Path
    take: Take
    source: str
    take_named: TakeNamed = lambda name, data: None
    _seen: set[_Seen] = field(default_factory=set)

    def look(self) -> list[FileReport]:
        """Take every file that is as it was at the last look; nothing is taken at the first."""
        present = {Path(entry.path): _state(entry) for entry in self._files()}
        still = sorted(path for path, state in present.items() if state in self._seen)
        self._seen = set(present.values())
        claimed = [(self._claim(path), present[path]) for path in still]
        reports = [self._take(path, seen) for path, seen in claimed if path is not None]
        return [report for report in reports if report is not None]

    def _files(self) -> Iterator[os.DirEntry[str]]:
        """Regular files with a known ending, the first so many; hidden ones and links are left alone."""
        found = 0
        for folder in (self.path / TAKING, self.path):
            if not folder.is_dir():
                continue
            with os.scandir(folder) as entries:
                for entry in entries:
                    if found < FILES_A_LOOK and _is_result_file(entry):
                        found += 1
                        yield entry

    def _claim(self, path: Path) -> Path | None:
        """Out of the way of whoever writes the next one under its name; None where one of that name is in hand."""
        if path.parent.name == TAKING:
            return path
        target = self.path / TAKING / path.name
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            return None
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return None
        return target

    def _take(self, path: Path, seen: _Seen) -> FileReport | None:
        data = _read(path, seen)
        if data is None:
            return None
        report = self._record(path.name, data)
        crash_point("result-file-recorded")
        return self._put_away(path, report, hashlib.sha256(data).hexdigest()[:8])

    def _record(self, name: str, data: bytes) -> FileReport:
        if len(data) > FILE_MAX:
            return FileReport(name, unreadable=f"it has more than {FILE_MAX} bytes")
        if (report := self.take_named(name, data)) is not None:
            return report
        try:
            reading = read_results(data, filename=name, source=self.source)
        except Unreadable as unreadable:
            return FileReport(name, unreadable=str(unreadable))
        recorded = known = 0
        refused = list(reading.refused)
        for first in range(0, len(reading.lines), RESULTS_MAX):
            lines = reading.lines[first : first + RESULTS_MAX]
            done = self.take([line.result for line in lines])
            recorded, known = recorded + done.recorded, known + done.known
            refused += _refused(lines, done)
        return FileReport(name, recorded, known, tuple(sorted(refused)))

    def _put_away(self, path: Path, report: FileReport, mark: str) -> FileReport:
        """Report first, then the file: a file in `refused/` always has its report. No file there is overwritten."""
        folder = self.path / (DONE if report.is_done else REFUSED)
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        if target.exists():
            target = folder / f"{path.stem}.{mark}{path.suffix}"
        if not report.is_done:
            _write(target.with_name(f"{target.name}.report.json"), report.document())
        os.replace(path, target)
        return FileReport(
            report.name, report.recorded, report.known, report.refused, report.unreadable, str(target.parent.name)
        )


def _is_result_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(ENDINGS) and entry.name[0] != "." and entry.is_file(follow_symlinks=False)


def _state(entry: os.DirEntry[str]) -> _Seen:
    found = entry.stat(follow_symlinks=False)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path, seen: _Seen) -> bytes | None:
    """The file, and no more than one byte too many of it; None where it is gone, is another now, or still grows."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            return None
        data = file.read(FILE_MAX + 1)
        after = os.fstat(handle)
    same = all((s.st_ino, s.st_size, s.st_mtime_ns) == seen for s in (before, after))
    return data if same else None


def _refused(lines: Sequence[Line], done: Recorded) -> list[RefusedLine]:
    return [RefusedLine(lines[one.row].number, one.code, one.detail) for one in done.refused]


def _write(path: Path, document: dict[str, Any]) -> None:
    half = path.with_name(f".{path.name}.tmp")
    half.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(half, path)
