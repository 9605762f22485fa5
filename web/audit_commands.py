"""The audit trail at a prompt: does the chain hold, and a file of it for an auditor."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mes.access.audit.files import PartUnreadable, archive_audit, check_part, export_audit
from mes.access.audit.queries import first_event, verify_chain
from mes.access.audit.types import ExportFormat, Verdict
from mes.exchange.archive.service import remove_archived
from mes.exchange.archive.types import KEEP_DAYS
from mes.kernel.chain import BEGINNING, Anchor, ChainCheck, Fault, FaultKind
from mes.kernel.db import Database
from web.commands import NotDone, instant, plant_of, say

SENTENCES = {
    FaultKind.changed: "event {seq} is not what was recorded after event {before}: it was changed, or that one was, "
    "together with its link",
    FaultKind.removed: "events {seq} to {until} are missing: they were removed",
    FaultKind.added: "event {seq} stands where no event can be: it was added",
    FaultKind.unlinked: "event {seq} has no link: it was added, or its link was taken away",
    FaultKind.another: "event {seq} has another link than the one that was noted: the record was written anew",
    FaultKind.untold: "of events {seq} to {until} more are said to be in archives than any removal tells of",
}


def audit_verify(options: argparse.Namespace) -> int:
    """1 where anything is not as it was recorded; 2 where nothing is chained, so that nothing can be told."""
    noted = dict(_noted(text) for text in options.noted)
    parts = [_part(path) for path in options.part]
    broken = any(check.faults for check in parts)
    noted.update({check.head.seq: check.head.link for check in parts if check.head.link})
    with plant_of(options) as database:
        after = _after(database, parts)
        verdict = verify_chain(database, after=after, noted=noted, tell=_progress)
    _tell(verdict)
    if broken or not verdict.is_whole:
        return 1
    return 0 if verdict.begun_at else 2


def _part(path: Path) -> ChainCheck:
    try:
        check = check_part(path)
    except (PartUnreadable, OSError) as error:
        raise NotDone(str(error)) from error
    for fault in check.faults:
        say(f"{path}: {_sentence(fault)}")
    if not check.faults:
        say(f"{path}: {check.count} events up to {check.head.seq}, whole")
    return check


def _after(database: Database, parts: list[ChainCheck]) -> Anchor:
    """Where the plant's events go on from, when the first of them are in a part only."""
    first = database.read_now(first_event)
    return next((check.head for check in parts if check.head.seq == first - 1), BEGINNING) if first > 1 else BEGINNING


def _noted(text: str) -> tuple[int, bytes]:
    seq, _, link = text.partition(":")
    try:
        return int(seq), bytes.fromhex(link)
    except ValueError as error:
        raise NotDone(f"{text[:80]!r} is no SEQ:LINK as `lineside audit verify` prints it") from error


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        sys.stderr.write(f"lineside: {count} events\n")


def _tell(verdict: Verdict) -> None:
    for fault in verdict.faults:
        say(_sentence(fault))
    if verdict.more:
        say(f"and {verdict.more} more")
    for origin in verdict.origins_changed:
        say(f"the origin {origin} was changed: from where its acts came cannot be told")
    for seq in verdict.origins_missing:
        say(f"event {seq} names an origin that is not there: it was removed")
    if not verdict.begun_at:
        say(f"{verdict.count} events, none of them chained: `lineside plant chain`, or LINESIDE_CHAINED_AUDIT=true")
    elif verdict.is_whole:
        say(f"{verdict.count} events, chained from {verdict.begun_at} on, whole")
        if verdict.removed:
            say(f"{verdict.removed} more are in archives alone: check those with --part")
        say(f"Keep this elsewhere, and check against it with --noted: {verdict.head.seq}:{verdict.head.link.hex()}")


def _sentence(fault: Fault) -> str:
    return SENTENCES[fault.kind].format(seq=fault.seq, until=fault.until, before=fault.seq - 1)


def events_archive(options: argparse.Namespace) -> None:
    """The next events into a file that has its name only when it is whole on the disk."""
    until = instant(options.until)
    target: Path = options.target
    if target.exists():
        raise NotDone(f"{target} is there already")
    part = target.with_name(target.name + ".part")
    with plant_of(options) as database, part.open("wb") as file:
        made = archive_audit(database, file, until=until or datetime.now(UTC) - timedelta(days=KEEP_DAYS))
        file.flush()
        os.fsync(file.fileno())
    if faults := check_part(part).faults:
        raise NotDone(f"{part}: {_sentence(faults[0])}")
    part.replace(target)
    say(f"{target}: {made.count} events, {made.after.seq + 1} to {made.head.seq}")


def events_remove(options: argparse.Namespace) -> None:
    try:
        with plant_of(options) as database:
            removed = remove_archived(database, options.archive, tell=_progress)
    except (PartUnreadable, OSError) as error:
        raise NotDone(str(error)) from error
    say(f"{removed.count} events removed; up to {removed.archived_to} they are whole in archives alone")


def audit_export(options: argparse.Namespace) -> None:
    since, until = instant(options.since), instant(options.until)
    target: Path = options.target
    if target.exists():
        raise NotDone(f"{target} is there already")
    with plant_of(options) as database, target.open("wb") as file:
        made = export_audit(database, file, format=ExportFormat(options.format), since=since, until=until)
    say(f"{target}: {made.count} events, {made.after.seq + 1} to {made.head.seq}")
