"""Into containers, between them, and out to customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from mes.genealogy.errors import GenealogyInvalid, LotUnknown, NotLinked
from mes.genealogy.queries.walk import containers_of, contents
from mes.genealogy.service.once import done_once
from mes.genealogy.service.recording import ERRORS_MAX, overridden, record
from mes.genealogy.statements import (
    add_used,
    end_links,
    insert_shipment,
    load_equipment,
    load_links_from,
    load_links_to,
    load_lots,
    load_lots_by_pk,
    load_materials,
    next_act,
    set_of_lots,
    set_shipments,
    shipments_of,
)
from mes.genealogy.types import Act, ActKind, Link, LinkKind, LinkRow, LotFacts, NewLot, Override, Recording, Sent
from mes.kernel.errors import FieldError
from mes.kernel.uow import UnitOfWork
from mes.materials.errors import LotOnHold
from mes.materials.service import put_materials
from mes.materials.types import LotKind, MaterialSpec
from standards.isa95.material import Disposition

_MATERIALS: Final = {LotKind.container: "CONTAINER", LotKind.shipment: "SHIPMENT"}
"""What containers and shipments are of, unless they were made of something else before."""


@done_once()
def pack_lots(
    uow: UnitOfWork,
    *,
    request_id: str,
    container_id: str,
    lot_ids: Sequence[str],
    equipment_id: str = "",
    override: Override | None = None,
) -> int:
    """All that is left of lots goes into a container, out of the one it may be in. A new container is made. Containers
    go in with what is in them.

    Repeating a `request_id` does nothing. Answers the number of the act. `lot-unknown`, `lot-on-hold` (also where the
    container it is in is), `lot-not-usable`, `lot-used-up`, `genealogy-cycle`.
    """
    lots = _known(uow, lot_ids).values()
    held = _held_around(uow, [lot.pk for lot in lots], override)
    take_out(uow, lots, next_act(uow))
    note = override.reason if override else None
    act = Act(ActKind.packed, container_id, uow.now_us, equipment_id, None, "", None, request_id, note)
    made = record(uow, _into(uow, act, container_id, LotKind.container, lot_ids), override=override)
    uow.emit(
        "genealogy.lots-packed.v1",
        topics=[f"material-lot/{container_id}", *([f"equipment/{equipment_id}"] if equipment_id else [])],
        subject=f"material-lot/{container_id}",
        payload={
            "act": made.first_act,
            "container_id": container_id,
            "lot_ids": list(lot_ids),
            **overridden(override, [*made.overridden, *held]),
        },
    )
    return made.first_act


@done_once()
def unpack_lots(
    uow: UnitOfWork,
    *,
    request_id: str,
    container_id: str,
    lot_ids: Sequence[str],
    override: Override | None = None,
) -> int:
    """Lots are taken out of a container. `not-linked` if one is not in it or the container is gone, `lot-unknown`,
    `lot-on-hold` (the container, or what it is in: else its hold would be slipped past)."""
    lots = _known(uow, [*lot_ids, container_id])
    container = lots.pop(container_id)
    first = next_act(uow)
    links = [
        link
        for link in load_links_from(uow, [lot.pk for lot in lots.values()], LinkKind.packed)
        if link.child_pk == container.pk
    ]
    outside = {lot.pk for lot in lots.values()} - {link.parent_pk for link in links}
    if outside or container.shipment_pk is not None:
        names = sorted(lot.lot_id for lot in lots.values() if lot.pk in outside) or [container_id]
        raise NotLinked(f"{', '.join(names[:5])} cannot be taken out of {container_id}.")
    held = _held_around(uow, [lot.pk for lot in lots.values()], override)
    _end(uow, links, first)
    note = override.reason if override else None
    act = Act(ActKind.unpacked, container_id, uow.now_us, "", None, "", None, request_id, note)
    made = record(uow, Recording(acts=(act,)))
    uow.emit(
        "genealogy.lots-unpacked.v1",
        topics=[f"material-lot/{container_id}"],
        subject=f"material-lot/{container_id}",
        payload={
            "act": made.first_act,
            "container_id": container_id,
            "lot_ids": list(lot_ids),
            **overridden(override, held),
        },
    )
    return made.first_act


@done_once()
def ship_lots(
    uow: UnitOfWork,
    *,
    request_id: str,
    shipment_id: str,
    customer_id: str,
    lot_ids: Sequence[str],
    delivery_note: str = "",
) -> int:
    """Containers or lots leave for a customer, with everything in them, out of what they may be in. Answers the number
    of the act.

    `lot-on-hold` if anything in them is (`errors` names it), or what they are in; and as `pack_lots`.
    """
    lots = _known(uow, lot_ids)
    pks = [lot.pk for lot in lots.values()]
    _refuse_held(uow, contents(uow, pks))
    _held_around(uow, pks, None)
    _refuse_left(uow, shipment_id)
    take_out(uow, lots.values(), next_act(uow))
    act = Act(ActKind.shipped, shipment_id, uow.now_us, "", None, "", None, request_id)
    made = record(uow, _into(uow, act, shipment_id, LotKind.shipment, lot_ids))
    shipment = load_lots(uow, [shipment_id])[shipment_id]
    insert_shipment(uow, shipment.pk, customer_id, delivery_note, uow.now_us)
    inside = contents(uow, [shipment.pk])
    set_of_lots(uow, "shipment_pk", shipment.pk, inside)
    uow.emit(
        "genealogy.shipment-left.v1",
        topics=[f"material-lot/{shipment_id}"],
        subject=f"material-lot/{shipment_id}",
        payload={
            "act": made.first_act,
            "shipment_id": shipment_id,
            "customer_id": customer_id,
            "delivery_note": delivery_note,
            "lots": len(inside) - 1,
        },
    )
    return made.first_act


def record_sent(uow: UnitOfWork, *, sent: Sequence[Sent]) -> None:
    """What left in the past, as another system has it: shipments, each with its lots and all that is packed in them.
    More of a shipment may come later.

    `lot-unknown`, `lot-not-usable` where it left before, `genealogy-invalid` where a shipment is something else or went
    to somebody else; and as `pack_lots`.
    """
    lots = _known(uow, [one.lot_id for one in sent])
    take_out(uow, lots.values(), next_act(uow))
    lots = _known(uow, lots)
    there = load_lots(uow, {one.shipment_id for one in sent})
    first = _first_of_each(uow, sent, there)
    set_of_lots(uow, "shipment_pk", None, [lot.pk for lot in there.values()])
    acts = {shipment_id: n for n, shipment_id in enumerate(first)}
    material = _material(uow, LotKind.shipment)
    recording = Recording(
        lots=[NewLot(name, material, 1_000_000, LotKind.shipment) for name in first if name not in there],
        acts=[Act(ActKind.shipped, one.shipment_id, one.at_us) for one in first.values()],
        links=[
            Link(acts[one.shipment_id], one.lot_id, one.shipment_id, _rest(lots[one.lot_id]), LinkKind.packed)
            for one in sent
        ],
    )
    record(uow, recording, flags_held=False)
    pks = {name: lot.pk for name, lot in load_lots(uow, first).items()}
    for name, one in first.items():
        insert_shipment(uow, pks[name], one.customer_id, one.delivery_note, one.at_us)
    set_shipments(uow, {pk: pks[name] for name in first for pk in contents(uow, [pks[name]])})
    payload = {"shipments": len(first), "lots": len(sent)}
    uow.emit("genealogy.sent-recorded.v1", topics=["genealogy"], subject="genealogy", payload=payload)


def _first_of_each(uow: UnitOfWork, sent: Sequence[Sent], there: Mapping[str, LotFacts]) -> dict[str, Sent]:
    """The first of each shipment's lots; all of them, and what is recorded of it already, agree on where it went."""
    found: dict[str, Sent] = {}
    went = {row[1]: (row[2], row[3]) for row in shipments_of(uow, [lot.pk for lot in there.values()])}
    for one in sent:
        lot = there.get(one.shipment_id)
        if lot is not None and lot.kind != LotKind.shipment:
            raise GenealogyInvalid(f"{one.shipment_id} is no shipment.")
        to = went.setdefault(one.shipment_id, (one.customer_id, one.delivery_note))
        if to != (one.customer_id, one.delivery_note):
            raise GenealogyInvalid(f"The shipment {one.shipment_id} went to {to[0]} with the note {to[1]!r}.")
        found.setdefault(one.shipment_id, one)
    return found


@done_once()
def move_lots(uow: UnitOfWork, *, request_id: str, lot_ids: Sequence[str], equipment_id: str) -> None:
    """Lots, and what is packed in them, are now at a place: a storage zone, a station. `lot-unknown`."""
    lots = _known(uow, lot_ids)
    requests = [request_id] + [None] * (len(lot_ids) - 1)
    acts = [
        Act(ActKind.moved, lot_id, uow.now_us, equipment_id, None, "", None, request)
        for lot_id, request in zip(lot_ids, requests, strict=True)
    ]
    record(uow, Recording(acts=acts))
    place = load_equipment(uow, [equipment_id])[equipment_id]
    set_of_lots(uow, "place_pk", place, contents(uow, [lot.pk for lot in lots.values()]))
    uow.emit(
        "genealogy.lots-moved.v1",
        topics=[f"equipment/{equipment_id}"],
        subject=f"equipment/{equipment_id}",
        payload={"equipment_id": equipment_id, "lot_ids": list(lot_ids)},
    )


def _held_around(uow: UnitOfWork, pks: Collection[int], override: Override | None) -> list[str]:
    """Containers on hold that lots are in, at any depth: what is taken out of them is not held any more.

    `lot-on-hold` unless overridden.
    """
    held = _held(uow, containers_of(uow, pks))
    if held and override is None:
        raise LotOnHold(f"{held[0]} is on hold, with all that is in it.", errors=_on_hold(held))
    return held


def take_out(uow: UnitOfWork, lots: Iterable[LotFacts], by_act: int) -> None:
    """Whatever lots are packed in, they are no longer."""
    _end(uow, load_links_from(uow, [lot.pk for lot in lots], LinkKind.packed), by_act)


def _end(uow: UnitOfWork, links: Sequence[LinkRow], by_act: int) -> None:
    given_back: Counter[int] = Counter()
    for link in links:
        given_back[link.parent_pk] -= link.quantity_e6
    end_links(uow, links, by_act)
    add_used(uow, given_back)


def _into(uow: UnitOfWork, act: Act, into_id: str, kind: LotKind, lot_ids: Sequence[str]) -> Recording:
    lots = _known(uow, lot_ids)
    there = load_lots(uow, [into_id]).get(into_id)
    if there is not None and there.kind != kind:
        raise GenealogyInvalid(f"{into_id} is no {kind.name}.")
    new = () if there else (NewLot(into_id, _material(uow, kind), 1_000_000, kind),)
    links = tuple(Link(0, lot_id, into_id, _rest(lots[lot_id]), LinkKind.packed) for lot_id in dict.fromkeys(lot_ids))
    return Recording(lots=new, acts=(act,), links=links)


def _rest(lot: LotFacts) -> int:
    return max(lot.quantity_e6 - lot.used_e6, 1)


def _material(uow: UnitOfWork, kind: LotKind) -> str:
    name = _MATERIALS[kind]
    if not load_materials(uow, [name]):
        put_materials(uow, specs=[MaterialSpec(name, "pcs", f"Made by Lineside for every {kind.name}")])
    return name


def _known(uow: UnitOfWork, lot_ids: Collection[str]) -> dict[str, LotFacts]:
    lots = load_lots(uow, lot_ids)
    if missing := [lot_id for lot_id in lot_ids if lot_id not in lots]:
        raise LotUnknown(f"Nobody has recorded {missing[0]}.", errors=[FieldError(one, "unknown") for one in missing])
    return lots


def _refuse_left(uow: UnitOfWork, shipment_id: str) -> None:
    """What left has left; more of it is another shipment."""
    there = load_lots(uow, [shipment_id]).get(shipment_id)
    if there is not None and there.kind == LotKind.shipment and load_links_to(uow, [there.pk], LinkKind.packed):
        raise GenealogyInvalid(f"The shipment {shipment_id} has left already.")


def _refuse_held(uow: UnitOfWork, pks: Collection[int]) -> None:
    if held := _held(uow, pks):
        raise LotOnHold(f"{len(held)} of what would leave is on hold.", errors=_on_hold(held))


def _held(uow: UnitOfWork, pks: Collection[int]) -> list[str]:
    lots = load_lots_by_pk(uow, pks).values()
    return sorted(lot.lot_id for lot in lots if lot.disposition == Disposition.Restricted)


def _on_hold(lot_ids: Sequence[str]) -> list[FieldError]:
    return [FieldError(lot_id, "on hold", LotOnHold.code) for lot_id in lot_ids[:ERRORS_MAX]]
