"""The outbox: what happened, in commit order, for everyone who follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy import Connection, func, insert, select
from sqlmodel import Session
from uuid_utils import uuid7

from mes.kernel.chain import Anchor, RemovedRun, link
from mes.kernel.glance import ReadsRows
from mes.kernel.origins import INSERT, OriginBook
from mes.kernel.pending import ask, postpone, write_many
from mes.kernel.tables import ConsumerCursor, OutboxEvent
from mes.kernel.uow import EmittedEvent, UnitOfWork, marks

SUBJECTS_MAX: Final = 10_000
"""In one statement."""
_TABLE: Final = OutboxEvent.__table__  # type: ignore[attr-defined]
_COLUMNS: Final = (
    "seq",
    "event_id",
    "type",
    "topics",
    "subject",
    "payload",
    "actor",
    "correlation_id",
    "occurred_at_us",
    "recorded_at_us",
    "origin_id",
    "changes",
    "chain_sha256",
)
_INSERT: Final = f"INSERT INTO outbox_event ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_HEAD: Final = "SELECT seq, chain_sha256 FROM outbox_event ORDER BY seq DESC LIMIT 1"
_HEAD_UNCHAINED: Final = (
    "SELECT CASE WHEN h.chain_sha256 IS NULL THEN coalesce(h.seq, 0) END "  # noqa: S608
    f"FROM (SELECT 1) one LEFT JOIN LATERAL ({_HEAD}) h ON true"
)
"""NULL, which no event takes for its number, where the newest has a link (`is_chain_ahead`)."""
_INSERT_NEXT: Final = (
    f"INSERT INTO outbox_event ({', '.join(_COLUMNS[:-1])}) "  # noqa: S608
    f"SELECT ({_HEAD_UNCHAINED}) + {', '.join(f'v.{name}' for name in _COLUMNS[:-1])} "
    "FROM json_to_recordset(?) AS v(seq bigint, event_id text, type text, topics text, subject text, payload text, "
    "actor bigint, correlation_id text, occurred_at_us bigint, recorded_at_us bigint, "
    "origin_id text, changes text)"
)
"""PostgreSQL: rows numbered from 1, put after the newest event."""


ARCHIVED: Final = "archived"
"""The cursor up to which events were archived and may be removed."""


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    event_id: str
    type: str
    topics: tuple[str, ...]
    subject: str
    payload: dict[str, Any]
    actor: int | None
    correlation_id: str
    occurred_at_us: int
    recorded_at_us: int


def append_events(
    connection: Connection, events: Sequence[EmittedEvent], *, origins: OriginBook, chained: bool = False
) -> None:
    """Kernel only, last act before a commit: number the events and write them.

    A chain that was begun is gone on with, whoever writes and since when. On PostgreSQL, unless `chained`, events are
    written without a look, and refused where the newest has a link: `is_chain_ahead`.
    """
    for origin in origins.record([event.origin for event in events], events[0].recorded_at_us):
        postpone(connection, INSERT, origin)
    if connection.dialect.name == "postgresql" and not chained:
        rows = [
            dict(zip(_COLUMNS, _row(seq, event, origins), strict=False)) for seq, event in enumerate(events, start=1)
        ]
        postpone(connection, _INSERT_NEXT, (orjson.dumps(rows).decode(),))
        return
    head, previous = next(iter(ask(connection, [(_HEAD, ())])[0]), (0, None))
    linked = []
    for seq, event in enumerate(events, start=head + 1):
        row = _row(seq, event, origins)
        if chained or previous is not None:
            previous = link(bytes(previous or b""), row)
        linked.append((*row, previous))
    write_many(connection, _INSERT, linked)


def is_chain_ahead(error: psycopg.Error) -> bool:
    """PostgreSQL: whether events were refused because the newest has a link, and theirs would have none."""
    refused = isinstance(error, psycopg.errors.NotNullViolation)
    return refused and (error.diag.table_name, error.diag.column_name) == ("outbox_event", "seq")


def _row(seq: int, event: EmittedEvent, origins: OriginBook) -> tuple[Any, ...]:
    return (
        seq,
        str(uuid7()),
        event.type,
        " ".join(event.topics),
        event.subject,
        orjson.dumps(event.payload).decode(),
        event.actor,
        event.correlation_id,
        event.occurred_at_us,
        event.recorded_at_us,
        origins.id_of(event.origin),
        event.changes,
    )


def head_seq(session: Session) -> int:
    """Sequence of the newest event; 0 before the first."""
    return session.execute(select(func.max(_TABLE.c.seq))).scalar() or 0


def list_events(session: Session, *, after: int, limit: int = 1_000) -> tuple[Event, ...]:
    """Events after a sequence, in commit order. None is ever skipped: `seq` is commit order on both databases."""
    statement = select(_TABLE).where(_TABLE.c.seq > after).order_by(_TABLE.c.seq).limit(limit)
    return tuple(_event(row) for row in session.execute(statement))


_CHANGES: Final = "SELECT seq, topics, type FROM outbox_event WHERE seq > ? ORDER BY seq LIMIT ?"


def list_changes(reads: ReadsRows, *, after: int, limit: int = 1_000) -> list[tuple[int, str, str]]:
    """What a follower must look at again: sequence, topics (space-separated) and type of the events after a sequence,
    in commit order."""
    return reads.driver_query(_CHANGES, (after, limit))


def list_subject_events(
    session: Session, *, subjects: Sequence[str], without: Sequence[str] = (), of_type: str = "", limit: int = 500
) -> tuple[Event, ...]:
    """The newest events about some subjects, newest first; `without` some types, or `of_type` alone."""
    types = _TABLE.c.type == of_type if of_type else _TABLE.c.type.not_in(without)
    wanted = (_TABLE.c.subject.in_(subjects), types)
    statement = select(_TABLE).where(*wanted).order_by(_TABLE.c.seq.desc()).limit(limit)
    return tuple(_event(row) for row in session.execute(statement))


def newest_payloads(reads: ReadsRows, *, of_type: str, subjects: Collection[str]) -> dict[str, Any]:
    """What the newest event of a type says of each of many subjects; those that have none are absent."""
    newest: dict[str, tuple[int, str]] = {}
    asked = list(subjects)
    for start in range(0, len(asked), SUBJECTS_MAX):
        some = asked[start : start + SUBJECTS_MAX]
        sql = f"SELECT subject, seq, payload FROM outbox_event WHERE type = ? AND subject IN ({marks(some)})"  # noqa: S608
        for subject, seq, payload in reads.driver_query(sql, (of_type, *some)):
            newest[subject] = max(newest.get(subject, (0, "")), (seq, payload))
    return {subject: orjson.loads(payload) for subject, (_, payload) in newest.items()}


def _event(row: Any) -> Event:
    return Event(
        row.seq,
        row.event_id,
        row.type,
        tuple(row.topics.split()),
        row.subject,
        orjson.loads(row.payload),
        row.actor,
        row.correlation_id,
        row.occurred_at_us,
        row.recorded_at_us,
    )


_LINKS: Final = f"SELECT {', '.join(_COLUMNS)} FROM outbox_event WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608


def list_links(session: ReadsRows, *, after: int, limit: int) -> list[tuple[Sequence[Any], bytes | None]]:
    """Events after a sequence as the chain sees them: the row as it is hashed, and its link."""
    rows = session.driver_query(_LINKS, (after, limit))
    return [(tuple(row[:-1]), None if row[-1] is None else bytes(row[-1])) for row in rows]


def list_removed(session: ReadsRows, *, after: int, before: int) -> list[RemovedRun]:
    """Runs of removed events that end between two sequences, in their order."""
    asked = (
        "SELECT first_seq, last_seq, chain_sha256 FROM outbox_removed WHERE last_seq > ? AND last_seq < ? ORDER BY 2"
    )
    return [
        RemovedRun(row[0], row[1], None if row[2] is None else bytes(row[2]))
        for row in session.driver_query(asked, (after, before))
    ]


def archived_to(session: ReadsRows) -> Anchor:
    """The last event up to which the outbox is not whole any more, with its link; seq 0: it is whole."""
    found = session.driver_query(
        "SELECT c.seq, coalesce(e.chain_sha256, r.chain_sha256) FROM consumer_cursor c "
        "LEFT JOIN outbox_event e ON e.seq = c.seq LEFT JOIN outbox_removed r ON r.last_seq = c.seq "
        "WHERE c.consumer = ?",
        (ARCHIVED,),
    )
    return Anchor(found[0][0], bytes(found[0][1] or b"")) if found else Anchor()


def seq_at(session: ReadsRows, *, at_us: int) -> int:
    """The last sequence before an instant: 0 where there is none. Clocks that were set back make it approximate."""
    low, high = 0, int(session.driver_query("SELECT coalesce(max(seq), 0) FROM outbox_event")[0][0])
    while low < high:
        middle = (low + high + 1) // 2
        found = session.driver_query(
            "SELECT recorded_at_us FROM outbox_event WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
        )
        if found and found[0][0] < at_us:
            low = middle
        else:
            high = middle - 1
    return low


def read_cursor(session: Session, *, consumer: str) -> int:
    """How far a consumer has read; 0 if it never did."""
    found = session.get(ConsumerCursor, consumer)
    return found.seq if found else 0


def move_cursor(uow: UnitOfWork, *, consumer: str, seq: int) -> None:
    """Remember how far a consumer has read, in the transaction of what it did with it."""
    table = ConsumerCursor.__table__  # type: ignore[attr-defined]
    present = uow.execute(select(table.c.seq).where(table.c.consumer == consumer)).scalar()
    if present is None:
        uow.execute(insert(table).values(consumer=consumer, seq=seq))
    else:
        uow.execute(table.update().where(table.c.consumer == consumer).values(seq=seq))
