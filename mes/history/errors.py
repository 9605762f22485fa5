"""Refusals of history."""

from __future__ import annotations

from mes.kernel.errors import Unprocessable


class HistoryWindowInvalid(Unprocessable):
    code = "history-window-invalid"
    title = "The window of time does not fit"
    next_step = "Let it end after it begins, within 1970 to 2100; for a long one ask by the minute or by the hour."


class RetentionInvalid(Unprocessable):
    code = "history-retention-invalid"
    title = "History cannot be kept for that long, or that short"
    next_step = "Samples 1 to 3,650 days, roll-ups at least as long as samples and at most 36,500 days."
