"""Refusals of archiving."""

from __future__ import annotations

from mes.kernel.errors import Conflict, Unprocessable


class EventsStillNeeded(Conflict):
    code = "events-still-needed"
    title = "These events are still needed"
    next_step = "Let who follows catch up, or delete that webhook or connection; or archive up to an earlier day."


class ArchiveDiffers(Unprocessable):
    code = "archive-differs"
    title = "The archive is not what the plant has"
    next_step = "Remove nothing before it is known why: `lineside audit verify`. Make the archive anew."


class ArchiveLeavesGap(Unprocessable):
    code = "archive-leaves-gap"
    title = "The archive does not begin where the last one ended"
    next_step = "Make a new one with `lineside events archive`: it begins there."
