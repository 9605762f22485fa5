"""Refusals of the plant file."""

from __future__ import annotations

from mes.kernel.errors import Unprocessable


class PlantFileInvalid(Unprocessable):
    """`errors` has one entry a fault, in order of lines; `where` is `file:line`."""

    code = "plant-file-invalid"
    title = "The plant file has faults"
    next_step = "Correct the lines named; nothing was written."
