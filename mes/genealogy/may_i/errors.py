"""The refusal of a station's report."""

from __future__ import annotations

from mes.kernel.errors import Conflict


class UnitRefused(Conflict):
    code = "unit-refused"
    title = "This unit may not be worked on here"
    next_step = "Take it to the step that is named; a supervisor decides about what is held."
