"""Rules of materials, pure: exact conversion between units, what a lot may become, whether it may be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from mes.kernel.errors import Refusal
from mes.kernel.properties import PropertyDocument
from mes.materials.errors import (
    ConversionInvalid,
    FloorLifeOver,
    LotExpired,
    LotHoldStands,
    LotNotHeld,
    LotNotReleased,
    LotNotUsable,
    LotOnHold,
    LotOpenTooLong,
    LotUsedUp,
    MaterialLotClosed,
    PartNotApproved,
    QuantityNotExact,
    QuantityOutOfRange,
    UnitNotConvertible,
    WrongMaterial,
)
from mes.materials.types import UNIT_PROPERTIES, LifeClock, LifeKind, LotFacts, MaterialSpec, UnitConversion, Unusable
from standards.isa95.material import USABLE, Disposition
from standards.isa95.quantity import MAX_E6, to_e6

FACTOR_PART_MAX: Final = 10**15
"""Numerator and denominator of a factor stay below this."""
_FACTOR: Final = re.compile(r"[+-]?\d{1,40}(?:/\d{1,40}|(?:\.\d{0,40})?(?:[eE][+-]?\d{1,2})?)", re.ASCII)
FLOAT_DIGITS: Final = 15
"""A float keeps this many decimal digits exactly."""
LOT_QUANTITY_MAX: Final = Decimal(9_000_000_000_000)


def exact_number(value: object) -> object:
    """A JSON number as text before it becomes a Decimal: ValueError where a float cannot tell what was meant."""
    if not isinstance(value, float):
        return value
    text = repr(value)
    if len(text.lstrip("-0.").replace(".", "").split("e")[0]) > FLOAT_DIGITS:
        raise ValueError("send a number of more than 15 digits as text")
    return text


def conversion(unit: str, factor: Decimal | int | str) -> UnitConversion:
    """An exact conversion from a number or a ratio ("1/12"). `conversion-invalid` unless it is positive and sane."""
    if isinstance(factor, float):
        raise TypeError("a factor is never a float")
    if _FACTOR.fullmatch(str(factor)) is None:  # an exponent could ask for more digits than there is memory
        raise ConversionInvalid(f"{str(factor)[:40]!r} is not a factor.")
    try:
        exact = Fraction(factor)
    except ZeroDivisionError as error:
        raise ConversionInvalid(f"{factor!r} is not a factor.") from error
    if exact <= 0 or max(exact.numerator, exact.denominator) > FACTOR_PART_MAX:
        raise ConversionInvalid(f"{factor!r} is not a positive factor of at most 15 digits.")
    return UnitConversion(unit, exact.numerator, exact.denominator)


def check_put(lot_id: str, current: Disposition, wanted: Disposition) -> None:
    """What master data may make of a lot. `material-lot-closed`; `lot-hold-stands`: they may hold or close a lot, but a
    hold is lifted by a decision about quality alone."""
    check_disposition(lot_id, current, wanted)
    if current is Disposition.Restricted and wanted not in (Disposition.Restricted, Disposition.Closed):
        raise LotHoldStands(f"{lot_id} is on hold.")


def check_property_ids(properties: list[PropertyDocument]) -> list[PropertyDocument]:
    """ValueError for one whose id says units in B2MML."""
    if taken := UNIT_PROPERTIES & {one.id for one in properties}:
        raise ValueError(f"{min(taken)} says units in B2MML: a property of a material has another id")
    return properties


def check_units(spec: MaterialSpec) -> None:
    """`conversion-invalid` if a unit is converted twice, or the material's own unit is."""
    units = [spec.unit, *(c.unit for c in spec.conversions)]
    twice = sorted({unit for unit in units if units.count(unit) > 1})
    if twice:
        raise ConversionInvalid(f"The unit {twice[0]!r} of {spec.material_id!r} is named twice.")


def factor_of(unit: str, base_unit: str, conversions: Iterable[UnitConversion]) -> Fraction:
    """How much of the material's own unit one `unit` is. `unit-not-convertible`."""
    if unit == base_unit:
        return Fraction(1)
    for known in conversions:
        if known.unit == unit:
            return Fraction(known.numerator, known.denominator)
    raise UnitNotConvertible(f"There is no conversion from {unit!r} to {base_unit!r}.")


def convert_e6(
    value_e6: int, from_unit: str, to_unit: str, *, base_unit: str, conversions: Iterable[UnitConversion]
) -> int:
    """A quantity (scaled by 10^6) in another unit of its material, exactly.

    `quantity-not-exact` if the result has more than six decimals or does not fit 64 bits; `unit-not-convertible`.
    """
    known = tuple(conversions)
    factor = factor_of(from_unit, base_unit, known) / factor_of(to_unit, base_unit, known)
    result = value_e6 * factor
    if result.denominator != 1 or abs(result.numerator) > MAX_E6:
        raise QuantityNotExact(f"A quantity in {from_unit!r} has no exact counterpart in {to_unit!r}.")
    return result.numerator


def check_lot_quantity(quantity: Decimal) -> None:
    """`quantity-out-of-range` unless it is exact, not negative and storable."""
    try:
        to_e6(quantity)
    except ValueError as error:
        raise QuantityOutOfRange(f"{quantity} cannot be stored exactly.") from error
    if not 0 <= quantity <= LOT_QUANTITY_MAX:
        raise QuantityOutOfRange(f"{quantity} is outside 0 to {LOT_QUANTITY_MAX}.")


def check_told_disposition(lot_id: str, known: Disposition | None, told: Disposition) -> None:
    """What another system says of a lot: it may hold one, but people lift a hold. `lot-on-hold`."""
    if known is Disposition.Restricted and told not in (Disposition.Restricted, Disposition.Closed):
        raise LotOnHold(f"{lot_id} is on hold; a document or file does not lift it.")


def check_disposition(lot_id: str, current: Disposition, following: Disposition) -> None:
    """`material-lot-closed`: Closed is the end of a lot."""
    if current is Disposition.Closed and following is not Disposition.Closed:
        raise MaterialLotClosed(f"The lot {lot_id!r} is closed.")


def is_release(current: Disposition, following: Disposition) -> bool:
    """Whether a lot that may not be used may be from then on."""
    return current not in USABLE and following in USABLE


def check_release(lot_id: str, current: Disposition) -> None:
    """`lot-not-held` if a lot may not be used for another reason than a hold; `material-lot-closed`."""
    check_disposition(lot_id, current, Disposition.UnRestricted)
    if current not in (Disposition.Restricted, Disposition.UnRestricted):
        raise LotNotHeld(f"The lot {lot_id!r} is {current.value}.")


def reasons_against(
    disposition: Disposition,
    clocks: Iterable[LifeClock] = (),
    *,
    shipped: bool = False,
    unwanted: bool = False,
    lacking: bool = False,
) -> Iterator[Unusable]:
    """Why a lot may not be used now, however it is asked: at a scan, at a mount, in a recording, on a screen.

    `unwanted`: another material is asked for; `lacking`: not so much is left of it.
    """
    if shipped:
        yield Unusable.shipped
    if disposition not in USABLE:
        yield _NOT_USABLE[disposition]
    if unwanted:
        yield Unusable.wrong_material
    if lacking:
        yield Unusable.used_up
    over = {clock.kind for clock in clocks if clock.left_us <= 0}
    yield from (reason for kind, reason in _OVER.items() if kind in over)


def usable_lot(facts: LotFacts, *, shipped: bool = False, lacking: bool = False) -> Refusal | None:
    """The first of `reasons_against` as a refusal; None if the lot may be used."""
    for reason in reasons_against(facts.disposition, facts.clocks, shipped=shipped, lacking=lacking):
        return REFUSED_AS[reason](f"{facts.lot_id}: {reason}.")
    return None


_NOT_USABLE: Final[Mapping[Disposition, Unusable]] = {
    Disposition.Closed: Unusable.closed,
    Disposition.Restricted: Unusable.on_hold,
    Disposition.Planned: Unusable.not_released,
}
_OVER: Final[Mapping[LifeKind, Unusable]] = {
    LifeKind.expiry: Unusable.expired,
    LifeKind.open_life: Unusable.open_too_long,
    LifeKind.floor_life: Unusable.floor_life_over,
}
OVERRIDABLE: Final = frozenset(
    {Unusable.on_hold, Unusable.wrong_material, Unusable.used_up, Unusable.part_not_approved, *_OVER.values()}
)
"""What a supervisor may decide otherwise. What is closed or gone is closed or gone."""
REFUSED_AS: Final[Mapping[Unusable, type[Refusal]]] = {
    Unusable.shipped: LotNotUsable,
    Unusable.closed: MaterialLotClosed,
    Unusable.not_released: LotNotReleased,
    Unusable.on_hold: LotOnHold,
    Unusable.wrong_material: WrongMaterial,
    Unusable.used_up: LotUsedUp,
    Unusable.expired: LotExpired,
    Unusable.open_too_long: LotOpenTooLong,
    Unusable.floor_life_over: FloorLifeOver,
    Unusable.part_not_approved: PartNotApproved,
}
