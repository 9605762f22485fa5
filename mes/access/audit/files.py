"""The audit trail as a file for an auditor, and a check of such a file: with the chain's links, in bounded memory.

JSON lines: a header, an event a line, an end. CSV: the same columns for people; it is not what links are checked on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson
from sqlalchemy import select
from sqlmodel import Session

from mes.access.audit.queries import period_of
from mes.access.audit.types import ExportFormat
from mes.access.tables import Principal
from mes.kernel.chain import FIELDS, Anchor, ChainCheck
from mes.kernel.db import Database, ReadSession
from mes.kernel.outbox import archived_to, list_links, seq_at
from mes.kernel.sqltypes import to_us
from mes.kernel.tables import ActOrigin
from mes.kernel.texts import csv_cell

FORMAT: Final = "lineside-audit-1"
_AT_ONCE: Final = 2_000
_LINE_MAX: Final = 4 * 1024 * 1024
_WHERE: Final = ("principal_id", "credential", "place", "address")
_ORIGIN: Final = ActOrigin.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]


class PartUnreadable(ValueError):
    """The file is not an export of the audit trail; the text says where it stops being one."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How many events, and the chain before them and at their end."""

    count: int
    after: Anchor
    head: Anchor


def export_audit(
    database: Database,
    target: IO[bytes],
    *,
    format: ExportFormat,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Exported:
    """The events recorded in a half-open period, in their order, into an open file."""
    after, last = database.read_now(period_of, since=since, until=until)
    sink = _Lines(target) if format is ExportFormat.jsonl else _Cells(target)
    period = [None if at is None else at.isoformat() for at in (since, until)]
    return _told(database, sink, {"period": period}, after, last, _some)


def archive_audit(database: Database, target: IO[bytes], *, until: datetime) -> Exported:
    """Events recorded before an instant that were not archived and removed yet, as an export, but of nobody's name or
    address: what a plant forgets of people an archive must not know.
    """
    after, last = database.read_now(_not_archived, until=until)
    return _told(database, _Lines(target), {"until": until.isoformat()}, after, last, _nameless)


def _not_archived(session: ReadSession, *, until: datetime) -> tuple[Anchor, int]:
    return archived_to(session), seq_at(session, at_us=to_us(until))


def _told(
    database: Database,
    sink: _Lines | _Cells,
    header: Mapping[str, Any],
    after: Anchor,
    last: int,
    some: Callable[..., list[Row]],
) -> Exported:
    sink.begin({"format": FORMAT, "plant": database.plant_id, **header, "after": _noted(after)})
    head, count = after, 0
    while rows := database.read_now(some, after=head.seq, until=last):
        for row, link, where in rows:
            sink.event(row, link, where)
        count += len(rows)
        head = Anchor(int(rows[-1][0][0]), rows[-1][1] or b"")
    sink.end({"head": _noted(head), "count": count})
    return Exported(count, after, head)


def _noted(anchor: Anchor) -> dict[str, Any]:
    return {"seq": anchor.seq, "link": anchor.link.hex()}


Row = tuple[Sequence[Any], bytes | None, dict[str, Any]]


def _some(session: Any, *, after: int, until: int) -> list[Row]:
    """The next events up to one, with who and from where in words."""
    rows = [found for found in list_links(session, after=after, limit=_AT_ONCE) if found[0][0] <= until]
    actors = _by_key(session, _PRINCIPAL.c.pk, _PRINCIPAL.c.id, {row[6] for row, _ in rows})
    origins = _by_key(session, _ORIGIN.c.id, _ORIGIN, {row[10] for row, _ in rows})
    return [(row, link, _where(actors.get(row[6]), origins.get(row[10]))) for row, link in rows]


def _nameless(session: ReadSession, *, after: int, until: int) -> list[Row]:
    return [(row, link, {}) for row, link in list_links(session, after=after, limit=_AT_ONCE) if row[0] <= until]


def _by_key(session: Session, key: Any, what: Any, wanted: set[Any]) -> dict[Any, Any]:
    found = session.execute(select(key.label("its_key"), what).where(key.in_(wanted - {None})))
    return {row.its_key: row for row in found}


def _where(actor: Any, origin: Any) -> dict[str, Any]:
    told = {"principal_id": None if actor is None else actor.id}
    return told | {name: None if origin is None else getattr(origin, name) for name in _WHERE[1:]}


class _Lines:
    def __init__(self, target: IO[bytes]) -> None:
        self._target = target

    def begin(self, header: Mapping[str, Any]) -> None:
        self._write({**header, "fields": FIELDS})

    def event(self, row: Sequence[Any], link: bytes | None, where: Mapping[str, Any]) -> None:
        self._write({"row": row, "link": None if link is None else link.hex(), **where})

    def end(self, told: Mapping[str, Any]) -> None:
        self._write(told)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._target.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


class _Cells:
    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._writer = csv.writer(self)

    def write(self, line: str) -> int:
        """What `csv` writes to."""
        return self._target.write(line.encode())

    def begin(self, _header: Mapping[str, Any]) -> None:
        self._writer.writerow((*FIELDS, "link", *_WHERE))

    def event(self, row: Sequence[Any], link: bytes | None, where: Mapping[str, Any]) -> None:
        cells = (*row, None if link is None else link.hex(), *(where[name] for name in _WHERE))
        self._writer.writerow([csv_cell(value) for value in cells])

    def end(self, _told: Mapping[str, Any]) -> None:
        """A table has no end of its own."""


def read_part(path: Path, *, at_once: int) -> Iterator[list[tuple[Sequence[Any], bytes | None]]]:
    """The events of an export as the chain sees them, so many at a time. PartUnreadable."""
    with path.open("rb") as source:
        rows = []
        for line in _read_lines(source, path):
            if "row" in line:
                rows.append(_row_of(line, path))
                if len(rows) == at_once:
                    yield rows
                    rows = []
        if rows:
            yield rows


def check_part(path: Path) -> ChainCheck:
    """Follow the chain through an export, from what its header says comes before. PartUnreadable."""
    with path.open("rb") as source:
        lines = _read_lines(source, path)
        header = next(lines, {})
        if header.get("format") != FORMAT:
            raise PartUnreadable(f"{path} is no export of the audit trail in JSON lines")
        check = ChainCheck(after=_anchor(header, "after", path))
        ended: dict[str, Any] = {}
        for line in lines:
            if "row" in line:
                check.follow([_row_of(line, path)])
            else:
                ended = line
        if "head" not in ended:
            raise PartUnreadable(f"{path} has no end: a part of it is missing")
        check.end(_anchor(ended, "head", path))
        return check


def _read_lines(source: IO[bytes], path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    while line := source.readline(_LINE_MAX):
        number += 1
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise PartUnreadable(f"{path}, line {number}: not JSON") from error
        if not isinstance(found, dict):
            raise PartUnreadable(f"{path}, line {number}: not an event")
        yield found


def _row_of(line: Mapping[str, Any], path: Path) -> tuple[Sequence[Any], bytes | None]:
    row, link = line["row"], line.get("link")
    if not isinstance(row, list) or len(row) != len(FIELDS) or not isinstance(row[0], int):
        raise PartUnreadable(f"{path}: a row without its {len(FIELDS)} fields")
    return row, None if link is None else _bytes_of(link, path)


def _anchor(line: Mapping[str, Any], name: str, path: Path) -> Anchor:
    noted = line.get(name)
    if not isinstance(noted, dict) or not isinstance(noted.get("seq"), int):
        raise PartUnreadable(f"{path}: `{name}` is missing")
    return Anchor(noted["seq"], _bytes_of(noted.get("link"), path))


def _bytes_of(text: Any, path: Path) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError) as error:
        raise PartUnreadable(f"{path}: {str(text)[:80]!r} is no link") from error
