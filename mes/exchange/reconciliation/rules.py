"""How two views of one thing differ, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from mes.exchange.reconciliation.types import Difference, ErpLot, ErpOrder, PlantLot, PlantOrder, Reason, What
from standards.isa95.quantity import from_e6


def order_differences(erp: ErpOrder, plant: PlantOrder | None) -> Iterator[Difference]:
    """Of an order the ERP names; None: nobody here knows it."""
    if plant is None:
        yield Difference(erp.id, What.itself, text(erp.good_e6), "", "", Reason.unknown_here)
        return
    if erp.ordered_e6 is not None and erp.ordered_e6 != plant.ordered_e6:
        both = text(erp.ordered_e6), text(plant.ordered_e6)
        yield Difference(erp.id, What.ordered, *both, plant.unit, Reason.ordered_differs)
    yield from _counted(What.good, erp.good_e6, plant.good_e6, plant.told.good_e6, plant)
    if erp.scrap_e6 is not None:
        yield from _counted(What.scrap, erp.scrap_e6, plant.scrap_e6, plant.told.scrap_e6, plant)


def _counted(what: What, erp_e6: int, here_e6: int, told_e6: int, plant: PlantOrder) -> Iterator[Difference]:
    if erp_e6 != here_e6:
        reason = _why(erp_e6, told_e6, plant)
        yield Difference(plant.id, what, text(erp_e6), text(here_e6), plant.unit, reason, plant.told.version)


def _why(erp_e6: int, told_e6: int, plant: PlantOrder) -> Reason:
    """Where the ERP has what it took, news explain the rest; else it has what nobody told, or changed what was told."""
    if erp_e6 == told_e6 and (plant.news or plant.corrected):
        return Reason.corrected_since if plant.corrected else Reason.not_yet_told
    return Reason.acknowledged if plant.told.version else Reason.booked_elsewhere


def lot_differences(erp: ErpLot, plant: PlantLot | None) -> Iterator[Difference]:
    """Of a lot the ERP names; None: nobody here knows it. Units that no factor leads between are not compared."""
    if plant is None:
        yield Difference(erp.id, What.itself, text(erp.quantity_e6), "", erp.unit, Reason.unknown_here)
        return
    reason = Reason.changed_since if plant.changed else Reason.unexplained
    if erp.untold:
        reason = Reason.not_yet_told
    if erp.unit not in ("", plant.unit):
        yield Difference(erp.id, What.unit, erp.unit, plant.unit, "", Reason.unexplained)
    elif erp.quantity_e6 != plant.left_e6:
        yield Difference(erp.id, What.quantity, text(erp.quantity_e6), text(plant.left_e6), plant.unit, reason)
    if erp.blocked not in (None, plant.blocked):
        yield Difference(erp.id, What.blocked, _yes(bool(erp.blocked)), _yes(plant.blocked), "", reason)


def in_erp_unit_e6(left_e6: int, erp_e6: int, factor: Fraction) -> int:
    """What is left, in the ERP's unit, of which one of the lot's own unit is `factor`.

    What is the same to the last millionth in either unit is the same: one of them rounds.
    """
    return erp_e6 if round(erp_e6 / factor) == left_e6 else round(left_e6 * factor)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def text(quantity_e6: int) -> str:
    """A quantity as it is written out."""
    return f"{from_e6(quantity_e6).normalize():f}"


def unknown_there(plant_id: str, quantity_e6: int, unit: str) -> Difference:
    """Only the plant has it: an order of so many, a lot with so much left."""
    return Difference(plant_id, What.itself, "", text(quantity_e6), unit, Reason.unknown_there)
