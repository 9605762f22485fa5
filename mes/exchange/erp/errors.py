"""Refusals of ERP connectors."""

from __future__ import annotations

from mes.kernel.errors import Conflict, NotFound, Unprocessable


class ErpConnectionNotFound(NotFound):
    code = "erp-connection-not-found"
    title = "There is no such ERP connection"
    next_step = "List the ERP connections of this plant."


class ErpConnectionExists(Conflict):
    code = "erp-connection-exists"
    title = "There already is such an ERP connection"
    next_step = "Choose another id, or change the one that is there."


class ErpConnectionInvalid(Unprocessable):
    code = "erp-connection-invalid"
    title = "The ERP connection cannot be used like this"
    next_step = "Correct what the sentence names."


class ErpOrderUnusable(Unprocessable):
    code = "erp-order-unusable"
    title = "The ERP's order cannot be taken"
    next_step = "Correct the order or its master data in the ERP; it is read again by itself."


class ErpOrderNotFound(NotFound):
    code = "erp-order-not-found"
    title = "The order came from no ERP"
    next_step = "List the orders of the ERP connection."


class ErpMaterialNotFound(NotFound):
    code = "erp-material-not-found"
    title = "The material came from no ERP"
    next_step = "List the materials of the ERP connection."


class ErpUnreachable(Conflict):
    code = "erp-unreachable"
    title = "The ERP cannot be reached, or lets nobody in"
    next_step = "Check address, database, user and password, and that the ERP runs; then try again."
