"""The form of a lot to take in, as a browser sends it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from mes.kernel.texts import NO_NUL
from mes.materials.receiving.errors import ReceiptInvalid
from mes.materials.receiving.types import ReceiptSpec
from mes.materials.types import Storage
from standards.labels.faults import LABEL_MAX
from web.typed import typed_number

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), NO_NUL]


class Typed(BaseModel):
    """Everything as it was typed, so that a refusal can show it again."""

    request_id: Annotated[str, StringConstraints(min_length=8, max_length=90), NO_NUL]
    material_id: Text
    quantity: Annotated[str, StringConstraints(strip_whitespace=True, max_length=30), NO_NUL]
    unit: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), NO_NUL]
    label: Annotated[str, StringConstraints(max_length=LABEL_MAX), NO_NUL] = ""
    supplier: Text = ""
    supplier_lot: Text = ""
    manufacturer: Text = ""
    part: Text = ""
    date_code: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), NO_NUL] = ""
    expires_on: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10), NO_NUL] = ""
    msl: Annotated[str, StringConstraints(max_length=2), NO_NUL] = ""
    storage: Storage = Storage.sealed
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), NO_NUL] = ""

    def spec(self) -> ReceiptSpec:
        """What was typed as a receipt. `receipt-invalid`."""
        same = self.model_dump(exclude={"quantity", "expires_on", "reason"})
        quantity, expires_on = number(self.quantity), day(self.expires_on)
        return ReceiptSpec(quantity=quantity, expires_on=expires_on, override_reason=self.reason, **same)


def number(text: str) -> Decimal:
    """`receipt-invalid`."""
    return typed_number(text, ReceiptInvalid)


def day(text: str) -> date | None:
    """A day as a date field sends it; None where it is empty. `receipt-invalid`."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ReceiptInvalid(f"{text!r} is no day.") from error
