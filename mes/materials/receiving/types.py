"""Values of receiving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mes.materials.types import Storage


@dataclass(frozen=True, slots=True)
class ReceiptSpec:
    """A lot as somebody takes it in. `msl` "": that of its material; `override_reason`: why all the same."""

    material_id: str
    quantity: Decimal
    unit: str
    request_id: str
    supplier: str = ""
    supplier_lot: str = ""
    manufacturer: str = ""
    part: str = ""
    date_code: str = ""
    expires_on: date | None = None
    msl: str = ""
    storage: Storage = Storage.sealed
    label: str = ""
    override_reason: str = ""
