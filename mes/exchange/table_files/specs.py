"""What rows say as the specs the verbs take. What a row does not say stays as it is. Pure; `import-row-invalid`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from mes.definitions.errors import SegmentNotFound
from mes.definitions.queries import ResolvedDefinition
from mes.definitions.schemas import MaterialSpecificationDocument
from mes.definitions.service.content import segment_spec_of, spec_of
from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentSpec
from mes.equipment.queries import EquipmentView
from mes.equipment.schemas import EquipmentIn
from mes.equipment.types import EquipmentSpec
from mes.exchange.reconciliation.schemas import ErpLotIn, ErpOrderIn
from mes.exchange.reconciliation.types import ErpLot, ErpOrder
from mes.exchange.table_files.columns import normal
from mes.exchange.table_files.errors import ImportLotInUse, ImportRowInvalid
from mes.exchange.table_files.types import Entry
from mes.materials.errors import MaterialNotFound, MaterialUnitFixed
from mes.materials.queries import MaterialLotView, MaterialView
from mes.materials.rules import check_told_disposition, convert_e6
from mes.materials.schemas import ConversionDocument, MaterialIn, MaterialLotIn
from mes.materials.types import LotSpec, MaterialSpec
from mes.orders.schemas import OperationsRequestIn
from mes.personnel.rules import named_qualifications
from mes.personnel.schemas import PersonIn
from mes.personnel.types import PersonView, Qualification
from standards.isa95.equipment_hierarchy import EquipmentLevel
from standards.isa95.material import Disposition, MaterialUse
from standards.isa95.quantity import from_e6, to_e6

_LEVELS: Final[Mapping[EquipmentLevel, str]] = {
    EquipmentLevel.Enterprise: "company|unternehmen|firma",
    EquipmentLevel.Site: "plant|werk|standort",
    EquipmentLevel.Area: "hall|department|bereich|halle|abteilung",
    EquipmentLevel.ProductionLine: "line|linie|fertigungslinie|produktionslinie",
    EquipmentLevel.WorkCenter: "work centre|arbeitsplatzgruppe|kostenstelle",
    EquipmentLevel.WorkCell: "cell|zelle|fertigungszelle",
    EquipmentLevel.WorkUnit: "station|machine|workplace|maschine|arbeitsplatz|anlage",
    EquipmentLevel.StorageZone: "warehouse|store|lager|lagerbereich",
    EquipmentLevel.StorageUnit: "bin|storage location|lagerplatz",
}
_LEVEL_WORDS: Final = {normal(level): level for level in EquipmentLevel} | {
    normal(word): level for level, words in _LEVELS.items() for word in words.split("|")
}

D = TypeVar("D", bound=BaseModel)
_DISPOSITIONS: Final[Mapping[Disposition, str]] = {
    Disposition.UnRestricted: "unrestricted|released|free|available|ok|frei|freigegeben|verfügbar|frei verwendbar",
    Disposition.Restricted: "restricted|blocked|hold|on hold|quarantine|gesperrt|sperrbestand|qualitätsprüfung",
    Disposition.Planned: "planned|geplant",
    Disposition.InProcess: "in-process|in process|in arbeit|in fertigung",
    Disposition.Closed: "closed|used up|geschlossen|abgeschlossen|verbraucht",
}
_WORDS: Final = {word: meant for meant, words in _DISPOSITIONS.items() for word in words.split("|")}


def equipment_spec(entry: Entry, known: EquipmentView | None) -> EquipmentSpec:
    """Who confirms its jobs is no matter of files."""
    kept: dict[str, Any] = {}
    if known is not None:
        kept = {
            "level": known.level,
            "parent_id": known.parent_id or None,
            "description": known.description,
            "confirmation": known.confirmation,
            "nominal_cycle_s": known.nominal_cycle_s,
        }
    said = {**kept, **entry.values}
    if "level" in entry.values:
        said["level"] = _level(str(entry.values["level"]))
    return _checked(EquipmentIn, said).spec()


def _level(word: str) -> EquipmentLevel:
    found = _LEVEL_WORDS.get(normal(word))
    if found is None:
        raise ImportRowInvalid(f"level: {word[:40]!r} is none; there are {', '.join(EquipmentLevel)}.")
    return found


def material_spec(entry: Entry, known: MaterialView | None) -> MaterialSpec:
    """`material-unit-fixed`, which the verb would say of one row at a time."""
    kept: dict[str, Any] = {}
    if known is not None:
        conversions = [ConversionDocument.of(one) for one in known.conversions]
        kept = {"unit": known.unit, "description": known.description, "conversions": conversions}
    said = dict(entry.values)
    if "conversions" in said:
        said["conversions"] = [_conversion(word) for word in _several(said["conversions"])]
    spec = _checked(MaterialIn, {**kept, **said}).spec()
    if known is not None and spec.unit != known.unit:
        raise MaterialUnitFixed(f"{spec.material_id!r} is counted in {known.unit!r}, not {spec.unit!r}.")
    return spec


def _conversion(word: str) -> dict[str, str]:
    unit, mark, factor = word.partition("=")
    if not mark:
        raise ImportRowInvalid(f"conversions: {word[:40]!r} is not written as unit=factor.")
    return {"unit": unit.strip(), "factor": factor.strip()}


def lot_spec(entry: Entry, known: MaterialLotView | None, units: Mapping[str, str], *, in_use: bool) -> LotSpec:
    """`units`: of materials. `lot-on-hold`: a file does not lift a hold. `import-lot-in-use`."""
    kept: dict[str, Any] = {}
    if known is not None:
        kept = {
            "material_id": known.material_id,
            "quantity": known.quantity,
            "unit": known.unit,
            "disposition": known.disposition,
        }
    said = {**kept, **entry.values}
    if "disposition" in entry.values:
        said["disposition"] = _disposition(str(entry.values["disposition"]))
    if "unit" not in said and (unit := units.get(str(said.get("material_id")))):
        said["unit"] = unit
    spec = _checked(MaterialLotIn, said).spec()
    if in_use and known is not None and spec.quantity != known.quantity:
        raise ImportLotInUse(f"{spec.lot_id} came in with {known.quantity.normalize():f} {known.unit}.")
    check_told_disposition(spec.lot_id, known.disposition if known else None, spec.disposition)
    return spec


def _disposition(word: str) -> Disposition:
    found = _WORDS.get(word.casefold())
    if found is None:
        raise ImportRowInvalid(f"disposition: {word[:40]!r} is none; there are {', '.join(Disposition)}.")
    return found


def person_of(entry: Entry, known: PersonView | None) -> tuple[PersonIn, tuple[Qualification, ...]]:
    """The person, without a role: files give nobody access."""
    kept = {"name": known.name, "language": known.language} if known else {}
    said = {**kept, **entry.values}
    held = known.qualifications if known else ()
    named = _several(said.pop("qualifications", ()))
    return _checked(PersonIn, said), named_qualifications(held, named) if named else held


def bill_line(
    entry: Entry, routing: ResolvedDefinition, materials: Mapping[str, MaterialView]
) -> tuple[str, MaterialSpecification]:
    """The step and what one piece needs there, in the material's own unit. The allowance and the substitutes of a
    line that is there already stay as they are where the row says nothing of them.

    `material-not-found`, `operations-segment-not-found`, `unit-not-convertible`, `quantity-not-exact`.
    """
    said = dict(entry.values)
    step, unit = _step(routing, str(said.pop("segment_id", ""))), str(said.pop("unit", ""))
    said.pop("id")
    lines = {m.material_id: m for m in step.materials if m.use == MaterialUse.Consumed}
    known = lines.get(str(said.get("material_id", "")))
    if known is not None:
        said.setdefault("scrap_allowance", known.scrap_allowance)
    line = _checked(MaterialSpecificationDocument, said).spec()
    material = materials.get(line.material_id)
    if material is None:
        raise MaterialNotFound(f"There is no material {line.material_id!r}.")
    own = convert_e6(
        to_e6(line.quantity),
        unit or material.unit,
        material.unit,
        base_unit=material.unit,
        conversions=material.conversions,
    )
    substitutes = known.substitutes if known is not None else ()
    return step.segment_id, replace(line, quantity=from_e6(own), substitutes=substitutes)


def _step(routing: ResolvedDefinition, name: str) -> SegmentSpec:
    steps = {segment.id: segment for segment in routing.segments}
    if not name and len(steps) == 1:
        return segment_spec_of(routing.segments[0])
    if not name:
        raise ImportRowInvalid(f"segment_id: {routing.id} has several steps: {', '.join(steps)[:300]}.")
    if name not in steps:
        raise SegmentNotFound(f"{routing.id} has no step {name[:100]!r}; it has {', '.join(steps)[:300]}.")
    return segment_spec_of(steps[name])


def with_bill(routing: ResolvedDefinition, lines: Sequence[tuple[str, MaterialSpecification]]) -> DefinitionSpec:
    """The routing with this bill in the place of its own; what its steps yield stays."""

    def step(segment: SegmentSpec) -> SegmentSpec:
        yields = [m for m in segment.materials if m.use != MaterialUse.Consumed]
        needs = [line for name, line in lines if name == segment.segment_id]
        materials = sorted((*yields, *needs), key=lambda m: (m.material_id, m.use))
        return replace(segment, materials=tuple(materials))

    spec = spec_of(routing)
    return replace(spec, segments=tuple(map(step, spec.segments)))


def bill_of(routing: ResolvedDefinition) -> list[tuple[str, MaterialSpecification]]:
    """What one piece needs, by step."""
    steps = map(segment_spec_of, routing.segments)
    return [(step.segment_id, m) for step in steps for m in step.materials if m.use == MaterialUse.Consumed]


def order_of(entry: Entry) -> OperationsRequestIn:
    return _checked(OperationsRequestIn, dict(entry.values))


def erp_order(entry: Entry) -> ErpOrder:
    return _checked(ErpOrderIn, dict(entry.values)).value()


def erp_lot(entry: Entry) -> ErpLot:
    """A lot is blocked where the ERP has a word for it that means so."""
    said = dict(entry.values)
    if "disposition" in said:
        said["blocked"] = _disposition(str(said.pop("disposition"))) is Disposition.Restricted
    return _checked(ErpLotIn, said).value()


def _several(value: object) -> tuple[str, ...]:
    assert isinstance(value, tuple), "a cell of words is read as several"
    return value


def _checked(document: type[D], values: Mapping[str, object]) -> D:
    try:
        return document.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ImportRowInvalid(f"{where}: {first['msg']}.") from error
