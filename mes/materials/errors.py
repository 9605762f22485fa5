"""Refusals of the materials feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class MaterialNotFound(NotFound):
    code = "material-not-found"
    title = "No such material"
    next_step = "Check the id against the list of material definitions."


class MaterialExists(Conflict):
    code = "material-exists"
    title = "This material id is taken"
    next_step = "Choose another id, or update the material that has it."


class MaterialUnitFixed(Conflict):
    code = "material-unit-fixed"
    title = "The unit of a material cannot change"
    next_step = "Orders and lots count in it: add a conversion for the other unit, or declare a new material."


class UnitNotConvertible(Unprocessable):
    code = "unit-not-convertible"
    title = "No conversion between these units"
    next_step = "Use the material's own unit, or declare a conversion for the other one."


class ConversionInvalid(Unprocessable):
    code = "conversion-invalid"
    title = "This conversion cannot be"
    next_step = "Give each other unit once, with a positive factor such as 8, 0.5 or 1/12."


class QuantityNotExact(Unprocessable):
    code = "quantity-not-exact"
    title = "The result has more than six decimals"
    next_step = "Give the quantity in the unit you need; Lineside never rounds a quantity."


class QuantityOutOfRange(Unprocessable):
    code = "quantity-out-of-range"
    title = "A lot cannot hold this quantity"
    next_step = "Give a quantity from 0 to 9,000,000,000,000 with at most six decimals."


class MaterialLotNotFound(NotFound):
    code = "material-lot-not-found"
    title = "No such lot"
    next_step = "Check the id against the list of lots."


class MaterialLotExists(Conflict):
    code = "material-lot-exists"
    title = "This lot id is taken"
    next_step = "Choose another id, or update the lot that has it."


class MaterialClassExists(Conflict):
    code = "material-class-exists"
    title = "This material class id is taken"
    next_step = "Choose another id, or update the class that has it."


class MaterialClassNotFound(NotFound):
    code = "material-class-not-found"
    title = "No such material class"
    next_step = "Check the id against the list of material classes, or create the class first."


class MaterialLotFixed(Conflict):
    code = "material-lot-fixed"
    title = "A lot keeps its material and its unit"
    next_step = "Create another lot for the other material or unit."


class LotHoldStands(Conflict):
    code = "lot-hold-stands"
    title = "Master data lift no hold"
    next_step = "Whoever decides about quality releases the lot, with a reason; then change it."


class MaterialLotInUse(Conflict):
    code = "material-lot-in-use"
    title = "Something was done with this lot, so its quantity is not overwritten"
    next_step = "Count what is left and adjust the lot, with a reason; the quantity it has is no change."


class MaterialLotClosed(Conflict):
    code = "material-lot-closed"
    title = "The lot is closed"
    next_step = "A closed lot stays as it is; take another one, or create it."


class WrongMaterial(Conflict):
    code = "wrong-material"
    title = "This lot is of another material"
    next_step = "Take a lot of the material that is asked for, or of a substitute the list allows."


class LotOnHold(Conflict):
    code = "lot-on-hold"
    title = "The lot is on hold"
    next_step = "Take another lot; who holds this one, and why, stands on its page."


class LotNotHeld(Conflict):
    code = "lot-not-held"
    title = "The lot is not on hold"
    next_step = "Release what is on hold only; a planned lot is released where it is received or inspected."


class LotNotReleased(Conflict):
    code = "lot-not-released"
    title = "The lot is not released yet"
    next_step = "Wait until it is released, or take another lot."


class LotExpired(Conflict):
    code = "lot-expired"
    title = "The shelf life of the lot is over"
    next_step = "Take another lot and put this one on hold."


class LotOpenTooLong(Conflict):
    code = "lot-open-too-long"
    title = "The lot has been open too long"
    next_step = "Open a new one; do not put what is left back to stock."


class FloorLifeOver(Conflict):
    code = "floor-life-over"
    title = "The floor life of the lot is over"
    next_step = "Bake it as its label says before it is used, or take another lot."


class LotNotUsable(Conflict):
    code = "lot-not-usable"
    title = "The lot has left in a shipment"
    next_step = "Take another lot."


class LotUsedUp(Conflict):
    code = "lot-used-up"
    title = "The lot does not have that much left"
    next_step = "Scan the next lot, or correct the quantity of this one; a supervisor's override is recorded."


class PartNotApproved(Conflict):
    code = "part-not-approved"
    title = "This manufacturer's part is not approved"
    next_step = "Put it aside. A supervisor may take it in, or use it, with a reason, or an engineer approves the part."


class LotNotWarm(Conflict):
    code = "lot-not-warm"
    title = "The lot has not warmed up"
    next_step = "Leave it closed until its warm-up time is over, then open it."


class HandlingInvalid(Unprocessable):
    code = "handling-invalid"
    title = "A material cannot be handled like this"
    next_step = "Give a level of J-STD-020 (1, 2, 2a, 3, 4, 5, 5a, 6), positive times, and each approved part once."
