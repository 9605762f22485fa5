"""The refusal of a station's report."""

from __future__ import annotations

from mes.kernel.errors import Conflict, Unprocessable


class UnitRefused(Conflict):
    code = "unit-refused"
    title = "This unit may not be worked on here"
    next_step = "Take it to the step that is named; a supervisor decides about what is held."


class ProgramMissing(Unprocessable):
    code = "program-missing"
    title = "Say which program"
    next_step = "Name the program, or its revision, as the machine tells it."
