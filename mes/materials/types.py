"""Values of the materials feature: definitions with their units, lots."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from standards.isa95.material import Disposition


class LotKind(IntEnum):
    """What a lot is. One key space: whatever has a past and may be held."""

    lot = 1
    unit = 2
    """A sublot of one with a serial number."""
    container = 3
    shipment = 4


@dataclass(frozen=True, slots=True)
class UnitConversion:
    """One `unit` is exactly `numerator / denominator` of the material's own unit, in lowest terms."""

    unit: str
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class MaterialSpec:
    """A material as somebody declares it."""

    material_id: str
    unit: str
    description: str = ""
    conversions: tuple[UnitConversion, ...] = ()


@dataclass(frozen=True, slots=True)
class LotSpec:
    """A lot as somebody declares it; `unit` is one of its material's."""

    lot_id: str
    material_id: str
    quantity: Decimal
    unit: str
    disposition: Disposition = Disposition.UnRestricted
