"""Refusals of the edge: bridges, bindings, commands."""

from __future__ import annotations

from mes.kernel.errors import BadRequest, Conflict, NotFound, Unprocessable


class BridgeNotFound(NotFound):
    code = "bridge-not-found"
    title = "No such bridge"
    next_step = "Load a plant file that names the bridge, or check the token: a bridge's principal has the bridge's id."


class BindingInvalid(Unprocessable):
    code = "binding-invalid"
    title = "A tag binding does not fit"
    next_step = "Correct the named bindings and send them again; nothing was changed."


class HealthUnreadable(BadRequest):
    code = "health-unreadable"
    title = "The report is not health_v1"
    next_step = "See docs/api/ingest.md; what was known before stands."


class CommandNotFound(NotFound):
    code = "command-not-found"
    title = "No such command for this bridge"


class CommandFinished(Conflict):
    code = "command-finished"
    title = "The command already has another result"
    next_step = "Nothing: the first result stands."
