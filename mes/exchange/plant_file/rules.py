"""Whether the entries of a plant file fit each other and the plant: pure, every fault with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mes.definitions.effectivity_rules import effectivity_faults
from mes.definitions.parameter_rules import recipe_faults
from mes.definitions.rules import segment_faults
from mes.definitions.types import Effectivity
from mes.edge.rules import binding_faults
from mes.equipment.calendar_rules import calendar_faults
from mes.equipment.rules import hierarchy_faults, may_confirm
from mes.equipment.types import HierarchyNode
from mes.exchange.plant_file.schemas import DefinitionEntry, SegmentEntry
from mes.exchange.plant_file.source import Fault
from mes.exchange.plant_file.specs import (
    calendar_of,
    handling_spec,
    moisture_level_spec,
    segment_spec,
    tag_binding_spec,
    work_master_spec,
)
from mes.exchange.plant_file.types import KnownPlant, Located, PlantDocument
from mes.materials.errors import HandlingInvalid, UnitNotConvertible
from mes.materials.life_rules import check_handling, check_level
from mes.materials.rules import factor_of
from mes.materials.types import UnitConversion
from standards.isa95.equipment_hierarchy import EquipmentLevel


def reference_faults(document: PlantDocument, known: KnownPlant | None) -> list[Fault]:
    """Duplicates, missing references, wrong nesting, cycles, units, tags. `known` None: the plant is not asked."""
    check = _Check(document, known)
    parts = (
        check.duplicates(),
        check.hierarchy(),
        check.assets(),
        check.classes(),
        check.materials(),
        check.handling(),
        check.lots(),
        check.persons(),
        check.calendar(),
        check.work_masters(),
        check.definitions(),
        check.requirements(),
        check.bridges(),
    )
    return [fault for part in parts for fault in part]


class _Check:
    """One document against one plant."""

    def __init__(self, document: PlantDocument, known: KnownPlant | None) -> None:
        self.document = document
        self.known = known or KnownPlant()
        self.is_open = known is None
        """Nobody knows the plant, so what the file does not name may exist."""
        self.ids = {kind: {e.entry.id for e in found} for kind, found in document.entries.items()}
        self.levels = {i: n.level for i, n in self.known.nodes.items()}
        self.levels |= {e.entry.id: e.entry.level for e in document.located("equipment")}

    def exists(self, kind: str, entry_id: str) -> bool:
        """Whether file or plant has it; an entry with other faults counts as there."""
        named = entry_id in self.ids.get(kind, ()) or entry_id in self.document.unusable.get(kind, ())
        return named or self.is_open or self.known.has(kind, entry_id)

    def missing(
        self, located: Located, path: tuple[str | int, ...], kind: str, entry_id: str | None
    ) -> Iterator[Fault]:
        """A fault if a reference leads nowhere."""
        if entry_id is not None and not self.exists(kind, entry_id):
            message = f"there is no {entry_id!r} among {kind}, neither here nor in the plant"
            yield Fault(located.node.line_at(path), "reference-not-found", message)

    def duplicates(self) -> Iterator[Fault]:
        for kind, entries in self.document.entries.items():
            yield from _duplicates(kind, ((e.entry.id, e.node.line) for e in entries))

    def hierarchy(self) -> Iterator[Fault]:
        located = {e.entry.id: e for e in self.document.located("equipment")}
        nodes = dict(self.known.nodes) | {
            i: HierarchyNode(i, e.entry.level, e.entry.parent) for i, e in located.items()
        }
        concerned = [i for i, n in nodes.items() if i in located or n.parent_id in located]
        for fault in hierarchy_faults(nodes, of=concerned):
            e = located.get(fault.equipment_id) or located[nodes[fault.equipment_id].parent_id or ""]
            parent = nodes[fault.equipment_id].parent_id
            if fault.code == "parent-not-found" and parent is not None and self.exists("equipment", parent):
                continue
            path = ("parent",) if fault.code != "equipment-nesting" or e.entry.parent else ("level",)
            yield Fault(e.node.line_at(path), fault.code, fault.message)
        yield from self._confirmations(located.values())

    def _confirmations(self, entries: Iterable[Located]) -> Iterator[Fault]:
        for e in entries:
            for name in ("confirmation", "nominal_cycle_s"):
                if getattr(e.entry, name) is not None and not may_confirm(e.entry.level):
                    message = f"no jobs run on a {e.entry.level}, so {name} means nothing here"
                    yield Fault(e.node.line_at((name,)), "confirmation-not-here", message)

    def assets(self) -> Iterator[Fault]:
        filled: dict[str, int] = {}
        for e in self.document.located("physical_assets"):
            yield from self.missing(e, ("equipment",), "equipment", e.entry.equipment)
            line = e.node.line_at(("equipment",))
            if e.entry.equipment in filled:
                message = f"{e.entry.equipment!r} is filled by the machine on line {filled[e.entry.equipment]} already"
                yield Fault(line, "asset-mapping-overlap", message)
            elif e.entry.equipment is not None:
                filled[e.entry.equipment] = line

    def materials(self) -> Iterator[Fault]:
        for e in self.document.located("material_definitions"):
            stored = self.known.materials.get(e.entry.id)
            if stored is not None and stored.unit != e.entry.unit:
                message = f"{e.entry.id!r} is counted in {stored.unit!r}; a material keeps its unit"
                yield Fault(e.node.line_at(("unit",)), "material-unit-fixed", message)
            seen = {e.entry.unit}
            for n, conversion in enumerate(e.entry.conversions):
                path = ("conversions", n)
                if conversion.unit in seen:
                    yield Fault(e.node.line_at(path), "conversion-invalid", f"{conversion.unit!r} is named twice")
                seen.add(conversion.unit)
                try:
                    conversion.exact()
                except ValueError as error:
                    yield Fault(e.node.line_at((*path, "factor")), "conversion-invalid", str(error))

    def handling(self) -> Iterator[Fault]:
        for e in self.document.located("material_handling"):
            yield from self.missing(e, ("id",), "material_definitions", e.entry.id)
            yield from _refused(e, lambda located: check_handling(handling_spec(located.entry)))
        for e in self.document.located("moisture_levels"):
            yield from _refused(e, lambda located: check_level(moisture_level_spec(located.entry)))

    def lots(self) -> Iterator[Fault]:
        units = {i: (m.unit, m.conversions) for i, m in self.known.materials.items()}
        units |= {
            e.entry.id: (e.entry.unit, _conversions(e.entry)) for e in self.document.located("material_definitions")
        }
        for e in self.document.located("material_lots"):
            yield from self.missing(e, ("material",), "material_definitions", e.entry.material)
            if e.entry.unit is None or e.entry.material not in units:
                continue
            try:
                factor_of(e.entry.unit, units[e.entry.material][0], units[e.entry.material][1])
            except UnitNotConvertible as refusal:
                yield Fault(e.node.line_at(("unit",)), refusal.code, refusal.detail)

    def classes(self) -> Iterator[Fault]:
        for kind, classes in (("equipment", "equipment_classes"), ("material_definitions", "material_classes")):
            for e in self.document.located(kind):
                for n, name in enumerate(e.entry.classes or ()):
                    yield from self.missing(e, ("classes", n), classes, name)

    def persons(self) -> Iterator[Fault]:
        for e in self.document.located("persons"):
            for n, personnel_class in enumerate(e.entry.qualifications):
                yield from self.missing(e, ("qualifications", n), "personnel_classes", personnel_class)

    def calendar(self) -> Iterator[Fault]:
        located = self.document.calendar
        if located is None:
            return
        days = [(str(x.day), located.node.line_at(("exceptions", n))) for n, x in enumerate(located.entry.exceptions)]
        yield from _duplicates("exceptions", days)
        for fault in calendar_faults(calendar_of(located.entry)):
            line = located.node.line_at(_calendar_path(located.entry, fault.where))
            yield Fault(line, fault.code, f"{fault.where}: {fault.message}")

    def work_masters(self) -> Iterator[Fault]:
        for e in self.document.located("work_masters"):
            spec = work_master_spec(e.entry)
            for fault in recipe_faults(spec):
                yield Fault(e.node.line_at(("parameters", fault.where)), fault.code, fault.message)
            yield from _effectivity_faults(e)

    def definitions(self) -> Iterator[Fault]:
        for e in self.document.located("operations_definitions"):
            yield from self.missing(e, ("material",), "material_definitions", e.entry.material)
            specs = [segment_spec(segment) for segment in e.entry.segments]
            for fault in segment_faults(specs):
                yield Fault(e.node.line_at(_segment_path(e.entry, fault.where)), fault.code, fault.message)
            for n, segment in enumerate(e.entry.segments):
                yield from self._segment(e, n, segment)
            yield from _effectivity_faults(e)

    def _segment(self, e: Located, n: int, segment: SegmentEntry) -> Iterator[Fault]:
        path = ("segments", n)
        yield from self.missing(e, (*path, "work_master"), "work_masters", segment.work_master)
        yield from self._place(e, (*path, "equipment"), segment.equipment)
        for m, place in enumerate(segment.alternatives):
            yield from self._place(e, (*path, "alternatives", m), place)
        for m, name in enumerate(segment.qualifications):
            yield from self.missing(e, (*path, "qualifications", m), "personnel_classes", name)
        yield from self._materials(e, path, segment)

    def _place(self, e: Located, path: tuple[str | int, ...], equipment_id: str) -> Iterator[Fault]:
        yield from self.missing(e, path, "equipment", equipment_id)
        level = self.levels.get(equipment_id)
        if level is not None and not may_confirm(EquipmentLevel(level)):
            message = f"no jobs run on a {level} ({equipment_id!r})"
            yield Fault(e.node.line_at(path), "segment-equipment-level", message)

    def _materials(self, e: Located, path: tuple[str | int, ...], segment: SegmentEntry) -> Iterator[Fault]:
        seen = set()
        for m, material in enumerate(segment.materials):
            here = (*path, "materials", m)
            yield from self.missing(e, (*here, "material"), "material_definitions", material.material)
            if (material.material, material.use) in seen:
                yield Fault(e.node.line_at(here), "duplicate-id", f"{material.material!r} stands here twice")
            seen.add((material.material, material.use))
            for s, substitute in enumerate(material.substitutes):
                name = substitute if isinstance(substitute, str) else substitute.material
                yield from self.missing(e, (*here, "substitutes", s), "material_definitions", name)

    def requirements(self) -> Iterator[Fault]:
        for e in self.document.located("quality_requirements"):
            yield from self.missing(e, ("id",), "work_masters", e.entry.id)

    def bridges(self) -> Iterator[Fault]:
        for e in self.document.located("bridges"):
            lines = ((t.tag, e.node.line_at(("tags", n))) for n, t in enumerate(e.entry.tags))
            yield from _duplicates("tags", lines)
            for n, tag in enumerate(e.entry.tags):
                path = ("tags", n)
                yield from self.missing(e, (*path, "equipment"), "equipment", tag.equipment)
                yield from self.missing(e, (*path, "counting_point_of"), "equipment", tag.counting_point_of)
                yield from self.missing(e, (*path, "reason"), "scrap_reasons", tag.reason)
                for message in binding_faults(tag_binding_spec(tag)):
                    yield Fault(e.node.line_at(path), "binding-invalid", f"{tag.tag}: {message}")


def _refused(located: Located, check: Callable[[Located], None]) -> Iterator[Fault]:
    try:
        check(located)
    except HandlingInvalid as refusal:
        yield Fault(located.node.line, refusal.code, refusal.detail)


def _effectivity_faults(e: Located) -> Iterator[Fault]:
    effectivity = Effectivity(e.entry.effective_from, e.entry.effective_until)
    for fault in effectivity_faults(effectivity):
        yield Fault(e.node.line_at(("effective_until",)), fault.code, fault.message)


def _duplicates(kind: str, entries: Iterable[tuple[str, int]]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for entry_id, line in entries:
        if entry_id in first:
            message = f"{entry_id!r} stands among {kind} on line {first[entry_id]} already"
            yield Fault(line, "duplicate-id", message)
        else:
            first[entry_id] = line


def _conversions(entry: Any) -> tuple[UnitConversion, ...]:
    """Units are enough here: factors that cannot be have their own fault."""
    return tuple(UnitConversion(c.unit, 1, 1) for c in entry.conversions)


def _calendar_path(entry: Any, where: str) -> tuple[str | int, ...]:
    """Where in the file a calendar fault belongs."""
    for n, exception in enumerate(entry.exceptions):
        if where.startswith(f"exception {exception.day}"):
            return ("exceptions", n)
    for n, pattern in enumerate(entry.shift_patterns):
        if where == f"shift {pattern.id}":
            return ("shift_patterns", n)
    return (where,)


def _segment_path(entry: DefinitionEntry, segment_id: str) -> tuple[str | int, ...]:
    for n, segment in enumerate(entry.segments):
        if segment.id == segment_id:
            return ("segments", n)
    return ("segments",)
