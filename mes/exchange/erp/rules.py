"""Pure rules of ERP connectors: what a connection may be, what the ERP's records are here, what an order came to."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from mes.definitions.types import DefinitionSpec, MaterialSpecification, SegmentDependency, SegmentSpec, WorkMasterSpec
from mes.exchange.erp.errors import ErpConnectionInvalid, ErpOrderUnusable
from mes.exchange.erp.types import (
    PLACES_MAX,
    POLL_S_MAX,
    Confirmation,
    ConnectionSpec,
    Consumption,
    ErpBill,
    ErpMaterial,
)
from mes.kernel.addresses import fault_of_url
from mes.kernel.errors import Refusal
from mes.materials.rules import factor_of
from mes.materials.types import MaterialSpec
from standards.isa95.material import MaterialUse
from standards.isa95.quantity import SCALE, from_e6, to_e6

SECOND_US: Final = 1_000_000
DELAYS_S: Final = (5, 10, 30, 60, 120, 300)
"""After the first failure, the second, and so on; the last one repeats."""
ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
STEP_MARK: Final = "S"
"""A segment made from the ERP's step 7 is `S7`."""
ONE_STEP: Final = "MAKE"
_OPEN: Final = re.compile(r"[!-~]{1,100}")


def fault_of(spec: ConnectionSpec, kinds: Collection[str]) -> str:
    """What is wrong with a connection, in words; empty: nothing."""
    if spec.kind not in kinds:
        return f"There is no connector for {spec.kind!r}; there are {', '.join(sorted(kinds))}."
    if not 1 <= spec.poll_s <= POLL_S_MAX:
        return f"The ERP is looked at every 1 to {POLL_S_MAX} seconds."
    if len(spec.places) > PLACES_MAX:
        return f"At most {PLACES_MAX} places are named."
    if not _OPEN.fullmatch(spec.database) or not _OPEN.fullmatch(spec.user):
        return "Database and user have 1 to 100 printable characters without blanks."
    if spec.order_prefix and not ID_PATTERN.fullmatch(spec.order_prefix[:20]):
        return "The prefix of order numbers has letters, digits and . _ : / - only."
    return _fault_of_url(spec)


def _fault_of_url(spec: ConnectionSpec) -> str:
    if fault := fault_of_url(spec.url, private=spec.private_addresses):
        return fault
    if urlsplit(spec.url).query:
        return "The address may hold no query."
    if urlsplit(spec.url).scheme == "http" and not spec.plain_http:
        return "Over http:// the password travels in the clear: allow it, or use https://."
    return ""


def refuse_invalid(spec: ConnectionSpec, kinds: Collection[str]) -> None:
    """`erp-connection-invalid`."""
    if fault := fault_of(spec, kinds):
        raise ErpConnectionInvalid(fault)


def next_try_us(now_us: int, failures: int) -> int:
    """When to try again after so many failures in a row (1: the first)."""
    return now_us + DELAYS_S[min(max(failures, 1), len(DELAYS_S)) - 1] * SECOND_US


# -- down


def material_spec(material: ErpMaterial) -> MaterialSpec:
    return MaterialSpec(material.material_id, material.unit, material.description[:500], material.conversions)


def in_own_unit(quantity: Decimal, unit: str, material: MaterialSpec) -> Decimal:
    """A quantity in its material's own unit, to the nearest millionth. `unit-not-convertible`."""
    return nearest(Fraction(quantity) * factor_of(unit, material.unit, material.conversions))


def nearest(quantity: Fraction) -> Decimal:
    """To six decimals, without an exponent."""
    scaled = Decimal(quantity.numerator * SCALE) / Decimal(quantity.denominator)
    return from_e6(int(scaled.quantize(Decimal(1), ROUND_HALF_EVEN)))


@dataclass(frozen=True, slots=True)
class Routing:
    """A bill as it is kept here."""

    definition: DefinitionSpec
    recipes: tuple[WorkMasterSpec, ...]


def routing_of(
    bill: ErpBill, materials: Mapping[str, MaterialSpec], *, place: str, places: Mapping[str, str]
) -> Routing:
    """One segment and one recipe a step, one after another; what is used is used at the first.

    `materials`: by the ERP's key. `erp-order-unusable` with what is missing.
    """
    made = materials.get(bill.material_key)
    if made is None:
        raise ErpOrderUnusable(f"{bill.definition_id} makes a product that was not taken.")
    per = Fraction(bill.quantity) * factor_of(bill.unit, made.unit, made.conversions)
    if per <= 0:
        raise ErpOrderUnusable(f"{bill.definition_id} makes nothing.")
    steps = [(f"{STEP_MARK}{s.key}", s.description, places.get(s.place, place)) for s in bill.steps]
    steps = steps or [(ONE_STEP, bill.description, place)]
    if missing := [step.place or "(no place)" for step in bill.steps if not places.get(step.place, place)]:
        raise ErpOrderUnusable(f"{bill.definition_id}: say where {', '.join(missing)} is here.")
    if not all(equipment for _, _, equipment in steps):
        raise ErpOrderUnusable(f"{bill.definition_id}: say where bills without steps are made here.")
    segments = tuple(
        SegmentSpec(
            segment_id,
            f"{bill.definition_id}-{segment_id}",
            equipment,
            description=description[:500],
            after=(SegmentDependency(steps[number - 1][0]),) if number else (),
            materials=_specifications(bill, materials, per) if number == 0 else (),
        )
        for number, (segment_id, description, equipment) in enumerate(steps)
    )
    definition = DefinitionSpec(bill.definition_id, made.material_id, segments, description=bill.description[:500])
    return Routing(definition, tuple(WorkMasterSpec(segment.work_master_id) for segment in segments))


def _specifications(
    bill: ErpBill, materials: Mapping[str, MaterialSpec], per: Fraction
) -> tuple[MaterialSpecification, ...]:
    """What one piece needs, each material once."""
    needed: Counter[str] = Counter()
    amounts: dict[str, Fraction] = {}
    for line in bill.lines:
        material = materials.get(line.material_key)
        if material is None:
            raise ErpOrderUnusable(f"{bill.definition_id} uses a product that was not taken.")
        factor = factor_of(line.unit, material.unit, material.conversions)
        needed[material.material_id] += 1
        amounts[material.material_id] = amounts.get(material.material_id, Fraction()) + Fraction(line.quantity) * factor
    found = {material_id: nearest(amounts[material_id] / per) for material_id in needed}
    return tuple(
        MaterialSpecification(material_id, MaterialUse.Consumed, quantity)
        for material_id, quantity in found.items()
        if quantity > 0
    )


def step_key_of(segment_id: str) -> str:
    """The ERP's step that a segment was made from; "" for none."""
    return segment_id.removeprefix(STEP_MARK) if segment_id.startswith(STEP_MARK) else ""


def sentence_of(refusal: Refusal) -> str:
    """A refusal as one sentence for people at the ERP."""
    return "; ".join(error.message for error in refusal.errors[:5]) or refusal.detail or refusal.title


# -- up


def consumption_of(chosen: str, *, by_lot: bool) -> Consumption:
    """What a person chose; else what the ERP books by lot is counted by lot, and the rest follows the bill."""
    if chosen:
        return Consumption(chosen)
    return Consumption.actual if by_lot else Consumption.by_bill


@dataclass(frozen=True, slots=True)
class Position:
    """A line of a step's bill: `quantity_e6` of a material for one piece, and what may be used instead."""

    material_pk: int
    quantity_e6: int
    substitutes: tuple[int, ...] = ()


def back_flushed(
    made_e6: Mapping[int, int], bills: Mapping[int, Sequence[Position]], by_bill: Collection[int]
) -> dict[int, int]:
    """What pieces made at steps used by their bills, by material; both mappings by step."""
    used: dict[int, Fraction] = {}
    for step, pieces_e6 in made_e6.items():
        for line in bills.get(step, ()):
            if line.material_pk in by_bill:
                more = Fraction(pieces_e6 * line.quantity_e6, SCALE)
                used[line.material_pk] = used.get(line.material_pk, Fraction()) + more
    return {pk: to_e6(nearest(quantity / SCALE)) for pk, quantity in used.items() if quantity > 0}


def counted_by_lot(bills: Iterable[Sequence[Position]], by_bill: Collection[int], seen: Iterable[int]) -> set[int]:
    """Of the materials that lots were seen of those to book by lot: not what follows the bill, nor its substitutes."""
    flushed = {line.material_pk for lines in bills for line in lines if line.material_pk in by_bill}
    instead = {pk for lines in bills for line in lines if line.material_pk in flushed for pk in line.substitutes}
    return set(seen) - set(by_bill) - instead


def digest(confirmation: Confirmation) -> str:
    """What a confirmation says, as SHA-256: the same again is not told again."""
    said: dict[str, Any] = asdict(confirmation)
    return hashlib.sha256(orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()
