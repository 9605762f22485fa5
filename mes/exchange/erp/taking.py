"""What the ERP says comes into the plant: materials, routings, orders, changes of them. Again changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import insert, select, update

from mes.definitions.queries import list_released_ids
from mes.definitions.service import put_definitions, put_work_masters
from mes.exchange.erp.errors import ErpOrderUnusable
from mes.exchange.erp.rules import ID_PATTERN, in_own_unit, material_spec, routing_of
from mes.exchange.erp.tables import ErpLink, ErpOrderRow
from mes.exchange.erp.types import SAID_MAX, ConnectionSpec, ErpBill, ErpMaterial, ErpOrder, LinkKind, OrderWord
from mes.kernel.sqltypes import from_us, to_us
from mes.kernel.uow import UnitOfWork
from mes.materials.queries import get_materials
from mes.materials.service import put_materials
from mes.materials.types import MaterialSpec
from mes.orders.errors import OperationsRequestNotFound
from mes.orders.queries import get_operations_request
from mes.orders.service import cancel_order, change_order, change_order_quantity, submit_operations_request
from mes.orders.types import OrderCard, RequestState

OVER: Final = frozenset({RequestState.Completed, RequestState.Aborted, RequestState.Cancelled})
GIVEN_UP: Final = frozenset({RequestState.Aborted, RequestState.Cancelled})
ALIVE: Final = frozenset({OrderWord.open, OrderWord.changing})
_LINK: Final = ErpLink.__table__  # type: ignore[attr-defined]
_O: Final = ErpOrderRow.__table__  # type: ignore[attr-defined]


def take_materials(uow: UnitOfWork, *, connection_pk: int, materials: Sequence[ErpMaterial]) -> None:
    """Materials and their units as the ERP has them. One that was linked keeps its id here. As `put_materials`."""
    known = _links(uow, connection_pk, LinkKind.material, [m.key for m in materials])
    named = {m.key: known[m.key].local_id if m.key in known else m.material_id for m in materials}
    put_materials(uow, specs=[_named(material_spec(m), named[m.key]) for m in materials])
    for material in materials:
        link = known.get(material.key)
        if link is None:
            _link(uow, connection_pk, LinkKind.material, material.key, material.material_id, by_lot=material.by_lot)
        elif link.by_lot != material.by_lot:
            uow.execute(update(_LINK).where(_LINK.c.pk == link.pk).values(by_lot=material.by_lot))


def _named(spec: MaterialSpec, material_id: str) -> MaterialSpec:
    return MaterialSpec(material_id, spec.unit, spec.description, spec.conversions)


def take_bill(uow: UnitOfWork, *, connection_pk: int, spec: ConnectionSpec, bill: ErpBill) -> None:
    """A routing as the ERP's bill says, unless the plant has one of its own for what it makes.

    `erp-order-unusable`, `unit-not-convertible`, and as `put_definitions`.
    """
    materials = _materials(uow, connection_pk, {bill.material_key, *(line.material_key for line in bill.lines)})
    routing = routing_of(bill, materials, place=spec.place, places=spec.places)
    definition = routing.definition
    kept = _kept_definitions(uow, connection_pk)
    if list_released_ids(uow.session, material_id=definition.material_id) - kept:
        return
    put_work_masters(uow, specs=routing.recipes)
    put_definitions(uow, specs=[definition])
    if definition.definition_id not in kept:
        _link(uow, connection_pk, LinkKind.definition, bill.key, definition.definition_id)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the ERP asks for, in Lineside's words. `definition_id` "": whatever the plant makes it by."""

    material_id: str
    definition_id: str
    quantity: Decimal
    due_at_us: int | None
    description: str

    @property
    def seen(self) -> dict[str, Any]:
        return {
            "material_id": self.material_id,
            "definition_id": self.definition_id,
            "quantity": str(self.quantity),
            "due_at_us": self.due_at_us,
        }


def seen_of(order: ErpOrder) -> dict[str, Any]:
    """What a poll compares: everything of an order that may ask for something here."""
    due = None if order.due_at is None else to_us(order.due_at)
    asked = [order.word, order.material_key, order.bill_key, str(order.quantity), order.unit, due, order.remark]
    return {"asked": asked}


def take_order(uow: UnitOfWork, *, connection_pk: int, spec: ConnectionSpec, order: ErpOrder) -> None:
    """Follow what the ERP says of an order: take it, change it, give it up.

    `erp-order-unusable`, and what submitting, changing and cancelling refuse; the caller keeps the sentence.
    """
    row = _load(uow, connection_pk, order.key)
    if order.word is OrderWord.open:
        _follow(uow, connection_pk, spec, order, row)
    elif row is not None and row.order_id:
        _follow_end(uow, order, row)
    if row is not None or order.word is OrderWord.open:
        _keep(uow, connection_pk, order, said="")


def note_unfollowed(uow: UnitOfWork, *, connection_pk: int, order: ErpOrder, said: str) -> None:
    """Why what the ERP asks for is not done; once for the same words."""
    row = _load(uow, connection_pk, order.key)
    if row is not None and row.said == said[:SAID_MAX]:
        return
    _keep(uow, connection_pk, order, said=said, seen=row.seen if row is not None else {})
    uow.emit(
        "exchange.erp-order-not-followed.v1",
        topics=["erp", "board"],
        subject=f"erp-order/{order.number}"[:200],
        payload={"number": order.number, "order_id": row.order_id if row is not None else "", "reason": said},
    )


def _follow(uow: UnitOfWork, connection_pk: int, spec: ConnectionSpec, order: ErpOrder, row: Any) -> None:
    if row is not None and row.reopening:
        return
    if order.remark:
        raise ErpOrderUnusable(order.remark)
    asked = _asked(uow, connection_pk, order)
    if row is None or not row.order_id:
        _submit(uow, connection_pk, spec, order, asked)
    else:
        card = _card(uow, row.order_id)
        if card.state in GIVEN_UP:
            raise ErpOrderUnusable(f"{order.number} is firm in the ERP, but was given up here: copy it there.")
        if card.state not in OVER and row.seen.get("here") != asked.seen:
            _change(uow, card, asked, row.seen.get("here") or {}, _reason(order))
    _here(uow, connection_pk, order.key, asked)


def _submit(uow: UnitOfWork, connection_pk: int, spec: ConnectionSpec, order: ErpOrder, asked: _Asked) -> None:
    order_id = f"{spec.order_prefix}{order.number}"
    if ID_PATTERN.fullmatch(order_id) is None:
        raise ErpOrderUnusable(f"{order_id[:100]!r} cannot be the number of an order here.")
    if _is_known(uow, order_id):
        raise ErpOrderUnusable(f"There is another order {order_id} here; give the connection a prefix.")
    _request(uow, order_id, "1", asked)
    values = {"order_id": order_id, "by_bill": bool(asked.definition_id)}
    row = _load(uow, connection_pk, order.key)
    if row is None:
        blank = {"closed": False, "said": "", "told_said": "", "told_sha256": "", "tries": 0, "reopening": False}
        uow.execute(
            insert(_O).values(connection_pk=connection_pk, key=order.key, seen=seen_of(order), **blank, **values)
        )
    else:
        uow.execute(update(_O).where(_O.c.pk == row.pk).values(**values))
    uow.emit(
        "exchange.erp-order-taken.v1",
        topics=["erp", f"order/{order_id}"],
        subject=f"order/{order_id}",
        payload={"operations_request_id": order_id, "connection_id": spec.connection_id, "number": order.number},
    )


def _request(uow: UnitOfWork, order_id: str, version: str, asked: _Asked) -> None:
    submit_operations_request(
        uow,
        id=order_id,
        version=version,
        quantity=asked.quantity,
        material_id=asked.material_id,
        operations_definition_id=asked.definition_id or None,
        description=asked.description[:500],
        due_at=None if asked.due_at_us is None else from_us(asked.due_at_us),
    )


def _change(uow: UnitOfWork, card: OrderCard, asked: _Asked, before: Mapping[str, Any], reason: str) -> None:
    """Only what the ERP changed since it was last followed: what people here changed is theirs."""
    now = asked.seen
    if any(now[name] != before.get(name) for name in ("material_id", "definition_id")):
        _request(uow, card.operations_request_id, str(int(card.version) + 1), asked)
        return
    if now["quantity"] != before.get("quantity"):
        change_order_quantity(
            uow,
            operations_request_id=card.operations_request_id,
            revision=card.revision,
            quantity=asked.quantity,
            reason=reason,
        )
    if now["due_at_us"] != before.get("due_at_us"):
        change_order(
            uow,
            operations_request_id=card.operations_request_id,
            revision=_card(uow, card.operations_request_id).revision,
            reason=reason,
            due_at=None if asked.due_at_us is None else from_us(asked.due_at_us),
        )


def _follow_end(uow: UnitOfWork, order: ErpOrder, row: Any) -> None:
    """The ERP gave it up, or booked it without being told."""
    if row.reopening or order.word is OrderWord.changing:
        return
    card = _card(uow, row.order_id)
    if order.word is OrderWord.cancelled and card.state not in OVER:
        cancel_order(
            uow,
            operations_request_id=row.order_id,
            revision=card.revision,
            reason=f"{_reason(order)} It was cancelled.",
        )
    elif order.word is OrderWord.done and card.state not in OVER:
        raise ErpOrderUnusable(f"{order.number} was done in the ERP by hand, and is still being made here.")


def _reason(order: ErpOrder) -> str:
    return f"The ERP changed {order.number}."


def _asked(uow: UnitOfWork, connection_pk: int, order: ErpOrder) -> _Asked:
    materials = _materials(uow, connection_pk, {order.material_key})
    material = materials.get(order.material_key)
    if material is None:
        raise ErpOrderUnusable(f"{order.number} asks for a product that was not taken.")
    links = _links(uow, connection_pk, LinkKind.definition, [order.bill_key])
    own = list_released_ids(uow.session, material_id=material.material_id) - _kept_definitions(uow, connection_pk)
    definition = links.get(order.bill_key)
    if definition is None and not own:
        raise ErpOrderUnusable(f"{order.number}: nothing here says how {material.material_id} is made.")
    return _Asked(
        material_id=material.material_id,
        definition_id="" if own or definition is None else definition.local_id,
        quantity=in_own_unit(order.quantity, order.unit, material),
        due_at_us=None if order.due_at is None else to_us(order.due_at),
        description=order.description,
    )


def _here(uow: UnitOfWork, connection_pk: int, key: str, asked: _Asked) -> None:
    row = _load(uow, connection_pk, key)
    uow.execute(update(_O).where(_O.c.pk == row.pk).values(seen={**row.seen, "here": asked.seen}))


def _keep(
    uow: UnitOfWork, connection_pk: int, order: ErpOrder, *, said: str, seen: dict[str, Any] | None = None
) -> None:
    """What the ERP asked for and how it went. Followed and over on both sides, it is looked at no more."""
    row = _load(uow, connection_pk, order.key)
    if row is None:
        blank = {"order_id": "", "by_bill": False, "told_said": "", "told_sha256": "", "tries": 0, "reopening": False}
        values = {"connection_pk": connection_pk, "key": order.key, "seen": seen or {}, "said": said[:SAID_MAX]}
        uow.execute(insert(_O).values(closed=order.word not in ALIVE, **blank, **values))
        return
    now = {**row.seen, **(seen_of(order) if seen is None else {})}
    over = order.word not in ALIVE and not row.reopening
    uow.execute(update(_O).where(_O.c.pk == row.pk).values(seen=now, said=said[:SAID_MAX], closed=over and not said))


def _card(uow: UnitOfWork, order_id: str) -> OrderCard:
    uow.flush()
    return get_operations_request(uow.session, operations_request_id=order_id, now=uow.now)


def _is_known(uow: UnitOfWork, order_id: str) -> bool:
    try:
        return bool(_card(uow, order_id))
    except OperationsRequestNotFound:
        return False


def _load(uow: UnitOfWork, connection_pk: int, key: str) -> Any:
    return uow.execute(select(_O).where(_O.c.connection_pk == connection_pk, _O.c.key == key)).first()


def _links(uow: UnitOfWork, connection_pk: int, kind: LinkKind, keys: Collection[str]) -> dict[str, Any]:
    wanted = (_LINK.c.connection_pk == connection_pk, _LINK.c.kind == kind, _LINK.c.key.in_(keys))
    return {row.key: row for row in uow.execute(select(_LINK).where(*wanted))}


def _kept_definitions(uow: UnitOfWork, connection_pk: int) -> set[str]:
    wanted = (_LINK.c.connection_pk == connection_pk, _LINK.c.kind == LinkKind.definition)
    return set(uow.execute(select(_LINK.c.local_id).where(*wanted)).scalars())


def _materials(uow: UnitOfWork, connection_pk: int, keys: Collection[str]) -> dict[str, MaterialSpec]:
    """By the ERP's key, as they are here."""
    links = _links(uow, connection_pk, LinkKind.material, keys)
    views = get_materials(uow.session, [link.local_id for link in links.values()])
    found = {key: views[link.local_id] for key, link in links.items() if link.local_id in views}
    return {key: MaterialSpec(v.material_id, v.unit, v.description, v.conversions) for key, v in found.items()}


def _link(
    uow: UnitOfWork, connection_pk: int, kind: LinkKind, key: str, local_id: str, *, by_lot: bool = False
) -> None:
    values = {"connection_pk": connection_pk, "kind": int(kind), "key": key, "local_id": local_id}
    uow.execute(insert(_LINK).values(**values, by_lot=by_lot, consumption=""))
