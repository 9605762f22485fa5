"""Verbs of reconciliation: an ERP says what it thinks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
from sqlalchemy import delete, insert, select, update

from mes.exchange.reconciliation.errors import ErpViewInvalid
from mes.exchange.reconciliation.queries import source_of
from mes.exchange.reconciliation.tables import ErpViewRow
from mes.exchange.reconciliation.types import ROWS_MAX, VIEWS_KEPT, ErpView
from mes.kernel.sqltypes import to_us
from mes.kernel.uow import UnitOfWork

_VIEW: Final = ErpViewRow.__table__  # type: ignore[attr-defined]


def put_view(uow: UnitOfWork, *, view: ErpView) -> bool:
    """Compare this view of its source from now on; older ones go. False: the newest says just that, and is as new now.

    `erp-view-invalid` for one of which something stands twice, which has too many rows, or lies in the future.
    """
    view = replace(view, source=view.source or source_of(uow.session, principal_pk=uow.actor))
    rows = view.orders or view.lots
    _refuse_invalid([row.id for row in rows])
    if view.taken_at > uow.now:
        raise ErpViewInvalid("It was taken later than now.")
    content = msgspec.json.encode(rows).decode()
    newest = uow.execute(
        select(_VIEW.c.content, _VIEW.c.complete, _VIEW.c.performance_cursor, _VIEW.c.pk, _VIEW.c.taken_at_us)
        .where(_VIEW.c.subject == view.subject.value, _VIEW.c.source == view.source)
        .order_by(_VIEW.c.pk.desc())
        .limit(VIEWS_KEPT)
    ).first()
    if newest is not None and tuple(newest)[:3] == (content, view.complete, view.cursor):
        looked = {"taken_at_us": max(to_us(view.taken_at), newest.taken_at_us), "received_at_us": uow.now_us}
        uow.execute(update(_VIEW).where(_VIEW.c.pk == newest.pk).values(**looked))
        return False
    values = {
        "subject": view.subject.value,
        "source": view.source,
        "taken_at_us": to_us(view.taken_at),
        "received_at_us": uow.now_us,
        "actor": uow.actor,
        "complete": view.complete,
        "performance_cursor": view.cursor,
        "content": content,
    }
    uow.execute(insert(_VIEW).values(**values))
    _forget_old(uow, view)
    uow.emit(
        "exchange.erp-view-received.v1",
        topics=(),
        subject=f"erp-view/{view.subject}",
        payload={
            "subject": view.subject.value,
            "source": view.source,
            "rows": len(rows),
            "complete": view.complete,
        },
    )
    return True


def forget_views(uow: UnitOfWork, *, source: str) -> None:
    """What this source said is compared no more."""
    uow.execute(delete(_VIEW).where(_VIEW.c.source == source))


def _refuse_invalid(ids: list[str]) -> None:
    if len(ids) > ROWS_MAX:
        raise ErpViewInvalid(f"It has {len(ids)} rows; {ROWS_MAX} are taken.")
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise ErpViewInvalid(f"{name!r} stands in it twice.")
        seen.add(name)


def _forget_old(uow: UnitOfWork, view: ErpView) -> None:
    same = (_VIEW.c.subject == view.subject.value, _VIEW.c.source == view.source)
    kept = select(_VIEW.c.pk).where(*same).order_by(_VIEW.c.pk.desc()).limit(VIEWS_KEPT)
    uow.execute(delete(_VIEW).where(*same, _VIEW.c.pk.not_in(uow.execute(kept).scalars().all())))
