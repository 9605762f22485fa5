"""Refusals of the quality feature."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, TooLarge, Unprocessable


class DefectCodeNotFound(NotFound):
    code = "defect-code-not-found"
    title = "No such defect code"
    next_step = "Choose one of the plant's list of defect codes, or let an engineer add it."


class DefectCodeExists(Conflict):
    code = "defect-code-exists"
    title = "This defect code is taken"
    next_step = "Choose another id, or update the code that has it."


class QualityRequirementNotFound(NotFound):
    code = "quality-requirement-not-found"
    title = "Nothing was said about this work master"
    next_step = "Until an engineer says otherwise, a unit has to have been at its step if the station records units."


class ResultDiffers(Conflict):
    code = "result-differs"
    title = "This result is known with other content"
    next_step = "Send a new measurement under a new id; what was recorded stays."


class ResultInvalid(Unprocessable):
    code = "result-invalid"
    title = "This result cannot be recorded"
    next_step = "Correct what the sentence names and send it again."


class ResultsTooMany(TooLarge):
    code = "results-too-many"
    title = "Too many results at once"
    next_step = "Send at most 500 results a call."


class UnitNotSeen(NotFound):
    code = "unit-not-seen"
    title = "Nothing was recorded of this unit"
    next_step = "Scan it again; a unit is known once a station, a tester or its receipt recorded it."


class UnitNotFailed(Conflict):
    code = "unit-not-failed"
    title = "The unit is neither failed nor in rework"
    next_step = "Look at its results; report the defect first, then send it to rework."


class UnitScrapped(Conflict):
    code = "unit-scrapped"
    title = "The unit is scrapped"
    next_step = "Take it off the line; what is scrapped stays scrapped."


class DefectNotFound(NotFound):
    code = "defect-not-found"
    title = "The unit has no such open defect"
    next_step = "Look at its open defects; somebody may have repaired it."


class HoldTooLarge(TooLarge):
    code = "hold-too-large"
    title = "Too many lots at once"
    next_step = "Hold at most 500 lots and units in one act."
