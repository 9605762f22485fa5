"""Reads of ERP connections: how they stand, and what an order came to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlmodel import Session

from mes.exchange.erp.errors import ErpConnectionNotFound
from mes.exchange.erp.rules import consumption_of
from mes.exchange.erp.tables import ErpConnection, ErpLink, ErpOrderRow
from mes.exchange.erp.types import (
    ConnectionSpec,
    ConnectionView,
    DueOrder,
    ErpMaterialView,
    ErpOrderView,
    LinkKind,
)
from mes.kernel.glance import ReadsRows
from mes.kernel.paging import Page, decode_cursor, page_of
from mes.kernel.sqltypes import from_us, from_us_or_none
from mes.orders.tables import OperationsRequestRow

_C: Final = ErpConnection.__table__  # type: ignore[attr-defined]
_LINK: Final = ErpLink.__table__  # type: ignore[attr-defined]
_O: Final = ErpOrderRow.__table__  # type: ignore[attr-defined]
_R: Final = OperationsRequestRow.__table__  # type: ignore[attr-defined]
_HAS_TURN: Final = "SELECT pk FROM erp_connection WHERE active AND next_at_us <= ? AND busy_until_us <= ? LIMIT 1"


def list_connections(session: Session) -> tuple[ConnectionView, ...]:
    """All connections by id."""
    return tuple(_views(session, None))


def get_connection(session: Session, *, connection_id: str) -> ConnectionView:
    """One connection. `erp-connection-not-found`."""
    found = _views(session, _C.c.id == connection_id)
    if not found:
        raise ErpConnectionNotFound(f"There is no ERP connection {connection_id!r}.")
    return found[0]


def get_sealed_password(session: Session, *, connection_id: str) -> bytes:
    """As it is kept. `erp-connection-not-found`."""
    found: bytes | None = session.execute(select(_C.c.sealed_password).where(_C.c.id == connection_id)).scalar()
    if found is None:
        raise ErpConnectionNotFound(f"There is no ERP connection {connection_id!r}.")
    return found


def has_turn(reads: ReadsRows, *, now_us: int) -> bool:
    """Whether a connection's turn has come."""
    return bool(reads.driver_query(_HAS_TURN, (now_us, now_us)))


def list_erp_orders(
    session: Session, *, connection_id: str, troubled: bool, cursor: str | None, limit: int
) -> Page[ErpOrderView]:
    """Orders of a connection, newest first; `troubled`: only those that wait for a person. `bad-cursor`."""
    pk = _pk(session, connection_id)
    statement = (
        select(_O, _R.c.state.label("order_state"))
        .outerjoin(_R, and_(_R.c.id == _O.c.order_id, _R.c.current))
        .where(_O.c.connection_pk == pk)
        .order_by(_O.c.pk.desc())
        .limit(limit + 1)
    )
    if troubled:
        statement = statement.where((_O.c.said != "") | (_O.c.told_said != ""))
    if cursor is not None:
        statement = statement.where(_O.c.pk < decode_cursor(cursor, (int,))[0])
    rows = session.execute(statement).all()
    page = page_of(rows, limit, lambda row: (row.pk,))
    return Page(tuple(_order(row) for row in page.items), page.next_cursor)


def list_erp_materials(session: Session, *, connection_id: str) -> tuple[ErpMaterialView, ...]:
    """Materials that came from a connection, by id."""
    rows = session.execute(
        select(_LINK)
        .where(_LINK.c.connection_pk == _pk(session, connection_id), _LINK.c.kind == LinkKind.material)
        .order_by(_LINK.c.local_id)
    )
    return tuple(
        ErpMaterialView(
            row.local_id,
            row.key,
            row.by_lot,
            consumption_of(row.consumption, by_lot=row.by_lot),
            bool(row.consumption),
        )
        for row in rows
    )


def get_seen(session: Session, *, connection_pk: int, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """What the ERP last asked for and was followed, by its key; of those only."""
    rows = session.execute(
        select(_O.c.key, _O.c.seen).where(_O.c.connection_pk == connection_pk, _O.c.key.in_(keys), _O.c.said == "")
    )
    return {row.key: row.seen for row in rows}


def list_open_keys(session: Session, *, connection_pk: int) -> tuple[str, ...]:
    """The ERP's keys of orders that are not over on both sides."""
    return tuple(
        session.execute(
            select(_O.c.key).where(_O.c.connection_pk == connection_pk, _O.c.closed.is_(False)).order_by(_O.c.pk)
        ).scalars()
    )


def list_due(session: Session, *, connection_pk: int, now_us: int, limit: int) -> tuple[DueOrder, ...]:
    """Orders whose outcome is to be told now, the longest waiting first."""
    rows = session.execute(
        select(_O.c.pk, _O.c.order_id, _O.c.told_sha256, _O.c.reopening)
        .where(_O.c.connection_pk == connection_pk, _O.c.due_at_us <= now_us)
        .order_by(_O.c.due_at_us, _O.c.pk)
        .limit(limit)
    )
    return tuple(DueOrder(*row) for row in rows)


def _pk(session: Session, connection_id: str) -> int:
    pk = session.execute(select(_C.c.pk).where(_C.c.id == connection_id)).scalar()
    if pk is None:
        raise ErpConnectionNotFound(f"There is no ERP connection {connection_id!r}.")
    return int(pk)


def spec_of(row: Any) -> ConnectionSpec:
    """A row of connections as somebody asked for it."""
    return ConnectionSpec(
        connection_id=row.id,
        kind=row.kind,
        url=row.url,
        database=row.database_name,
        user=row.user_name,
        active=row.active,
        plain_http=row.plain_http,
        private_addresses=row.private_addresses,
        place=row.place,
        places=row.places,
        order_prefix=row.order_prefix,
        poll_s=row.poll_s,
    )


def _views(session: Session, where: ColumnElement[bool] | None) -> list[ConnectionView]:
    counted = (
        select(
            _O.c.connection_pk,
            func.count().label("orders"),
            _sum(_O.c.due_at_us.is_not(None)).label("waiting"),
            _sum((_O.c.said != "") | (_O.c.told_said != "")).label("troubled"),
        )
        .group_by(_O.c.connection_pk)
        .subquery()
    )
    statement = select(_C, counted.c.orders, counted.c.waiting, counted.c.troubled).outerjoin(
        counted, counted.c.connection_pk == _C.c.pk
    )
    if where is not None:
        statement = statement.where(where)
    return [_view(row) for row in session.execute(statement.order_by(_C.c.id))]


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _view(row: Any) -> ConnectionView:
    return ConnectionView(
        spec=spec_of(row),
        version=row.version,
        last_ok_at=from_us_or_none(row.last_ok_at_us),
        failing_since=from_us_or_none(row.failing_since_us),
        said=row.said,
        next_at=from_us(row.next_at_us),
        remarks=tuple(row.remarks),
        orders=int(row.orders or 0),
        waiting=int(row.waiting or 0),
        troubled=int(row.troubled or 0),
    )


def _order(row: Any) -> ErpOrderView:
    return ErpOrderView(
        order_id=row.order_id,
        key=row.key,
        state=row.order_state or "",
        told_at=from_us_or_none(row.told_at_us),
        due=row.due_at_us is not None,
        said=" ".join(text for text in (row.said, row.told_said) if text),
    )
