"""Removing archived events: what is whole in an archive, needed by nobody, and stands elsewhere in the plant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mes.access.audit.files import PartUnreadable, check_part, read_part
from mes.exchange.archive.errors import ArchiveDiffers, ArchiveLeavesGap, EventsStillNeeded
from mes.exchange.archive.queries import last_follower
from mes.exchange.archive.rules import first_difference, runs_removed
from mes.exchange.archive.types import AT_ONCE, KEEP_DAYS, REMOVED_TYPES, Linked, Removed
from mes.kernel.chain import EVENTS_REMOVED
from mes.kernel.db import Database
from mes.kernel.outbox import ARCHIVED, archived_to, head_seq, list_links, move_cursor
from mes.kernel.uow import UnitOfWork, marks

_KEEP_US: Final = KEEP_DAYS * 24 * 3_600 * 1_000_000
_TYPES: Final = tuple(sorted(REMOVED_TYPES))
_DELETE: Final = f"DELETE FROM outbox_event WHERE seq > ? AND seq <= ? AND type IN ({marks(_TYPES)})"  # noqa: S608
_KEEP_RUN: Final = "INSERT INTO outbox_removed (first_seq, last_seq, chain_sha256) VALUES (?, ?, ?)"


def remove_archived(
    database: Database, archive: Path, *, at_once: int = AT_ONCE, tell: Callable[[int], None] | None = None
) -> Removed:
    """Remove what an archive holds and nobody needs, so many events a transaction; killed, the next call goes on.

    The archive is read whole before anything goes. PartUnreadable, `archive-differs`, `archive-leaves-gap`,
    `events-still-needed`.
    """
    check = check_part(archive)
    if check.faults:
        raise PartUnreadable(f"{archive}: it was changed, or a part is missing, at event {check.faults[0].seq}")
    digest, count = _digest(archive), 0
    for rows in read_part(archive, at_once=at_once):
        count += database.write_now(remove_events, actor=None, rows=rows, archive_sha256=digest)
        if tell is not None:
            tell(count)
    return Removed(count, database.read_now(archived_to).seq)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_events(uow: UnitOfWork, *, rows: Sequence[Linked], archive_sha256: str) -> int:
    """Remove those of `REMOVED_TYPES` among some archived events; says how many. What went before is passed over.

    The newest event of the plant stays, whatever it is: the next takes its number and its link from it.
    `archive-differs`, `archive-leaves-gap`, `events-still-needed`.
    """
    begun = archived_to(uow).seq
    head = head_seq(uow.session)
    rows = [found for found in rows if begun < found[0][0] < head]
    if not rows:
        return 0
    if rows[0][0][0] != begun + 1:
        raise ArchiveLeavesGap(f"Up to event {begun} all are archived; this goes on with {rows[0][0][0]}.")
    last = int(rows[-1][0][0])
    _refuse_needed(uow, rows)
    if seq := first_difference(rows, list_links(uow, after=begun, limit=len(rows))):
        raise ArchiveDiffers(f"Event {seq} is another in the plant, or not there.")
    runs = runs_removed(rows)
    removed = uow.driver_execute(_DELETE, (begun, last, *_TYPES))
    uow.driver_executemany(_KEEP_RUN, [(run.first, run.last, run.link) for run in runs])
    move_cursor(uow, consumer=ARCHIVED, seq=last)
    uow.emit(
        EVENTS_REMOVED,
        topics=(),
        subject="audit-chain",
        payload={"first": begun + 1, "last": last, "removed": removed, "archive_sha256": archive_sha256},
    )
    return removed


def _refuse_needed(uow: UnitOfWork, rows: Sequence[Linked]) -> None:
    last = int(rows[-1][0][0])
    if any(row[9] > uow.now_us - _KEEP_US for row, _ in rows):
        raise EventsStillNeeded(f"Some up to event {last} are of the last {KEEP_DAYS} days.")
    follower = last_follower(uow.session)
    if follower is not None and follower.seq < last:
        raise EventsStillNeeded(f"The {follower.name} has looked at events up to {follower.seq} only, of {last}.")
