"""What a Get is answered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlmodel import Session

from mes.equipment.errors import EquipmentClassNotFound, EquipmentNotFound
from mes.equipment.queries import (
    EQUIPMENT_CLASSES,
    EquipmentView,
    get_equipment_pks,
    get_equipment_views,
    list_equipment,
)
from mes.exchange.b2mml import outgoing
from mes.exchange.b2mml.errors import B2mmlNotSupported
from mes.exchange.b2mml.questions import asked_of
from mes.exchange.b2mml.types import Asked, Outcome, Shown
from mes.exchange.b2mml.values import unusable
from mes.kernel.classes import ClassTables, ClassView
from mes.kernel.errors import NotFound
from mes.materials.errors import MaterialClassNotFound, MaterialLotNotFound, MaterialNotFound
from mes.materials.queries import (
    MATERIAL_CLASSES,
    get_material_lots,
    get_materials,
    list_material_lots,
    list_materials,
)
from mes.reporting.queries import list_operations_performance, list_order_reports
from standards.isa95.b2mml import Document, Element

REPORTS_MAX: Final = 1_000
"""Reports of the orders one Get names."""


def show_document(session: Session, *, document: Document) -> Shown:
    """What a Get asks for. `b2mml-not-supported`, `b2mml-value-unusable`, `bad-cursor`."""
    if document.is_v0401:
        raise B2mmlNotSupported("Documents of V0401 are taken; questions are answered in 7.01 only.")
    if document.noun not in ANSWERED:
        raise B2mmlNotSupported(f"{document.root} is not answered; there are {', '.join(sorted(ANSWERED))}.")
    return ANSWERED[document.noun](session, asked_of(document))


def _missing(asked: Asked, found: Iterable[str], error: type[NotFound]) -> tuple[Outcome, ...]:
    known = set(found)
    return tuple(
        Outcome("", name, error.code, f"{name[:100]}: {error.title}.", error.next_step, accepted=False, status=404)
        for name in asked.ids
        if name not in known
    )


def _material_classes(session: Session, asked: Asked) -> Shown:
    return _classes(session, asked, MATERIAL_CLASSES, outgoing.material_class, MaterialClassNotFound)


def _equipment_classes(session: Session, asked: Asked) -> Shown:
    return _classes(session, asked, EQUIPMENT_CLASSES, outgoing.equipment_class, EquipmentClassNotFound)


def _classes(
    session: Session,
    asked: Asked,
    tables: ClassTables,
    element_of: Callable[[ClassView], Element],
    error: type[NotFound],
) -> Shown:
    if not asked.ids:
        page = tables.page(session, cursor=asked.after, limit=asked.limit)
        return Shown(tuple(map(element_of, page.items)), after=page.next_cursor)
    found = tables.get(session, asked.ids)
    objects = tuple(element_of(found[name]) for name in asked.ids if name in found)
    return Shown(objects, _missing(asked, found, error))


def _materials(session: Session, asked: Asked) -> Shown:
    if not asked.ids:
        page = list_materials(session, cursor=asked.after, limit=asked.limit)
        return Shown(tuple(map(outgoing.material, page.items)), after=page.next_cursor)
    found = get_materials(session, asked.ids)
    objects = tuple(outgoing.material(found[name]) for name in asked.ids if name in found)
    return Shown(objects, _missing(asked, found, MaterialNotFound))


def _lots(session: Session, asked: Asked) -> Shown:
    if not asked.ids:
        page = list_material_lots(session, cursor=asked.after, limit=asked.limit)
        return Shown(tuple(map(outgoing.lot, page.items)), after=page.next_cursor)
    found = get_material_lots(session, asked.ids)
    objects = tuple(outgoing.lot(found[name]) for name in asked.ids if name in found)
    return Shown(objects, _missing(asked, found, MaterialLotNotFound))


def _equipment(session: Session, asked: Asked) -> Shown:
    if not asked.ids:
        page = list_equipment(session, cursor=asked.after, limit=asked.limit)
        return Shown(_placed(session, page.items), after=page.next_cursor)
    found = _views(session, asked.ids)
    objects = _placed(session, [found[name] for name in asked.ids if name in found])
    return Shown(objects, _missing(asked, found, EquipmentNotFound))


def _views(session: Session, ids: Iterable[str]) -> dict[str, EquipmentView]:
    views = get_equipment_views(session, get_equipment_pks(session, ids).values())
    return {view.equipment_id: view for view in views.values()}


def _placed(session: Session, views: Iterable[EquipmentView]) -> tuple[Element, ...]:
    shown = tuple(views)
    above = _views(session, {view.parent_id for view in shown if view.parent_id})
    levels = {name: view.level for name, view in above.items()}
    return tuple(outgoing.equipment(view, levels) for view in shown)


def _operations(session: Session, asked: Asked) -> Shown:
    return _performance(session, asked, "operations_request_id", outgoing.operations_performance)


def _work(session: Session, asked: Asked) -> Shown:
    return _performance(session, asked, "work_request_id", outgoing.work_performance)


def _performance(
    session: Session, asked: Asked, key: str, element_of: Callable[[str, list[Mapping[str, Any]]], Element]
) -> Shown:
    """By order: the newest report of each job. Else everything after a cursor, each version, oldest first."""
    if asked.ids:
        reports = list_order_reports(session, operations_request_ids=asked.ids, limit=REPORTS_MAX)
        unreported = set(asked.ids) - {report["operations_request_id"] for report in reports}
        return Shown(_grouped(reports, key, element_of), tuple(map(_nothing_reported, sorted(unreported))))
    entries = list_operations_performance(session, after=_cursor(asked.after), limit=asked.limit)
    objects = _grouped([entry.content for entry in entries], key, element_of)
    return Shown(objects, after=str(entries[-1].cursor) if entries else None)


def _nothing_reported(order_id: str) -> Outcome:
    sentence = f"{order_id[:100]}: nothing is reported of it, or there is no such order."
    return Outcome("", order_id, "nothing-reported", sentence, accepted=False, status=404)


def _grouped(
    reports: Iterable[Mapping[str, Any]], key: str, element_of: Callable[[str, list[Mapping[str, Any]]], Element]
) -> tuple[Element, ...]:
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for report in reports:
        by_id.setdefault(report["operations_response"].get(key) or report[key], []).append(report)
    return tuple(element_of(name, found) for name, found in by_id.items())


def _cursor(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise unusable("after: is a number a Show has given.")
    return int(after)


ANSWERED: Final[Mapping[str, Callable[[Session, Asked], Shown]]] = {
    "MaterialClass": _material_classes,
    "MaterialDefinition": _materials,
    "MaterialLot": _lots,
    "EquipmentClass": _equipment_classes,
    "Equipment": _equipment,
    "OperationsPerformance": _operations,
    "WorkPerformance": _work,
}
