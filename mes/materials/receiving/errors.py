"""Refusals of receiving."""

from __future__ import annotations

from mes.kernel.errors import NotFound, Unprocessable


class LabelUnreadable(Unprocessable):
    """`errors` has the fault's own code (`standards.labels.faults`)."""

    code = "label-unreadable"
    title = "The label cannot be read"
    next_step = "Scan again; if it stays so, set the scanner to send control characters, or type the fields."


class ReceiptNotFound(NotFound):
    code = "receipt-not-found"
    title = "This lot was not received here"
    next_step = "Check the id: only lots taken in by a label or by hand have a receipt."


class ReceiptInvalid(Unprocessable):
    code = "receipt-invalid"
    title = "A lot cannot be received like this"
    next_step = "Give a quantity above zero and a level of J-STD-020, or none."
