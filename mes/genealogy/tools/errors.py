"""Refusals of tools."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class ToolNotFound(NotFound):
    code = "tool-not-found"
    title = "No such tool"
    next_step = "Scan the tool again, or let an engineer enter it."


class ToolInvalid(Unprocessable):
    code = "tool-invalid"
    title = "A tool cannot be like this"
    next_step = "Give limits above zero, or none."


class ToolWornOut(Conflict):
    code = "tool-worn-out"
    title = "The life of this tool is over"
    next_step = "Take another one. A supervisor may prolong it by some cycles, with a reason."


class ToolNotClean(Conflict):
    code = "tool-not-clean"
    title = "This tool has to be cleaned"
    next_step = "Clean it and say so. A supervisor may prolong it by some cycles, with a reason."


class ToolNotMounted(Conflict):
    code = "tool-not-mounted"
    title = "The tool stands nowhere"
    next_step = "Mount it first, or scan the one that is at the station."
