"""Refusals of reconciliation."""

from __future__ import annotations

from mes.kernel.errors import NotFound, Unprocessable


class ErpViewNotFound(NotFound):
    code = "erp-view-not-found"
    title = "The ERP has not said yet what it thinks"
    next_step = "Send its view by REST, or import a file of it."


class ErpViewInvalid(Unprocessable):
    code = "erp-view-invalid"
    title = "This cannot be a view of an ERP"
    next_step = "Correct what the sentence names."
