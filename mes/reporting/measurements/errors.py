"""Refusals of measurements."""

from __future__ import annotations

from mes.kernel.errors import NotFound


class HistoryTagNotFound(NotFound):
    code = "history-tag-not-found"
    title = "No such measurement"
    next_step = "Ask GET /api/v1/history/tags which there are; names belong to a bridge."
