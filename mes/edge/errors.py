"""Refusals of the edge: bridges, bindings, commands."""

from __future__ import annotations

from mes.kernel.errors import BadRequest, Conflict, NotFound, TooMany, Unprocessable


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


class CertificateUnknown(NotFound):
    code = "certificate-unknown"
    title = "The edge box knows no such certificate"
    next_step = "Look at the list of certificates again: it is as the edge box told it last."


class CertificateDecided(Conflict):
    code = "certificate-decided"
    title = "Somebody has decided already"
    next_step = "Look at the list of certificates again."


class SetupNotFound(NotFound):
    code = "machine-setup-not-found"
    title = "This machine is not being set up"
    next_step = "Begin anew: what nobody went on with for two weeks is forgotten."


class SetupInvalid(Unprocessable):
    code = "machine-setup-invalid"
    title = "A machine cannot be set up like this"
    next_step = "Correct what is named and try again; nothing was changed."


class SetupClosed(Conflict):
    code = "machine-setup-closed"
    title = "This does not fit how far the machine is set up"
    next_step = "Load the page again and look how it stands."


class TagTaken(Conflict):
    code = "tag-taken"
    title = "A tag of this name means something else already"
    next_step = "Set the machine up under another name."


class TooManySetups(TooMany):
    code = "too-many-machine-setups"
    title = "Too many machines are being set up at once"
    next_step = "Finish one of them, or give it up."


class TemplateNotFound(NotFound):
    code = "machine-template-not-found"
    title = "There is no such template"
    next_step = "Load the page again and choose one that is listed."
