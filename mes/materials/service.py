"""Verbs of the materials feature."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from sqlmodel import col, select

from mes.access.signatures.service import require_signature
from mes.access.types import SignedAct
from mes.equipment.types import PutOutcome
from mes.kernel.classes import ClassSpec
from mes.kernel.errors import FieldError, Refusal, VersionConflict
from mes.kernel.properties import stored
from mes.kernel.uow import UnitOfWork
from mes.materials import queries, rules
from mes.materials.errors import (
    MaterialClassExists,
    MaterialClassNotFound,
    MaterialExists,
    MaterialLotClosed,
    MaterialLotExists,
    MaterialLotFixed,
    MaterialLotInUse,
    MaterialLotNotFound,
    MaterialNotFound,
    MaterialUnitFixed,
)
from mes.materials.queries import MATERIAL_CLASSES
from mes.materials.statements import LotDisposition, load_dispositions, store_disposition, store_quantity
from mes.materials.tables import MaterialDefinition, MaterialLot, UnitConversionRow
from mes.materials.types import DISPOSITION_CHANGED, LotSpec, MaterialSpec
from standards.isa95.material import Disposition
from standards.isa95.quantity import from_e6


def create_material(uow: UnitOfWork, *, spec: MaterialSpec) -> None:
    """Add one material. `material-exists`, `conversion-invalid`."""
    if queries.get_materials(uow.session, [spec.material_id]):
        raise MaterialExists(f"There already is a material {spec.material_id!r}.")
    put_materials(uow, specs=[spec])


def update_material(uow: UnitOfWork, *, spec: MaterialSpec, version: int) -> None:
    """Change one material that is still at `version`. `material-not-found`, `version-conflict`, as `put_materials`."""
    view = queries.get_material(uow.session, material_id=spec.material_id)
    _check_version(view.version, version)
    put_materials(uow, specs=[spec])


def put_materials(uow: UnitOfWork, *, specs: Sequence[MaterialSpec]) -> dict[str, PutOutcome]:
    """Make materials say what `specs` say; others stay. Repeating it changes nothing.

    `material-unit-fixed` (a material keeps its unit), `conversion-invalid`, `material-class-not-found`.
    """
    MATERIAL_CLASSES.refuse_unknown(uow.session, {s.material_id: s.classes for s in specs}, MaterialClassNotFound)
    ids = [s.material_id for s in specs]
    views = queries.get_materials(uow.session, ids)
    rows = uow.session.exec(select(MaterialDefinition).where(col(MaterialDefinition.id).in_(ids)))
    by_id = {row.id: row for row in rows}
    outcomes = {s.material_id: _put_material(uow, by_id, views, s) for s in specs}
    changed = [s for s in specs if outcomes[s.material_id] is not PutOutcome.Unchanged and s.classes is not None]
    MATERIAL_CLASSES.assign(uow, {_pk(by_id[s.material_id]): s.classes or () for s in changed})
    for material_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            _emit(uow, "material", material_id, outcome=outcome.value)
    return outcomes


def _put_material(
    uow: UnitOfWork,
    rows: dict[str, MaterialDefinition],
    views: Mapping[str, queries.MaterialView],
    spec: MaterialSpec,
) -> PutOutcome:
    rules.check_units(spec)
    view, row = views.get(spec.material_id), rows.get(spec.material_id)
    if view is None or row is None:
        row = MaterialDefinition(id=spec.material_id, description=spec.description, unit=spec.unit)
        row.properties = stored(spec.properties or ())
        rows[spec.material_id] = row
        uow.session.add(row)
        uow.flush()
        _store_conversions(uow, row, spec)
        return PutOutcome.Created
    if view.unit != spec.unit:
        raise MaterialUnitFixed(
            f"{spec.material_id!r} is counted in {view.unit!r}, not {spec.unit!r}.",
            errors=[FieldError(spec.material_id, "a material keeps its unit", MaterialUnitFixed.code)],
        )
    same_units = set(view.conversions) == set(spec.conversions)
    same_classes = spec.classes is None or set(view.classes) == set(spec.classes)
    properties = row.properties if spec.properties is None else stored(spec.properties)
    same_words = (view.description, row.properties) == (spec.description, properties)
    if same_units and same_classes and same_words:
        return PutOutcome.Unchanged
    row.description, row.properties = spec.description, properties
    row.version = view.version + 1
    uow.flush()
    if not same_units:
        _store_conversions(uow, row, spec)
    return PutOutcome.Updated


def create_material_class(uow: UnitOfWork, *, spec: ClassSpec) -> None:
    """Add one material class. `material-class-exists`."""
    if MATERIAL_CLASSES.get(uow.session, [spec.class_id]):
        raise MaterialClassExists(f"There already is a material class {spec.class_id!r}.")
    put_material_classes(uow, specs=[spec])


def update_material_class(uow: UnitOfWork, *, spec: ClassSpec, version: int) -> None:
    """Change a class that is still at `version`. `material-class-not-found`, `version-conflict`."""
    _check_version(queries.get_material_class(uow.session, material_class_id=spec.class_id).version, version)
    put_material_classes(uow, specs=[spec])


def put_material_classes(uow: UnitOfWork, *, specs: Sequence[ClassSpec]) -> dict[str, PutOutcome]:
    """Make material classes say so, others stay. Repeating it changes nothing."""
    return {name: PutOutcome(outcome) for name, outcome in MATERIAL_CLASSES.put(uow, specs).items()}


def _pk(row: MaterialDefinition) -> int:
    assert row.pk is not None, "the row was flushed"
    return row.pk


def _store_conversions(uow: UnitOfWork, row: MaterialDefinition, spec: MaterialSpec) -> None:
    pk = _pk(row)
    uow.execute(delete(UnitConversionRow).where(col(UnitConversionRow.material_pk) == pk))
    for known in spec.conversions:
        uow.session.add(
            UnitConversionRow(material_pk=pk, unit=known.unit, numerator=known.numerator, denominator=known.denominator)
        )
    uow.flush()


def create_lot(uow: UnitOfWork, *, spec: LotSpec) -> None:
    """Add one lot. `material-lot-exists`, `material-not-found`, `unit-not-convertible`, `quantity-out-of-range`."""
    if _load_lots(uow, [spec.lot_id]):
        raise MaterialLotExists(f"There already is a lot {spec.lot_id!r}.")
    put_lots(uow, specs=[spec])


def update_lot(uow: UnitOfWork, *, spec: LotSpec, version: int, in_use: Collection[str] = ()) -> None:
    """Change quantity, disposition or properties of a lot that is still at `version`.

    `material-lot-not-found`, `version-conflict`, as `put_lots`.
    """
    view = queries.get_material_lot(uow.session, lot_id=spec.lot_id)
    _check_version(view.version, version)
    put_lots(uow, specs=[spec], in_use=in_use)


def put_lots(uow: UnitOfWork, *, specs: Sequence[LotSpec], in_use: Collection[str] = ()) -> dict[str, PutOutcome]:
    """Make lots say what `specs` say; others stay. Repeating it changes nothing.

    `in_use`: lots that something was done with, whose quantity is no longer told but recorded (genealogy knows them).
    `material-not-found`, `unit-not-convertible`, `quantity-out-of-range`, `material-lot-fixed` (a lot keeps material
    and unit), `material-lot-in-use`, `material-lot-closed`, `lot-hold-stands`; `errors` has every lot refused.
    `signature-needed`, `signature-not-good`: of all lots it releases together.
    """
    materials = queries.get_materials(uow.session, {s.material_id for s in specs})
    rows = _load_lots(uow, [s.lot_id for s in specs])
    before = {lot_id: row.disposition for lot_id, row in rows.items()}
    outcomes: dict[str, PutOutcome] = {}
    refusals: list[tuple[str, Refusal]] = []
    for spec in specs:
        try:
            outcomes[spec.lot_id] = _put_lot(uow, rows, materials, spec, spec.lot_id in in_use)
        except Refusal as refusal:
            refusals.append((spec.lot_id, refusal))
    _refuse(refusals)
    told = {s.lot_id: s.disposition for s in specs if s.lot_id in before}
    _sign_release(uow, {lot_id: (before[lot_id], wanted) for lot_id, wanted in told.items()}, reason="")
    uow.flush()
    for lot_id, outcome in outcomes.items():
        if outcome is not PutOutcome.Unchanged:
            _emit(uow, "material-lot", lot_id, outcome=outcome.value)
    return outcomes


def _refuse(refusals: Sequence[tuple[str, Refusal]]) -> None:
    """Raise the first refusal of a set, with one error for each."""
    if refusals:
        errors = [FieldError(name, refusal.detail, refusal.code) for name, refusal in refusals]
        first = refusals[0][1]
        raise type(first)(first.detail, errors=errors)


def _put_lot(
    uow: UnitOfWork,
    rows: dict[str, MaterialLot],
    materials: Mapping[str, queries.MaterialView],
    spec: LotSpec,
    is_in_use: bool,
) -> PutOutcome:
    material = materials.get(spec.material_id)
    if material is None:
        raise MaterialNotFound(f"There is no material {spec.material_id!r}.")
    rules.factor_of(spec.unit, material.unit, material.conversions)
    rules.check_lot_quantity(spec.quantity)
    row = rows.get(spec.lot_id)
    values: dict[str, Any] = {"quantity": spec.quantity, "disposition": spec.disposition.value}
    if spec.properties is not None:
        values["properties"] = stored(spec.properties) or None
    if row is None:
        rows[spec.lot_id] = MaterialLot(id=spec.lot_id, material_pk=material.pk, unit=spec.unit, **values)
        uow.session.add(rows[spec.lot_id])
        return PutOutcome.Created
    if (row.material_pk, row.unit) != (material.pk, spec.unit):
        raise MaterialLotFixed(f"The lot {spec.lot_id!r} is of another material or unit.")
    if all(getattr(row, name) == value for name, value in values.items()):
        return PutOutcome.Unchanged
    if is_in_use and row.quantity != spec.quantity:
        raise MaterialLotInUse(f"{row.id} came in with {row.quantity.normalize():f} {row.unit}, of which some is used.")
    rules.check_put(row.id, Disposition(row.disposition), spec.disposition)
    if row.disposition != spec.disposition:
        _emit_disposition(uow, row.id, row.disposition, spec.disposition, reason="")
    for name, value in values.items():
        setattr(row, name, value)
    return PutOutcome.Updated


def set_lot_quantity(uow: UnitOfWork, *, lot_id: str, quantity_e6: int) -> None:
    """What a lot was in all, × 10^6, as a recorded act has it. `quantity-out-of-range`, `material-lot-not-found`,
    `material-lot-closed`."""
    rules.check_lot_quantity(from_e6(quantity_e6))
    lot = _known(uow, [lot_id])[lot_id]
    if lot.disposition == Disposition.Closed:
        raise MaterialLotClosed(f"The lot {lot_id!r} is closed.")
    store_quantity(uow, lot.pk, quantity_e6)


def set_disposition(
    uow: UnitOfWork, *, lot_id: str, disposition: Disposition, reason: str, version: int | None = None
) -> None:
    """Hold a lot (Restricted), release it (UnRestricted), close it. Who and why go into the audit trail.

    Repeating it changes nothing. `material-lot-not-found`, `version-conflict`, `material-lot-closed`.
    """
    lot = _known(uow, [lot_id])[lot_id]
    if version is not None:
        _check_version(lot.version, version)
    rules.check_disposition(lot_id, Disposition(lot.disposition), disposition)
    _change_dispositions(uow, [lot], disposition, reason=reason)


def hold_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str, but_closed: bool = False) -> list[str]:
    """Keep lots from being used, all or none; answers those that were not held already.

    `material-lot-not-found`, `material-lot-closed` (`but_closed`: such stay as they are); `errors` names each lot.
    """
    lots = list(_known(uow, lot_ids).values())
    if but_closed:
        lots = [lot for lot in lots if lot.disposition != Disposition.Closed]
    _check_each(lots, lambda lot_id, now: rules.check_disposition(lot_id, now, Disposition.Restricted))
    return _change_dispositions(uow, lots, Disposition.Restricted, reason=reason)


def release_lots(uow: UnitOfWork, *, lot_ids: Collection[str], reason: str) -> list[str]:
    """Let lots that are on hold be used again, all or none; answers those that were.

    `material-lot-not-found`, `material-lot-closed`, `lot-not-held`; `errors` names each lot.
    """
    lots = list(_known(uow, lot_ids).values())
    _check_each(lots, rules.check_release)
    return _change_dispositions(uow, lots, Disposition.UnRestricted, reason=reason)


def _known(uow: UnitOfWork, lot_ids: Collection[str]) -> dict[str, LotDisposition]:
    lots = load_dispositions(uow, lot_ids)
    missing = [lot_id for lot_id in lot_ids if lot_id not in lots]
    _refuse([(lot_id, MaterialLotNotFound(f"There is no lot {lot_id!r}.")) for lot_id in missing])
    return lots


def _check_each(lots: Iterable[LotDisposition], check: Callable[[str, Disposition], None]) -> None:
    refusals: list[tuple[str, Refusal]] = []
    for lot in lots:
        try:
            check(lot.lot_id, Disposition(lot.disposition))
        except Refusal as refusal:
            refusals.append((lot.lot_id, refusal))
    _refuse(refusals)


def _change_dispositions(
    uow: UnitOfWork, lots: Iterable[LotDisposition], disposition: Disposition, *, reason: str
) -> list[str]:
    """Each lot that changes has its own event: screens and the audit trail find it by the lot."""
    changed = [lot for lot in lots if lot.disposition != disposition]
    _sign_release(uow, {lot.lot_id: (lot.disposition, disposition) for lot in changed}, reason=reason)
    store_disposition(uow, [lot.pk for lot in changed], disposition)
    for lot in changed:
        _emit_disposition(uow, lot.lot_id, lot.disposition, disposition, reason=reason)
    return [lot.lot_id for lot in changed]


def _sign_release(uow: UnitOfWork, steps: Mapping[str, tuple[str, Disposition]], *, reason: str) -> None:
    """One signature for all lots that may be used from now on, of `steps` by lot: what it was, what it becomes."""
    released = {lot_id: step for lot_id, step in steps.items() if rules.is_release(Disposition(step[0]), step[1])}
    if not released:
        return
    what = {
        "lots": {lot_id: before for lot_id, (before, _) in released.items()},
        "becomes": {lot_id: after for lot_id, (_, after) in released.items()},
        "reason": reason,
    }
    subjects = [f"material-lot/{lot_id}" for lot_id in sorted(released)]
    require_signature(uow, SignedAct.release_lot, subjects=subjects, what=what)


def _emit_disposition(uow: UnitOfWork, lot_id: str, before: str, disposition: Disposition, *, reason: str) -> None:
    uow.emit(
        DISPOSITION_CHANGED,
        topics=[f"material-lot/{lot_id}"],
        subject=f"material-lot/{lot_id}",
        payload={"lot_id": lot_id, "from": before, "to": disposition.value, "reason": reason},
    )


def _load_lots(uow: UnitOfWork, ids: Sequence[str]) -> dict[str, MaterialLot]:
    rows = uow.session.exec(select(MaterialLot).where(col(MaterialLot.id).in_(ids)))
    return {row.id: row for row in rows}


def _check_version(current: int, seen: int) -> None:
    if current != seen:
        raise VersionConflict(f"It is at version {current}, not {seen}.")


def _emit(uow: UnitOfWork, kind: str, name: str, **payload: str) -> None:
    uow.emit(
        f"materials.{kind}-put.v1",
        topics=[f"{kind}/{name}"],
        subject=f"{kind}/{name}",
        payload={f"{kind.replace('-', '_')}_id": name, **payload},
    )
