"""Refusals of the equipment feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class EquipmentNotFound(NotFound):
    code = "equipment-not-found"
    title = "No such equipment"
    next_step = "Check the id against the list of equipment."


class EquipmentExists(Conflict):
    code = "equipment-exists"
    title = "This equipment id is taken"
    next_step = "Choose another id, or update the equipment that has it."


class EquipmentPlaceInvalid(Unprocessable):
    code = "equipment-place-invalid"
    title = "Equipment may not stand there"
    next_step = "Put it under a parent whose level may hold it: Enterprise, Site, Area, work centre, work unit, module."


class ConfirmationNotHere(Unprocessable):
    code = "confirmation-not-here"
    title = "No jobs run on this level"
    next_step = "Declare `confirmation` and `nominal_cycle_s` on work centres and work units only."


class EquipmentClassExists(Conflict):
    code = "equipment-class-exists"
    title = "This equipment class id is taken"
    next_step = "Choose another id, or update the class that has it."


class EquipmentClassNotFound(NotFound):
    code = "equipment-class-not-found"
    title = "No such equipment class"
    next_step = "Check the id against the list of equipment classes, or create the class first."


class PhysicalAssetNotFound(NotFound):
    code = "physical-asset-not-found"
    title = "No such physical asset"
    next_step = "Check the id against the list of physical assets."


class PhysicalAssetExists(Conflict):
    code = "physical-asset-exists"
    title = "This physical asset id is taken"
    next_step = "Choose another id, or update the physical asset that has it."


class AssetMappingOverlap(Conflict):
    code = "asset-mapping-overlap"
    title = "The change of machine lies before the last one"
    next_step = "Give an instant after the last change of this equipment and of this machine."


class CalendarInvalid(Unprocessable):
    code = "calendar-invalid"
    title = "The plant calendar contradicts itself"
    next_step = "Correct the parts named in `errors`; the calendar in force is unchanged."


class CalendarRangeTooLong(Unprocessable):
    code = "calendar-range-too-long"
    title = "Too many days at once"
    next_step = "Ask for at most 400 days, with the end after the start."
