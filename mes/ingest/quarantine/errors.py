"""Refusals about what is in quarantine."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound


class ReadingNotFound(NotFound):
    code = "reading-not-found"
    title = "No such reading in quarantine"
    next_step = "Look at the list again."


class ReadingDecided(Conflict):
    code = "reading-decided"
    title = "Somebody has decided about this reading"
    next_step = "Look at the list again: it is no longer there."


class ReadingNotRetriable(Conflict):
    code = "reading-not-retriable"
    title = "Trying again cannot help"
    next_step = "Record by hand what is missing, then set the reading aside with a reason."


class ReadingStillRefused(Conflict):
    code = "reading-still-refused"
    title = "It still cannot be recorded"
    next_step = "Put right what the reason names and try again, or set the reading aside with a reason."
