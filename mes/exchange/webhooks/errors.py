"""Refusals of webhooks."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class WebhookNotFound(NotFound):
    code = "webhook-not-found"
    title = "There is no such webhook"
    next_step = "List the webhooks of this plant."


class WebhookExists(Conflict):
    code = "webhook-exists"
    title = "There already is such a webhook"
    next_step = "Choose another id, or change the one that is there."


class WebhookInvalid(Unprocessable):
    code = "webhook-invalid"
    title = "The webhook cannot be used like this"
    next_step = "Correct what the sentence names."
