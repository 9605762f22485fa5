"""Reads of the audit trail: acts by who, what and when, and whether the chain holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session

from mes.access.audit.types import LOOK_MAX, SHOWN_DEFAULT, Act, ActFilter, Verdict
from mes.access.errors import PrincipalNotFound
from mes.access.tables import Principal
from mes.kernel.chain import BEGINNING, Anchor, ChainCheck, RemovedRun
from mes.kernel.db import Database, ReadSession
from mes.kernel.errors import EventsArchived
from mes.kernel.origins import Origin, digest_of
from mes.kernel.outbox import archived_to, head_seq, list_links, list_removed, seq_at
from mes.kernel.paging import Page, decode_cursor, encode_cursor
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.tables import ActOrigin, OutboxEvent

_EVENT: Final = OutboxEvent.__table__  # type: ignore[attr-defined]
_ORIGIN: Final = ActOrigin.__table__  # type: ignore[attr-defined]
_PRINCIPAL: Final = Principal.__table__  # type: ignore[attr-defined]
_MINUTE_US: Final = 60_000_000
_LINKS_AT_ONCE: Final = 5_000
_ORIGINS_AT_ONCE: Final = 1_000


def list_acts(
    session: ReadSession, *, wanted: ActFilter, cursor: str | None = None, limit: int = SHOWN_DEFAULT
) -> Page[Act]:
    """Acts, newest first. A page that looked at `LOOK_MAX` events may be empty and still have a cursor.

    `principal-not-found`, `bad-cursor`.
    """
    before = head_seq(session) + 1
    if wanted.until is not None:
        before = min(before, seq_at(session, at_us=to_us(wanted.until) + _MINUTE_US) + 1)
    if cursor is not None:
        before = min(before, decode_cursor(cursor, (int,))[0])
    since = 0 if wanted.since is None else seq_at(session, at_us=to_us(wanted.since) - _MINUTE_US)
    floor = since if wanted.subject is not None else max(since, before - LOOK_MAX - 1)
    statement = (
        select(
            _EVENT,
            _PRINCIPAL.c.id.label("principal_id"),
            _PRINCIPAL.c.display_name,
            *(_ORIGIN.c.credential, _ORIGIN.c.place, _ORIGIN.c.address),
        )
        .select_from(
            _EVENT.outerjoin(_PRINCIPAL, _PRINCIPAL.c.pk == _EVENT.c.actor).outerjoin(
                _ORIGIN, _ORIGIN.c.id == _EVENT.c.origin_id
            )
        )
        .where(_EVENT.c.seq < before, _EVENT.c.seq > floor, *_wishes(session, wanted))
        .order_by(_EVENT.c.seq.desc())
        .limit(limit + 1)
    )
    acts = [_act(row) for row in session.execute(statement)]
    if len(acts) > limit:
        return Page(tuple(acts[:limit]), encode_cursor(acts[limit - 1].seq))
    return Page(tuple(acts), encode_cursor(floor + 1) if floor > since else None)


def _wishes(session: Session, wanted: ActFilter) -> list[ColumnElement[bool]]:
    wishes: list[ColumnElement[bool]] = []
    if wanted.principal_id is not None:
        pk = session.execute(select(_PRINCIPAL.c.pk).where(_PRINCIPAL.c.id == wanted.principal_id)).scalar()
        if pk is None:
            raise PrincipalNotFound(f"There is no principal {wanted.principal_id}.")
        wishes.append(_EVENT.c.actor == pk)
    if wanted.subject is not None:
        wishes.append(_EVENT.c.subject == wanted.subject)
    if wanted.type is not None:
        one = wanted.type.removesuffix("*")
        wishes.append(_EVENT.c.type == one if one == wanted.type else _EVENT.c.type.startswith(one, autoescape=True))
    if wanted.since is not None:
        wishes.append(_EVENT.c.recorded_at_us >= to_us(wanted.since))
    if wanted.until is not None:
        wishes.append(_EVENT.c.recorded_at_us < to_us(wanted.until))
    return wishes


def _act(row: Any) -> Act:
    return Act(
        seq=row.seq,
        event_id=row.event_id,
        type=row.type,
        subject=row.subject,
        recorded_at=from_us(row.recorded_at_us),
        occurred_at=from_us(row.occurred_at_us),
        principal_id=row.principal_id,
        display_name=row.display_name,
        credential=row.credential or "",
        place=row.place or "",
        address=row.address,
        correlation_id=row.correlation_id,
        data=orjson.loads(row.payload),
        changes={} if row.changes is None else orjson.loads(row.changes),
        link=None if row.chain_sha256 is None else bytes(row.chain_sha256),
    )


def period_of(session: ReadSession, *, since: datetime | None, until: datetime | None) -> tuple[Anchor, int]:
    """The event before a period, with its link, and the last one of it: 0 where there is none. `events-archived`."""
    first, begun = 0 if since is None else seq_at(session, at_us=to_us(since)), archived_to(session)
    if first < begun.seq:
        raise EventsArchived(f"Events up to {begun.seq} are in archives.", archived_to=begun.seq)
    last = head_seq(session) if until is None else seq_at(session, at_us=to_us(until))
    before = session.execute(select(_EVENT.c.chain_sha256).where(_EVENT.c.seq == first)).scalar()
    return begun if first == begun.seq else Anchor(first, b"" if before is None else bytes(before)), last


def first_event(session: Session) -> int:
    """The first sequence that is there; 0 where nothing is."""
    return session.execute(select(func.min(_EVENT.c.seq))).scalar() or 0


def verify_chain(
    database: Database,
    *,
    after: Anchor = BEGINNING,
    noted: Mapping[int, bytes] | None = None,
    tell: Callable[[int], None] | None = None,
) -> Verdict:
    """Follow all events after one, a few thousand at a time; `tell` hears how many it has been."""
    check, seq = ChainCheck(after=after, noted=noted or {}), _before_all(after)
    while (found := database.read_now(_links, after=seq))[0]:
        rows, removed = found
        check.follow(rows, removed)
        seq = int(rows[-1][0][0])
        if tell is not None:
            tell(check.count)
    check.end()
    return Verdict(
        count=check.count,
        begun_at=check.begun_at,
        head=check.head,
        faults=tuple(check.faults),
        more=check.more,
        removed=check.removed,
        origins_changed=_changed_origins(database),
        origins_missing=database.read_now(_missing_origins),
    )


def _links(session: ReadSession, *, after: int) -> tuple[list[tuple[Sequence[Any], bytes | None]], list[RemovedRun]]:
    """The next events, and what was removed among them, of one snapshot."""
    rows = list_links(session, after=after, limit=_LINKS_AT_ONCE)
    return rows, list_removed(session, after=max(after, 0), before=rows[-1][0][0]) if rows else []


def _before_all(after: Anchor) -> int:
    """Numbers below 1 were never given: they are looked at, too."""
    return after.seq or -(2**63)


def _changed_origins(database: Database) -> tuple[str, ...]:
    changed: list[str] = []
    last = ""
    while rows := database.read_now(_some_origins, after=last):
        changed += [row.id for row in rows if not _is_as_recorded(row)]
        last = rows[-1].id
    return tuple(changed[:_ORIGINS_AT_ONCE])


def _some_origins(session: Session, *, after: str) -> list[Any]:
    statement = select(_ORIGIN).where(_ORIGIN.c.id > after).order_by(_ORIGIN.c.id).limit(_ORIGINS_AT_ONCE)
    return list(session.execute(statement))


def _is_as_recorded(row: Any) -> bool:
    """One whose address was erased proves nothing any more."""
    if row.salt is None:
        return bool(row.address is None)
    return bool(digest_of(Origin(row.credential, row.place, row.address or ""), row.salt) == row.id)


def _missing_origins(session: Session) -> tuple[int, ...]:
    statement = (
        select(_EVENT.c.seq)
        .select_from(_EVENT.outerjoin(_ORIGIN, _ORIGIN.c.id == _EVENT.c.origin_id))
        .where(_EVENT.c.origin_id.is_not(None), _ORIGIN.c.id.is_(None))
        .order_by(_EVENT.c.seq)
        .limit(20)
    )
    return tuple(session.execute(statement).scalars())
