"""Values of the materials feature: definitions with their units, lots."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

from mes.kernel.properties import Property
from standards.isa95.material import Disposition

DISPOSITION_CHANGED: Final = "materials.lot-disposition-changed.v1"


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


UNIT_PROPERTY: Final = "BaseUnitOfMeasure"
"""B2MML gives a material no unit; ours stands in a property of this id."""
CONVERSION_PROPERTY: Final = "UnitConversion"
"""One other unit: so many of the base unit are one of the value's unit."""
UNIT_PROPERTIES: Final = frozenset({UNIT_PROPERTY, CONVERSION_PROPERTY})


@dataclass(frozen=True, slots=True)
class MaterialSpec:
    """A material as somebody declares it."""

    material_id: str
    unit: str
    description: str = ""
    conversions: tuple[UnitConversion, ...] = ()
    classes: tuple[str, ...] | None = None
    """None says nothing about them."""
    properties: tuple[Property, ...] | None = None
    """Its own; None says nothing about them."""


@dataclass(frozen=True, slots=True)
class LotSpec:
    """A lot as somebody declares it; `unit` is one of its material's; `properties` None says nothing about them."""

    lot_id: str
    material_id: str
    quantity: Decimal
    unit: str
    disposition: Disposition = Disposition.UnRestricted
    properties: tuple[Property, ...] | None = None


class Storage(StrEnum):
    """Where a lot is, as far as its lives are concerned."""

    sealed = "sealed"
    """In its dry pack or closed container."""
    cold = "cold"
    """In the refrigerator (solder paste)."""
    open = "open"
    """On the floor, mounted or not: floor life passes."""
    dry_cabinet = "dry-cabinet"
    baking = "baking"


class LifeKind(StrEnum):
    """What a lot may run out of."""

    expiry = "expiry"
    open_life = "open-life"
    floor_life = "floor-life"


HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US


@dataclass(frozen=True, slots=True)
class MoistureLevel:
    """How a moisture sensitivity level is handled. `floor_life_us` None: without limit; `bake_us` None: no bake resets.

    A lot exposed for at most `dry_reset_within_us` starts anew after `dry_reset_factor` times its exposure in the dry.
    """

    level: str
    floor_life_us: int | None
    dry_reset_factor: int | None = None
    dry_reset_within_us: int = 0
    bake_us: int | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a lot had been exposed for when it came to where it is."""

    storage: Storage
    since_us: int
    exposed_us: int = 0


@dataclass(frozen=True, slots=True)
class LifeClock:
    """How much of one life is left at an instant; negative when it is over. `total_us` None: only the end is known."""

    kind: LifeKind
    left_us: int
    total_us: int | None = None
    running: bool = True

    @property
    def percent(self) -> int:
        """How much is used up, rounded down; of a life whose length is not known 0 or 100."""
        if self.left_us <= 0 or not self.total_us:
            return 100 if self.left_us <= 0 else 0
        return (self.total_us - self.left_us) * 100 // self.total_us


@dataclass(frozen=True, slots=True)
class LotLife:
    """What is known of a lot's lives."""

    exposure: Exposure
    level: MoistureLevel | None = None
    expires_at_us: int | None = None
    opened_at_us: int | None = None
    open_life_us: int | None = None


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What decides whether a lot may be used, at one instant."""

    lot_id: str
    material_id: str
    disposition: Disposition
    clocks: tuple[LifeClock, ...] = ()


class Unusable(StrEnum):
    """Why a lot may not be used; what a supervisor may decide otherwise stands in `rules.OVERRIDABLE`."""

    shipped = "shipped"
    closed = "closed"
    not_released = "not released"
    on_hold = "on hold"
    wrong_material = "wrong material"
    used_up = "used up"
    expired = "shelf life over"
    open_too_long = "open too long"
    floor_life_over = "floor life over"
    part_not_approved = "part not approved"


@dataclass(frozen=True, slots=True)
class ApprovedPart:
    """A manufacturer's part that may be bought as a material."""

    manufacturer: str
    part: str
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class HandlingSpec:
    """How a material is received and kept. With no `approved_parts` any part may be received."""

    material_id: str
    approved_parts: tuple[ApprovedPart, ...] = ()
    shelf_life_days: int | None = None
    open_life_h: int | None = None
    warm_up_h: int | None = None
    msl: str = ""
    floor_life_h: int | None = None
    bake_h: int | None = None


@dataclass(frozen=True, slots=True)
class MoistureLevelSpec:
    """A plant's own rule for a level, in hours."""

    level: str
    floor_life_h: int | None = None
    dry_reset_factor: int | None = None
    dry_reset_within_h: int = 0
    bake_h: int | None = None
