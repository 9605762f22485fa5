"""What people type into the forms of a routing, as the values the verbs take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from mes.definitions.errors import EffectivityInvalid, OperationsDefinitionInvalid
from mes.definitions.types import (
    DependencyKind,
    Effectivity,
    InstructionSpec,
    MaterialSpecification,
    SegmentDependency,
    SegmentSpec,
    Substitute,
)
from mes.kernel.errors import FieldError
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import to_e6
from web.typed import SHOWN, typed_number

MINUTE: Final = "%Y-%m-%dT%H:%M"
"""As `<input type="datetime-local">` writes it, in the plant's own time."""


@dataclass(frozen=True, slots=True)
class MaterialRow:
    """One row of the table of materials; without a material it means nothing."""

    material_id: str
    use: str
    quantity: str
    allowance: str
    substitutes: str

    @property
    def says_something(self) -> bool:
        """Beside its use, which always says something."""
        return any(text.strip() for text in (self.material_id, self.quantity, self.allowance, self.substitutes))


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step as it was typed. `after` are `segment:kind`, `parameters` are (id, value); an empty value means none."""

    segment_id: str
    description: str
    work_master_id: str
    equipment_id: str
    alternatives: Sequence[str]
    quantity_per_cycle: str
    cycle_unit: str
    nominal_cycle_s: str
    first_article: str
    after: Sequence[str]
    personnel_class_ids: Sequence[str]
    parameters: Sequence[tuple[str, str]]
    materials: Sequence[MaterialRow]


def segment_of(form: StepForm, instructions: Sequence[InstructionSpec]) -> SegmentSpec:
    """The step, with the instruction it has already. `operations-definition-invalid` where a number is none."""
    return SegmentSpec(
        segment_id=form.segment_id,
        work_master_id=form.work_master_id,
        equipment_id=form.equipment_id,
        quantity_per_cycle=number_of(form.quantity_per_cycle or "1"),
        cycle_unit=form.cycle_unit.strip(),
        description=form.description.strip(),
        nominal_cycle_s=number_of(form.nominal_cycle_s) if form.nominal_cycle_s.strip() else None,
        after=tuple(_dependency(text) for text in form.after if text),
        materials=tuple(_material(row) for row in form.materials if row.material_id),
        alternatives=tuple(name for name in form.alternatives if name and name != form.equipment_id),
        parameters={name: value.strip() for name, value in form.parameters if value.strip()},
        personnel_class_ids=tuple(form.personnel_class_ids),
        instructions=tuple(instructions),
        first_article=number_of(form.first_article or "0"),
    )


@dataclass(frozen=True, slots=True)
class ToleranceForm:
    """What orders may deliver less or more, as it was typed; empty: nothing is said."""

    under_percent: str
    over_percent: str

    def values(self) -> dict[str, Decimal | None]:
        """`operations-definition-invalid` with every field that is no number."""
        found: dict[str, Decimal | None] = {}
        faults: list[FieldError] = []
        for name, text in (("under_percent", self.under_percent), ("over_percent", self.over_percent)):
            bare = text.strip().removesuffix("%").strip()
            try:
                found[name] = typed_number(bare, OperationsDefinitionInvalid) if bare else None
            except OperationsDefinitionInvalid as refusal:
                faults.append(FieldError(name, refusal.detail, "number-invalid"))
        if faults:
            raise OperationsDefinitionInvalid(faults[0].message, errors=faults)
        return found


def number_of(text: str) -> Decimal:
    """With at most six decimals."""
    value = typed_number(text, OperationsDefinitionInvalid)
    try:
        to_e6(value)
    except (ValueError, OverflowError) as error:
        raise OperationsDefinitionInvalid(f"{text[:SHOWN]!r} is not a number with at most six decimals.") from error
    return value


def _dependency(text: str) -> SegmentDependency:
    segment_id, _, kind = text.rpartition(":")
    try:
        return SegmentDependency(segment_id, DependencyKind(kind))
    except ValueError as error:
        raise OperationsDefinitionInvalid(f"A step cannot come {kind[:20]!r} another.") from error


def _material(row: MaterialRow) -> MaterialSpecification:
    try:
        use = MaterialUse(row.use)
    except ValueError as error:
        raise OperationsDefinitionInvalid(f"{row.use[:30]!r} is no use of a material.") from error
    quantity = number_of(row.quantity)
    allowance = number_of(row.allowance or "0")
    return MaterialSpecification(row.material_id, use, quantity, allowance, substitutes_of(row.substitutes, quantity))


def substitutes_of(text: str, quantity: Decimal) -> tuple[Substitute, ...]:
    """`R-10K-B, R-10K-C 1.5`: in order of preference, each with its own quantity where it differs."""
    parts = (part.split() for part in text.split(";" if ";" in text else ","))
    return tuple(Substitute(words[0], number_of(words[1]) if len(words) > 1 else quantity) for words in parts if words)


def effectivity_of(from_at: str, until_at: str, zone: tzinfo) -> Effectivity:
    """Wall times of the plant as instants; empty: open on that side. `effectivity-invalid`."""
    return Effectivity(_instant(from_at, zone), _instant(until_at, zone))


def _instant(text: str, zone: tzinfo) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.strptime(text.strip()[:16], MINUTE).replace(tzinfo=zone)
    except ValueError as error:
        raise EffectivityInvalid(f"{text[:20]!r} is no date and time.") from error
