"""What an ERP has booked and what it has in stock, by order and by lot, becomes its view for reconciliation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from mes.exchange.erp import statements
from mes.exchange.erp.tables import ErpConnection, ErpLink, ErpOrderRow
from mes.exchange.erp.types import Books, LinkKind, StockedLot
from mes.exchange.reconciliation.service import put_view
from mes.exchange.reconciliation.types import ROWS_MAX, ErpLot, ErpOrder, ErpView, Subject
from mes.kernel.db import ReadSession
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import get_material_lots, get_materials
from mes.materials.rules import LOT_QUANTITY_MAX
from standards.isa95.quantity import to_e6

ORDERS_MAX: Final = 1_000
"""Orders of a connection that are compared, the newest."""
_C: Final = ErpConnection.__table__  # type: ignore[attr-defined]
_O: Final = ErpOrderRow.__table__  # type: ignore[attr-defined]
_LINK: Final = ErpLink.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Known:
    """What to ask the ERP about. `orders`: by its key; `told_us`: by order here, when its outcome was told, 0: never.

    `untold`: lots that went into or came out of orders whose outcome is still to be told; `left`: lots of which the
    plant has something, and the ERP should.
    """

    orders: Mapping[str, str]
    told_us: Mapping[str, int]
    materials: tuple[str, ...]
    untold: frozenset[str]
    left: frozenset[str]


def get_known(session: ReadSession, *, connection_pk: int) -> Known:
    """What is here of a connection's orders and lots."""
    columns = (_O.c.key, _O.c.order_id, _O.c.told_at_us, _O.c.due_at_us)
    mine = select(*columns).where(_O.c.connection_pk == connection_pk, _O.c.order_id != "")
    rows = session.execute(mine.order_by(_O.c.pk.desc()).limit(ORDERS_MAX)).all()
    materials = (_LINK.c.connection_pk == connection_pk, _LINK.c.kind == LinkKind.material)
    keys = session.execute(select(_LINK.c.key).where(*materials).order_by(_LINK.c.pk)).scalars()
    open_orders = [row.order_id for row in rows if row.told_at_us is None or row.due_at_us is not None]
    touched, made = statements.load_untold_lots(session, open_orders)
    left = statements.load_lots_left(session, connection_pk, ROWS_MAX)
    return Known(
        orders={row.key: row.order_id for row in rows},
        told_us={row.order_id: row.told_at_us or 0 for row in rows},
        materials=tuple(keys),
        untold=frozenset(touched | made),
        left=frozenset(left) - made,
    )


def take_books(uow: UnitOfWork, *, connection_pk: int, known: Known, books: Books, taken_at: datetime) -> None:
    """The ERP's view of its orders, and of the lots it books by, replaces the one this connection read before.

    Nothing of a connection that was removed meanwhile.
    Quantities that no order or lot here can have are left out. A clock that was set back since makes it of now.
    """
    source = uow.execute(select(_C.c.id).where(_C.c.pk == connection_pk)).scalar()
    if source is None:
        return
    taken_at = min(taken_at, uow.now)
    orders = tuple(
        ErpOrder(
            known.orders[order.key],
            to_e6(order.good),
            to_e6(order.scrap),
            to_e6(order.ordered),
            known.told_us[known.orders[order.key]],
        )
        for order in books.orders
        if max(map(abs, (order.good, order.scrap, order.ordered))) <= LOT_QUANTITY_MAX
    )
    put_view(uow, view=ErpView(Subject.orders, taken_at, orders, source=source))
    if books.lots is not None:
        lots = _lots(uow, known, books.lots)
        put_view(uow, view=ErpView(Subject.lots, taken_at, lots=lots, source=source))


def _lots(uow: UnitOfWork, known: Known, lots: Sequence[StockedLot]) -> tuple[ErpLot, ...]:
    """What the ERP does not name it has none of. A number of two products is left out: nobody knows which is meant."""
    numbers = Counter(lot.lot_id for lot in lots)
    clear = (lot for lot in lots if numbers[lot.lot_id] == 1 and abs(lot.quantity) <= LOT_QUANTITY_MAX)
    there = {lot.lot_id: to_e6(lot.quantity) for lot in clear}
    missing = dict.fromkeys(sorted(known.left - numbers.keys()), 0)
    found = list({**there, **missing}.items())[:ROWS_MAX]
    units = _own_units(uow, [name for name, _ in found])
    return tuple(ErpLot(name, left, units.get(name, ""), untold=name in known.untold) for name, left in found)


def _own_units(uow: UnitOfWork, lot_ids: Sequence[str]) -> dict[str, str]:
    """By lot what its material is counted in: the ERP counts it so, whatever the lot itself is counted in here."""
    lots = get_material_lots(uow.session, lot_ids)
    materials = get_materials(uow.session, {lot.material_id for lot in lots.values()})
    return {name: materials[lot.material_id].unit for name, lot in lots.items()}
