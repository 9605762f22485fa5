"""Refusals of the change feed."""

from __future__ import annotations

from mes.kernel.errors import TooMany, Unprocessable


class EventTypeInvalid(Unprocessable):
    code = "event-type-invalid"
    title = "That is no event type"
    next_step = "Use `*`, a feature (`orders.*`) or a type with its version (`orders.job-ended.v1`)."


class TooManyListeners(TooMany):
    code = "too-many-listeners"
    title = "Too many readers wait for events"
    next_step = "Ask without waiting, or close readers that are no longer needed."
